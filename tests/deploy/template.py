"""The CloudFormation template: read, and its buckets, queues, parameters, secrets and roles made on the stand-in for AWS.

The parts are taken out of the one template by following what refers to what, so that nothing is written twice.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

import boto3
from cfnlint.decode import cfn_yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILE = ROOT / "deploy/aws/template.yaml"
REGION = "eu-central-1"
# What CloudFormation takes without a bucket to fetch it from.
MOST_BYTES = 51_200
# What of the template the stand-in can make truly enough to be worth asking.
MADE = ("AWS::S3::", "AWS::SQS::", "AWS::SSM::", "AWS::SecretsManager::", "AWS::IAM::")
PARAMETERS = {
    "CertificateArn": f"arn:aws:acm:{REGION}:123456789012:certificate/00000000-0000-0000-0000-000000000000",
    "DomainName": "hub.example.com",
    "ImageTag": "test",
    "AdminImageTag": "test",
    "AuditRetentionMode": "COMPLIANCE",
    "AuditRetentionDays": "400",
}
# What its CloudFormation does not know, or knows half: made here, from the same words. The rest finds them as parameters.
BEFORE = ("AWS::SecretsManager::Secret", "AWS::S3::Bucket")
BY_HAND = (*BEFORE, "AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy")
# The ARNs that the stand-in does not tell, or tells otherwise than AWS.
ARNS = {
    "AuditBucket.Arn": "arn:${AWS::Partition}:s3:::${AuditBucket}",
    "ArtifactBucket.Arn": "arn:${AWS::Partition}:s3:::${ArtifactBucket}",
    "Files.Arn": "arn:${AWS::Partition}:elasticfilesystem:${AWS::Region}:${AWS::AccountId}:file-system/${Files}",
    "Logs.Arn": "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${Logs}:*",
    "AdminLogs.Arn": "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${AdminLogs}:*",
    "DataFolder.Arn": "arn:${AWS::Partition}:elasticfilesystem:${AWS::Region}:${AWS::AccountId}:access-point/${DataFolder}",
}
# Longer than the stand-in ever takes.
SECONDS = 60


def text():
    """As scripts/deploy sends it."""
    said = "source scripts/lib.sh && source scripts/aws.sh && slim_template"
    return subprocess.run(["bash", "-c", said, "scripts/deploy"], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def read():
    return json.loads(json.dumps(cfn_yaml.load(str(FILE)), default=str))


def of_type(template, kind):
    """The resources of a type, by name."""
    return {name: found["Properties"] for name, found in template["Resources"].items() if found["Type"] == kind}


def references(value, resources):
    """The resources that a part of the template refers to."""
    found = set()
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "Ref":
                found.add(inner)
            elif key == "Fn::GetAtt":
                found.add(inner[0] if isinstance(inner, list) else inner.split(".")[0])
            elif key == "Fn::Sub":
                said = inner if isinstance(inner, str) else inner[0]
                found.update(name.split(".")[0] for name in re.findall(r"\$\{([A-Za-z0-9.:]+)\}", said))
            found |= references(inner, resources)
    elif isinstance(value, list):
        for inner in value:
            found |= references(inner, resources)
    return found & resources.keys()


def part(template):
    """The buckets, queues, parameters, secrets and roles, and what they refer to."""
    resources = template["Resources"]
    wanted = {name for name, resource in resources.items() if resource["Type"].startswith(MADE)}
    while True:
        more = set().union(*(references(resources[name], resources) for name in wanted)) - wanted
        if not more:
            break
        wanted |= more
    kept = {name: spelled_out(resources[name]) for name in sorted(wanted) if resources[name]["Type"] not in BY_HAND}
    before = {name: {"Type": "String"} for kind in BEFORE for name in of_type(template, kind)}
    return {
        "AWSTemplateFormatVersion": template["AWSTemplateFormatVersion"],
        "Parameters": template["Parameters"] | before,
        "Mappings": template["Mappings"],
        "Conditions": template["Conditions"],
        "Resources": kept,
        "Outputs": environment(template, kept),
    }


def spelled_out(value):
    """The same with ARNs that the stand-in does not tell."""
    if isinstance(value, list):
        return [spelled_out(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    asked = value.get("Fn::GetAtt")
    asked = ".".join(asked) if isinstance(asked, list) else asked
    if asked in ARNS:
        return {"Fn::Sub": ARNS[asked]}
    said = value.get("Fn::Sub")
    if isinstance(said, str):
        return {"Fn::Sub": re.sub(r"\$\{([A-Za-z.]+)\}", lambda found: ARNS.get(found[1], found[0]), said)}
    return {key: spelled_out(inner) for key, inner in value.items()}


def container(template, task):
    return template["Resources"][task]["Properties"]["ContainerDefinitions"][0]


def environment(template, kept):
    """The variables of a worker that can be known from this part alone, each as an output, for a hub to be run with."""
    outputs, known = {}, kept.keys() | {name for kind in BEFORE for name in of_type(template, kind)}
    for variable in container(template, "WorkerTask")["Environment"]:
        needed = references(variable["Value"], template["Resources"])
        if needed and needed <= known or variable["Name"].startswith("HUB_AUDIT__"):
            name = "Env" + variable["Name"].replace("_", "")
            outputs[name] = {"Description": variable["Name"], "Value": variable["Value"]}
    return outputs


def client(service):
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=os.environ["HUB_TEST_AWS_URL"],
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


def resolved(value, known):
    """A part of the template with its references filled in."""
    if isinstance(value, list):
        return [resolved(inner, known) for inner in value]
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        return known[value["Ref"]]
    if "Fn::GetAtt" in value:
        asked = value["Fn::GetAtt"]
        return known[asked if isinstance(asked, str) else ".".join(asked)]
    if "Fn::Sub" in value:
        return re.sub(r"\$\{([A-Za-z0-9.:]+)\}", lambda found: known[found[1]], value["Fn::Sub"])
    return {key: resolved(inner, known) for key, inner in value.items()}


def make_secrets(stack, template):
    """The secrets of the template; returns their ARNs."""
    secrets, arns = client("secretsmanager"), {}
    for name, wanted in of_type(template, "AWS::SecretsManager::Secret").items():
        text = wanted.get("SecretString")
        if text is None:
            rule = wanted["GenerateSecretString"]
            word = secrets.get_random_password(
                PasswordLength=rule["PasswordLength"], ExcludePunctuation=rule["ExcludePunctuation"]
            )["RandomPassword"]
            text = json.dumps(json.loads(rule["SecretStringTemplate"]) | {rule["GenerateStringKey"]: word})
        arns[name] = secrets.create_secret(Name=f"{stack}-{name}", SecretString=text)["ARN"]
    return arns


def make_buckets(stack, template):
    """The buckets of the template; returns their names. A property that is not known here is an error, not left out."""
    buckets, names = client("s3"), {}
    for name, wanted in of_type(template, "AWS::S3::Bucket").items():
        wanted = resolved(wanted, PARAMETERS)
        names[name] = bucket = f"{stack}-{name}".lower()
        buckets.create_bucket(
            Bucket=bucket,
            CreateBucketConfiguration={"LocationConstraint": REGION},
            ObjectLockEnabledForBucket=wanted.pop("ObjectLockEnabled", False),
        )
        for key, value in wanted.items():
            set_bucket(buckets, bucket, key, value)
    return names


def set_bucket(buckets, bucket, key, value):
    """One property of a bucket, by the call that is behind it."""
    match key:
        case "ObjectLockConfiguration":
            rule = value["Rule"]["DefaultRetention"]
            value = value | {"Rule": {"DefaultRetention": rule | {"Days": int(rule["Days"])}}}
            buckets.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=value)
        case "VersioningConfiguration":
            buckets.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=value)
        case "BucketEncryption":
            (rule,) = value["ServerSideEncryptionConfiguration"]
            rule = {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
            buckets.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
        case "PublicAccessBlockConfiguration":
            buckets.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=value)
        case "OwnershipControls":
            buckets.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=value)
        case "LifecycleConfiguration":
            rules = [{"ID": rule.pop("Id"), "Filter": {"Prefix": ""}} | rule for rule in value["Rules"]]
            buckets.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
        case _:
            raise ValueError(f"a bucket's {key} is not made here: add the call")


def make_policies(template, made):
    """The policies of the template's queues, and which of the shared ones each role has."""
    roles, queues, known = client("iam"), client("sqs"), dict(made)
    for name in of_type(template, "AWS::SQS::Queue"):
        asked = queues.get_queue_attributes(QueueUrl=made[name], AttributeNames=["QueueArn"])
        known[f"{name}.Arn"] = asked["Attributes"]["QueueArn"]
    for wanted in of_type(template, "AWS::SQS::QueuePolicy").values():
        policy = json.dumps(resolved(wanted["PolicyDocument"], known))
        for url in resolved(wanted["Queues"], known):
            queues.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    for name, wanted in of_type(template, "AWS::IAM::Role").items():
        for arn in resolved(wanted.get("ManagedPolicyArns", []), known):
            roles.attach_role_policy(RoleName=made[name], PolicyArn=arn)


