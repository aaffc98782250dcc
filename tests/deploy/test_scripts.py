"""scripts/deploy and scripts/teardown ask for the right things in the right order, and change nothing when they must not."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import template as t

FAKE = pathlib.Path(__file__).with_name("fake_aws.py")
NEW = ("CertificateArn=arn:aws:acm:eu-central-1:123456789012:certificate/a", "DomainName=hub.example.com")
READS = ("describe-", "get-", "wait", "version")
# A change set changes nothing until it is executed.
HARMLESS = ("cloudformation create-change-set", "cloudformation delete-change-set")


class Scripts(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.dir)
        (self.dir / "bin").mkdir()
        for program in ("aws", "docker", "curl"):
            (self.dir / "bin" / program).symlink_to(FAKE)
        (self.dir / "bin/python3").symlink_to(pathlib.Path(sys.executable).resolve())
        self.state(stack=None)

    def state(self, **state):
        (self.dir / "state.json").write_text(json.dumps(state))

    def standing(self, **more):
        parameters = dict(pair.split("=", 1) for pair in NEW)
        parameters |= {"ImageTag": "old", "AdminImageTag": "old", "ServeCount": "2", "WorkerCount": "1"}
        self.state(stack={"status": "UPDATE_COMPLETE", "parameters": parameters}, **more)

    def run_script(self, name, *arguments, **variables):
        path = f"{self.dir}/bin:{os.environ['PATH']}"
        bare = {"PATH": path, "HOME": str(self.dir), "FAKE_DIR": str(self.dir), "AWS_REGION": "eu-central-1"}
        bare |= {"HUB_IMAGE_TAG": "new", "HUB_DEPLOY_POLL_S": "0"} | variables
        bare = {key: value for key, value in bare.items() if value is not None}
        command = [str(t.ROOT / "scripts" / name), *arguments]
        done = subprocess.run(
            command, env=bare, capture_output=True, text=True, timeout=180, stdin=subprocess.DEVNULL, check=False
        )
        noted = self.dir / "calls.jsonl"
        self.calls = [json.loads(line) for line in noted.read_text().splitlines()] if noted.exists() else []
        return done

    def changes(self):
        """What was done beyond looking, in its order."""
        verbs = [f"{call['program']} {call['verb']}".removeprefix("aws ") for call in self.calls]
        return [
            verb
            for verb in verbs
            if not verb.startswith("curl") and not verb.split()[1].startswith(READS) and "configure" not in verb
        ]

    def sets(self):
        return [call["change"]["parameters"] for call in self.calls if call["verb"].endswith("create-change-set")]

    def tasks(self):
        overrides = [call["arguments"] for call in self.calls if call["verb"] == "ecs run-task"]
        found = [json.loads(words[words.index("--overrides") + 1]) for words in overrides]
        return [found["containerOverrides"][0]["command"] for found in found]

    def test_the_first_time_the_database_is_migrated_before_anything_is_served(self):
        done = self.run_script("deploy", "--yes", "hub", *NEW, "AlarmEmail=a@b.c")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(
            [change for change in self.changes() if not change.startswith(("ecr", "logs"))],
            [
                "cloudformation create-change-set",
                "cloudformation execute-change-set",
                "docker build deploy/Dockerfile",
                "docker login AWS",
                "docker push 123456789012.dkr.ecr.eu-central-1.amazonaws.com/hub:new",
                "ecs run-task",
                "ecs run-task",
                "cloudformation create-change-set",
                "cloudformation execute-change-set",
            ],
        )
        self.assertEqual(self.tasks(), [["migrate"], ["bootstrap"]])
        prepared, served = self.sets()
        self.assertEqual((prepared["ServeCount"], prepared["WorkerCount"]), ("0", "0"))
        self.assertEqual((served["ServeCount"], served["WorkerCount"]), ("1", "1"))
        self.assertEqual((served["AlarmEmail"], served["ImageTag"]), ("a@b.c", "new"))
        self.assertIn("https://hub.example.com", done.stderr)
        self.assertIn("applied 11 migrations", done.stderr)
        self.assertIn("--claim-code", done.stderr)

    def test_the_template_is_sent_in_a_size_that_is_taken(self):
        self.run_script("deploy", "--yes", "hub", *NEW)
        sent = [call["change"]["bytes"] for call in self.calls if call["verb"].endswith("create-change-set")]
        self.assertTrue(sent and all(size < t.MOST_BYTES for size in sent), sent)

    def test_an_upgrade_migrates_after_a_snapshot_while_the_old_image_serves(self):
        self.standing()
        done = self.run_script("deploy", "--yes", "hub")
        self.assertEqual(done.returncode, 0, done.stderr)
        prepared, served = self.sets()
        self.assertEqual((prepared["ImageTag"], prepared["AdminImageTag"]), ("old", "new"))
        self.assertEqual((prepared["ServeCount"], served["ServeCount"]), ("2", "2"))
        self.assertEqual(served["ImageTag"], "new")
        self.assertEqual(served["DomainName"], "hub.example.com")
        changes = self.changes()
        self.assertLess(changes.index("rds create-db-cluster-snapshot"), changes.index("ecs run-task"))

    def test_a_migration_that_fails_leaves_the_old_image_serving(self):
        self.standing(failing="migrate")
        done = self.run_script("deploy", "--yes", "hub")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("hub migrate ended with 2", done.stderr)
        self.assertEqual([values["ImageTag"] for values in self.sets()], ["old"])

    def test_an_image_that_is_there_is_not_built_again(self):
        self.standing(pushed=True)
        self.run_script("deploy", "--yes", "hub")
        self.assertEqual([change for change in self.changes() if change.startswith("docker")], [])

    def test_a_dry_run_says_every_step_and_changes_nothing(self):
        for standing in (False, True):
            with self.subTest(standing=standing):
                if standing:
                    self.standing()
                done = self.run_script("deploy", "--dry-run", "hub", *([] if standing else NEW))
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual([change for change in self.changes() if change not in HARMLESS], [])
                for step in ("prepare", "image", "hub migrate", "hub bootstrap", "serve", "Nothing was changed"):
                    self.assertIn(step, done.stderr)

    def test_nothing_is_changed_where_nobody_can_be_asked(self):
        self.standing()
        done = self.run_script("deploy", "hub")
        self.assertIn("--yes", done.stderr)
        self.assertEqual([change for change in self.changes() if change not in HARMLESS], [])

    def test_what_is_missing_is_said_first(self):
        cases = [
            (["hub", "NoSuch=1"], {}, "no parameter NoSuch"),
            (["hub"], {}, "needs CertificateArn"),
            (["Hub", *NEW], {}, "cannot be a stack's name"),
            (["hub", *NEW], {"AWS_REGION": None}, "set AWS_REGION"),
        ]
        for arguments, variables, expected in cases:
            with self.subTest(expected):
                done = self.run_script("deploy", "--yes", *arguments, **variables)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(expected, done.stderr)
                self.assertEqual(self.changes(), [])
        self.state(stack=None, known=False)
        done = self.run_script("deploy", "--yes", "hub", *NEW)
        self.assertIn("AWS does not know you", done.stderr)

    def test_a_claim_code_is_printed_and_its_log_deleted(self):
        self.standing()
        done = self.run_script("deploy", "hub", "--claim-code")
        self.assertEqual(done.stdout.strip(), "claim code of home: ABCD-EFGH")
        self.assertNotIn("ABCD", done.stderr)
        self.assertEqual(self.changes(), ["ecs run-task", "logs delete-log-stream"])

    def test_a_teardown_says_what_stays_and_until_when(self):
        self.standing()
        done = self.run_script("teardown", "--dry-run", "hub")
        self.assertEqual((done.returncode, self.changes()), (0, []), done.stderr)
        for said in ("s3://artifacts", "last snapshot", "fs-1", "s3://audit", "400 days", "nobody can remove it"):
            self.assertIn(said, done.stderr)

    def test_a_teardown_wants_the_name(self):
        self.standing()
        for arguments in (["hub"], ["--confirm", "hubb", "hub"]):
            done = self.run_script("teardown", *arguments)
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(self.changes(), [])

    def test_a_teardown_ends_the_tasks_first_and_the_stack_last(self):
        self.standing()
        done = self.run_script("teardown", "--confirm", "hub", "hub")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(
            self.changes(),
            [
                "ecs update-service",
                "ecs update-service",
                "s3 rm",
                "rds modify-db-cluster",
                "cloudformation delete-stack",
            ],
        )
        # The audit log is looked at, and never touched.
        self.assertNotIn("audit", json.dumps([c for c in self.calls if c["verb"] in ("s3 rm", "rds modify-db-cluster")]))


if __name__ == "__main__":
    unittest.main()
