#!/usr/bin/env python3
"""Stands in for the programs `aws`, `docker` and `curl`, by the name that it is called by: it notes each call, and remembers of a
stack what scripts/deploy and scripts/teardown ask of it. It shows that they ask in the right order, not that AWS would agree."""

import fcntl
import json
import os
import pathlib
import sys

HERE = pathlib.Path(os.environ["FAKE_DIR"])
OUTPUTS = {
    "Url": "https://hub.example.com",
    "LoadBalancerName": "lb.example.com",
    "ClusterName": "cluster",
    "ServeService": "serve",
    "WorkerService": "worker",
    "AdminTaskDefinition": "admin:1",
    "AdminLogGroup": "/hub/admin",
    "TaskSubnets": "subnet-1,subnet-2",
    "TaskSecurityGroup": "sg-1",
    "TaskPublicAddress": "ENABLED",
    "DatabaseCluster": "database",
    "AuditBucketName": "audit",
    "ArtifactBucketName": "artifacts",
    "FileSystem": "fs-1",
    "SettingsParameter": "/hub/settings",
    "ModelKeySecret": "model-key",
}
SAID = {
    "migrate": "applied 11 migrations",
    "bootstrap": "made the agent; its claim code is in /var/lib/hub/claim-code",
    "claim-code": "claim code of home: ABCD-EFGH",
    "doctor": "   ok  database: answers",
}


def option(name):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else None


def fail(text):
    print(text, file=sys.stderr)
    sys.exit(254)


def aws(state, verb):
    stack = state["stack"]
    match verb:
        case "sts get-caller-identity":
            print("123456789012") if state.get("known", True) else fail("Unable to locate credentials")
        case "configure get":
            sys.exit(1)
        case "cloudformation describe-stacks":
            if not stack:
                fail("An error occurred (ValidationError): Stack with id hub does not exist")
            query = option("--query")
            if "StackStatus" in query:
                print(stack["status"])
            elif "Parameters" in query:
                print("\n".join(f"{key}\t{value}" for key, value in stack["parameters"].items()))
            else:
                print(OUTPUTS[query.split("'")[1]])
        case "cloudformation create-change-set":
            asked = json.loads(pathlib.Path(option("--parameters").removeprefix("file://")).read_text())
            body = pathlib.Path(option("--template-body").removeprefix("file://")).read_text()
            known = stack["parameters"] if stack else {}
            values = {a["ParameterKey"]: a.get("ParameterValue", known.get(a["ParameterKey"])) for a in asked}
            state["change"] = {"parameters": values, "bytes": len(body.encode()), "same": values == known}
        case "cloudformation wait":
            sys.exit(255 if state["change"]["same"] else 0)
        case "cloudformation describe-change-set":
            same = "The submitted information didn't contain changes."
            print(same if option("--query") == "StatusReason" else "Modify\tServeTask\tAWS::ECS::TaskDefinition\tTrue")
        case "cloudformation execute-change-set":
            status = "UPDATE_COMPLETE" if stack else "CREATE_COMPLETE"
            state["stack"] = {"status": status, "parameters": state["change"]["parameters"]}
        case "cloudformation describe-stack-events":
            print("event\tServe\tUPDATE_COMPLETE\tNone")
        case "cloudformation delete-stack":
            state["stack"] = None
        case "ecr describe-images":
            sys.exit(0 if state.get("pushed") else 254)
        case "ecr get-login-password":
            print("password")
        case "ecs run-task":
            state["command"] = json.loads(option("--overrides"))["containerOverrides"][0]["command"]
            print("arn:aws:ecs:eu-central-1:123456789012:task/cluster/abc")
        case "ecs describe-tasks":
            failed = state["command"][0] == state.get("failing")
            answers = {"lastStatus": "STOPPED", "exitCode": "2" if failed else "0", "stoppedReason": "it exited"}
            print(answers[option("--query").split(".")[-1]])
        case "logs get-log-events":
            print(SAID[state["command"][0]])
        case "s3api get-object-lock-configuration":
            print("COMPLIANCE\t400")


def main():
    program = pathlib.Path(sys.argv[0]).name
    if "--password-stdin" in sys.argv:
        sys.stdin.read()
    with open(HERE / "state.json", "r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        state = json.load(file)
        words = [word for word in sys.argv[1:] if not word.startswith("-")]
        verb = " ".join(words[:2])
        noted = {"program": program, "verb": verb, "arguments": sys.argv[1:]}
        try:
            if program == "aws":
                aws(state, verb)
            elif program == "curl":
                print('{"is_ready":true}')
        finally:
            if verb.endswith("change-set"):
                noted["change"] = state.get("change")
            with open(HERE / "calls.jsonl", "a", encoding="utf-8") as calls:
                calls.write(json.dumps(noted) + "\n")
            file.seek(0)
            file.truncate()
            json.dump(state, file)


main()