def bucket_policies(template, made):
    """The policies of the template's buckets. Not set: they refuse what comes without TLS, as everything does that comes to
    the stand-in."""
    known = made | {f"{name}.Arn": f"arn:aws:s3:::{made[name]}" for name in of_type(template, "AWS::S3::Bucket")}
    policies = of_type(template, "AWS::S3::BucketPolicy").values()
    return {wanted["Bucket"]["Ref"]: resolved(wanted["PolicyDocument"], known) for wanted in policies}


def make(name):
    """Makes the part as a stack of this name; returns its resources by their names in the template, and variables for a hub."""
    formation, template = client("cloudformation"), read()
    before = make_secrets(name, template) | make_buckets(name, template)
    formation.create_stack(
        StackName=name,
        TemplateBody=json.dumps(part(template)),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in (PARAMETERS | before).items()
        ],
    )
    deadline = time.monotonic() + SECONDS
    while (stack := formation.describe_stacks(StackName=name)["Stacks"][0])["StackStatus"] != "CREATE_COMPLETE":
        if "FAILED" in stack["StackStatus"] or "ROLLBACK" in stack["StackStatus"] or time.monotonic() > deadline:
            raise RuntimeError(f"{name}: {stack['StackStatus']} {stack.get('StackStatusReason', '')}")
        time.sleep(0.1)
    listed = formation.describe_stack_resources(StackName=name)["StackResources"]
    made = {found["LogicalResourceId"]: found.get("PhysicalResourceId") for found in listed} | before
    make_policies(template, made)
    return made, {output["Description"]: output["OutputValue"] for output in stack.get("Outputs", [])}


if __name__ == "__main__":
    where = {"HUB_AWS__ENDPOINT_URL": os.environ["HUB_TEST_AWS_URL"], "HUB_AWS__REGION": REGION}
    for key, value in (make(sys.argv[1])[1] | where).items():
        print(f"{key}={value}")
