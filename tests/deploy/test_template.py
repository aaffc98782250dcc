"""The CloudFormation template is what deploy/README.md says: linted, and read back from where its parts were made."""

import ast
import json
import pathlib
import re
import subprocess
import sys
import unittest
import uuid

import template as t

TASKS = ("ServeTask", "WorkerTask", "AdminTask")


def variables(task):
    found = t.container(TEMPLATE, task)["Environment"]
    return {variable["Name"]: variable["Value"] for variable in found}


TEMPLATE = t.read()


class Written(unittest.TestCase):
    """What can be said about the template as it stands."""

    def test_it_is_linted_without_an_exception(self):
        program = pathlib.Path(sys.executable).with_name("cfn-lint")
        command = [program, "--regions", "eu-central-1", "us-east-1", "--", t.FILE]
        linted = subprocess.run(command, capture_output=True, text=True, timeout=120)
        self.assertEqual((linted.returncode, linted.stdout), (0, ""), linted.stderr)

    def test_cloudformation_takes_it_as_it_is_sent(self):
        self.assertLess(len(t.text().encode()), t.MOST_BYTES)
        self.assertEqual(json.loads(json.dumps(t.cfn_yaml.loads(t.text()), default=str)), TEMPLATE)
        # cfn-lint reads them; CloudFormation refuses them.
        self.assertNotRegex(t.text(), r"(?m)(: |- |\[)[&*][a-z]", "aliases of YAML")

    def test_what_must_not_be_lost_stays_when_the_stack_goes(self):
        kept = {name: found.get("DeletionPolicy") for name, found in TEMPLATE["Resources"].items()}
        self.assertEqual(kept["AuditBucket"], "Retain")
        self.assertEqual(kept["Files"], "Retain")
        self.assertEqual(kept["Database"], "Snapshot")

    def test_sockets_and_requests_outlive_the_load_balancer_and_it_the_heartbeat(self):
        attributes = TEMPLATE["Resources"]["LoadBalancer"]["Properties"]["LoadBalancerAttributes"]
        (idle,) = (int(a["Value"]) * 1000 for a in attributes if a["Key"] == "idle_timeout.timeout_seconds")
        heartbeat = TEMPLATE["Parameters"]["HeartbeatMs"]["MaxValue"]
        self.assertLess(2 * int(heartbeat), idle)
        self.assertGreater(int(variables("ServeTask")["HUB_HTTP__HEADER_TIMEOUT_MS"]), idle)
        example = (t.ROOT / "deploy/env.example").read_text()
        (longest,) = re.findall(r"(?m)^#HUB_HTTP__REQUEST_TIMEOUT_MS=(\d+)$", example)
        self.assertLess(int(longest), idle)

    def test_a_store_or_database_that_is_away_takes_no_task_out(self):
        self.assertEqual(TEMPLATE["Resources"]["TargetGroup"]["Properties"]["HealthCheckPath"], "/healthz")
        command = t.container(TEMPLATE, "ServeTask")["HealthCheck"]["Command"]
        self.assertEqual(command[:3], ["CMD", "/usr/local/bin/hub", "health"])
        self.assertNotIn("--ready", command)

    def test_every_task_is_without_rights_and_writes_nowhere_but_into_the_data_folder(self):
        for task in TASKS:
            hub = t.container(TEMPLATE, task)
            self.assertIs(hub["ReadonlyRootFilesystem"], True, task)
            self.assertEqual(hub["User"], "65532:65532", task)
            self.assertEqual([mount["ContainerPath"] for mount in hub["MountPoints"]], ["/var/lib/hub"], task)

    def test_tasks_are_set_up_alike(self):
        serve, own = variables("ServeTask"), {"HUB_WORKER__LISTEN", "HUB_DATABASE__OWNER_URL"}
        for task in ("WorkerTask", "AdminTask"):
            for name, value in variables(task).items():
                if name not in own:
                    self.assertEqual(value, serve.get(name), f"{task} {name}")

    def test_the_databases_certificate_is_verified_by_what_the_image_has(self):
        dockerfile = (t.ROOT / "deploy/Dockerfile").read_text()
        for task in TASKS:
            file = variables(task)["HUB_DATABASE__CA_FILE"]
            self.assertIn(f"COPY deploy/aws/rds-ca.pem {file}\n", dockerfile, task)
            for name in ("DATABASE_URL", "HUB_DATABASE__OWNER_URL"):
                self.assertNotIn("sslmode", json.dumps(variables(task).get(name)), task)
        ignored = (t.ROOT / ".dockerignore").read_text().splitlines()
        self.assertIn("!deploy/aws/rds-ca.pem", ignored)
        authority = re.compile(r"^# Amazon RDS [a-z0-9-]+ Root CA RSA2048 G1$", re.M)
        bundle = (t.ROOT / "deploy/aws/rds-ca.pem").read_text()
        self.assertEqual(len(authority.findall(bundle)), bundle.count("BEGIN CERTIFICATE"))
        for name, found in t.of_type(TEMPLATE, "AWS::RDS::DBInstance").items():
            self.assertEqual(found["CACertificateIdentifier"], "rds-ca-rsa2048-g1", name)

    def test_only_what_migrates_can_log_in_as_the_owner(self):
        for task in TASKS:
            secrets = json.dumps(t.container(TEMPLATE, task)["Secrets"])
            is_admin = task == "AdminTask"
            self.assertEqual("DatabasePassword" in secrets, is_admin, task)
            self.assertEqual("HUB_DATABASE__OWNER_URL" in variables(task), is_admin, task)
            self.assertIn("hub_serve@", json.dumps(variables(task)["DATABASE_URL"]), task)

    def test_a_worker_is_asked_where_it_says_how_it_is(self):
        _, port = variables("WorkerTask")["HUB_WORKER__LISTEN"].rsplit(":", 1)
        command = t.container(TEMPLATE, "WorkerTask")["HealthCheck"]["Command"]
        self.assertEqual(command[1:], ["/usr/local/bin/hub", "health", "--url", f"http://127.0.0.1:{port}"])

    def test_the_alarm_of_a_model_that_is_away_stays_on_while_the_hub_says_so(self):
        source = (t.ROOT / "hub/src/turns/planner/outages.rs").read_text()
        (minutes,) = re.findall(r"SAY_AGAIN: TimeDelta = TimeDelta::minutes\((\d+)\)", source)
        period = TEMPLATE["Resources"]["ModelAwayAlarm"]["Properties"]["Period"]
        # A turn that waits asks again within a minute.
        self.assertGreater(period, (int(minutes) + 1) * 60)

    def test_every_variable_that_is_set_is_a_key_of_the_hub(self):
        example = (t.ROOT / "deploy/env.example").read_text()
        keys = set(re.findall(r"(?m)^#?([A-Z_]+)=", example))
        for task in TASKS:
            self.assertEqual(variables(task).keys() - keys, set(), task)
        places = ["deploy/compose.yaml", "deploy/Dockerfile", "deploy/README.md", "scripts/deploy", "scripts/teardown"]
        for place in [*places, "deploy/systemd/hub.service", "deploy/systemd/hub-worker.service"]:
            named = set(re.findall(r"\bHUB_(?:[A-Z]+__[A-Z_]*[A-Z]|DIR)\b", (t.ROOT / place).read_text()))
            self.assertEqual(named - keys, set(), place)

    def test_no_variable_holds_a_secret(self):
        for task in TASKS:
            said = json.dumps(variables(task))
            self.assertNotIn("resolve:secretsmanager", said, task)
            self.assertNotRegex(said, r"://[^@\"]*:[^@\"]*@", task)

    def test_every_line_that_is_counted_is_said_by_the_hub(self):
        source = "".join(path.read_text() for path in sorted((t.ROOT / "hub/src").rglob("*.rs")))
        filters = t.of_type(TEMPLATE, "AWS::Logs::MetricFilter")
        self.assertGreater(len(filters), 3)
        for name, wanted in filters.items():
            pattern = wanted["FilterPattern"]
            if pattern == '{ $.level = "ERROR" }':
                continue
            said = re.fullmatch(r'\{ \$\.message = "([^"*]+)(\*?)" \}', pattern)
            self.assertIsNotNone(said, name)
            # What follows the star is the line's own.
            self.assertIn(f'"{said[1]}' + ("" if said[2] else '"'), source, name)

    def test_every_alarm_on_a_count_of_ours_has_a_filter_that_counts(self):
        counted = set()
        for wanted in t.of_type(TEMPLATE, "AWS::Logs::MetricFilter").values():
            for metric in wanted["MetricTransformations"]:
                # With dimensions the alarm would have to name them, too.
                self.assertNotIn("Dimensions", metric)
                counted.add((json.dumps(metric["MetricNamespace"]), metric["MetricName"]))
        ours = 0
        for name, alarm in t.of_type(TEMPLATE, "AWS::CloudWatch::Alarm").items():
            self.assertTrue(alarm["AlarmActions"], name)
            if isinstance(alarm["Namespace"], str):
                self.assertTrue(alarm["Dimensions"], name)
                continue
            ours += 1
            self.assertIn((json.dumps(alarm["Namespace"]), alarm["MetricName"]), counted, name)
            self.assertNotIn("Dimensions", alarm, name)
        self.assertGreater(ours, 3)

    def test_the_dashboard_is_json_and_shows_what_is_counted(self):
        body = t.of_type(TEMPLATE, "AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]["Fn::Sub"]
        shown = json.dumps(json.loads(body))
        for wanted in t.of_type(TEMPLATE, "AWS::Logs::MetricFilter").values():
            self.assertIn(f'"{wanted["MetricTransformations"][0]["MetricName"]}"', shown)


class Made(unittest.TestCase):
    """What the stand-in says of what was made."""

    @classmethod
    def setUpClass(cls):
        cls.stack = f"hub-{uuid.uuid4().hex[:8]}"
        cls.made, cls.environment = t.make(cls.stack)

    def test_the_audit_bucket_locks_every_object_in_the_mode_and_for_the_days_that_were_asked_for(self):
        buckets, bucket = t.client("s3"), self.made["AuditBucket"]
        lock = buckets.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
        self.assertEqual(lock["ObjectLockEnabled"], "Enabled")
        rule = lock["Rule"]["DefaultRetention"]
        self.assertEqual((rule["Mode"], rule["Days"]), ("COMPLIANCE", 400))
        self.assertEqual(buckets.get_bucket_versioning(Bucket=bucket)["Status"], "Enabled")

    def test_the_hub_asks_for_the_same_retention_as_its_bucket(self):
        self.assertEqual(self.environment["HUB_AUDIT__RETENTION_MODE"], "compliance")
        self.assertEqual(self.environment["HUB_AUDIT__RETENTION_DAYS"], "400")

    def test_a_locked_object_cannot_be_deleted(self):
        buckets, bucket = t.client("s3"), self.made["AuditBucket"]
        put = buckets.put_object(Bucket=bucket, Key="log/tile", Body=b"entries")
        with self.assertRaisesRegex(Exception, "AccessDenied"):
            buckets.delete_object(Bucket=bucket, Key="log/tile", VersionId=put["VersionId"])

    def test_buckets_are_encrypted_and_closed(self):
        buckets = t.client("s3")
        for name in ("AuditBucket", "ArtifactBucket"):
            bucket = self.made[name]
            (rule,) = buckets.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
            self.assertEqual(rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"], "AES256", name)
            closed = buckets.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
            self.assertEqual(set(closed.values()), {True}, name)
            self.assertEqual(len(closed), 4, name)
            owned = buckets.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
            self.assertEqual(owned, [{"ObjectOwnership": "BucketOwnerEnforced"}], name)

    def test_buckets_refuse_what_comes_in_the_clear(self):
        policies = t.bucket_policies(TEMPLATE, self.made)
        for name in ("AuditBucket", "ArtifactBucket"):
            for resource in (f"arn:aws:s3:::{self.made[name]}", f"arn:aws:s3:::{self.made[name]}/*"):
                refuses_the_clear(self, policies[name], resource)

    def test_what_is_forgotten_leaves_no_version_among_the_artifacts(self):
        versioning = t.client("s3").get_bucket_versioning(Bucket=self.made["ArtifactBucket"])
        self.assertNotIn("Status", versioning)

    def test_the_queue_hands_what_nobody_deletes_to_the_dead_letters(self):
        dead = self.queue("DeadLetters")
        queue = self.queue("Queue")
        redrive = json.loads(queue["RedrivePolicy"])
        self.assertEqual((redrive["deadLetterTargetArn"], int(redrive["maxReceiveCount"])), (dead["QueueArn"], 5))
        # A message of the queue's last minute can still be read in the dead letters for days.
        self.assertGreater(int(dead["MessageRetentionPeriod"]), int(queue["MessageRetentionPeriod"]))
        for attributes in (queue, dead):
            self.assertEqual(attributes["SqsManagedSseEnabled"], "true")
            refuses_the_clear(self, json.loads(attributes["Policy"]), attributes["QueueArn"])

    def queue(self, name):
        asked = t.client("sqs").get_queue_attributes(QueueUrl=self.made[name], AttributeNames=["All"])
        return asked["Attributes"]

    def test_settings_are_no_secrets_and_secrets_are(self):
        settings = t.client("ssm").get_parameter(Name=self.made["Settings"])["Parameter"]
        self.assertEqual(settings["Type"], "String")
        self.assertEqual([line for line in settings["Value"].splitlines() if not line.startswith("#")], [])
        secrets = t.client("secretsmanager")
        for name in ("DatabasePassword", "LoginPassword"):
            database = json.loads(secrets.get_secret_value(SecretId=self.made[name])["SecretString"])
            self.assertRegex(database["password"], r"^[A-Za-z0-9]{40}$", name)
        model = json.loads(secrets.get_secret_value(SecretId=self.made["ModelKey"])["SecretString"])
        self.assertEqual(model, {"OPENAI_API_KEY": ""})

    def test_each_role_may_do_what_its_tasks_do_and_nothing_else(self):
        for role, expected in self.expected().items():
            with self.subTest(role):
                self.assertEqual(self.granted(role), expected)

    def test_only_tasks_take_the_roles(self):
        for role in self.expected():
            asked = t.client("iam").get_role(RoleName=self.made[role])["Role"]["AssumeRolePolicyDocument"]
            (statement,) = asked["Statement"]
            self.assertEqual(statement["Principal"], {"Service": "ecs-tasks.amazonaws.com"}, role)
            self.assertEqual(statement["Action"], "sts:AssumeRole", role)

    def granted(self, role):
        """Every action with the resource that it is allowed on, from all policies of a role."""
        roles, name = t.client("iam"), self.made[role]
        documents = [
            roles.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for policy in roles.list_role_policies(RoleName=name)["PolicyNames"]
        ]
        for attached in roles.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            version = roles.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]["DefaultVersionId"]
            found = roles.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId=version)
            documents.append(found["PolicyVersion"]["Document"])
        # What came by CloudFormation the stand-in gives back in Python's spelling.
        documents = [ast.literal_eval(found) if isinstance(found, str) else found for found in documents]
        statements = [statement for document in documents for statement in document["Statement"]]
        self.assertEqual({statement["Effect"] for statement in statements}, {"Allow"})
        return {
            (action, resource)
            for statement in statements
            for action in listed(statement["Action"])
            for resource in listed(statement["Resource"])
        }

    def expected(self):
        made, region = self.made, f"{t.REGION}:123456789012"
        audit, artifacts = (f"arn:aws:s3:::{made[name]}" for name in ("AuditBucket", "ArtifactBucket"))
        queue, dead = (self.queue(name)["QueueArn"] for name in ("Queue", "DeadLetters"))
        folder = f"arn:aws:elasticfilesystem:{region}:file-system/{made['Files']}"
        settings = f"arn:aws:ssm:{region}:parameter{made['Settings']}"
        common = {
            ("elasticfilesystem:ClientMount", folder),
            ("elasticfilesystem:ClientWrite", folder),
            ("ssm:GetParameter", settings),
            ("secretsmanager:GetSecretValue", made["ModelKey"]),
            ("sqs:GetQueueAttributes", queue),
            ("sqs:GetQueueAttributes", dead),
        }
        serve = common | {
            ("sqs:SendMessage", queue),
            *((f"s3:{call}", audit) for call in ("ListBucket", "ListBucketVersions", "GetBucketVersioning")),
            ("s3:GetBucketObjectLockConfiguration", audit),
            *((f"s3:{call}", f"{audit}/*") for call in ("GetObject", "GetObjectVersion", "GetObjectRetention")),
            *((f"s3:{call}", f"{audit}/*") for call in ("PutObject", "PutObjectRetention")),
            *((f"s3:{call}", artifacts) for call in ("ListBucket", "ListBucketVersions")),
            *((f"s3:{call}", f"{artifacts}/*") for call in ("GetObject", "PutObject", "DeleteObject", "DeleteObjectVersion")),
        }
        looking = ("ListBucket", "GetBucketVersioning", "GetBucketObjectLockConfiguration")
        logs = (f"arn:aws:logs:{region}:log-group:{made[name]}:*" for name in ("Logs", "AdminLogs"))
        repository = f"arn:aws:ecr:{region}:repository/{self.stack}"
        return {
            "ServeRole": serve,
            "WorkerRole": serve
            | {("sqs:ReceiveMessage", queue), ("sqs:DeleteMessage", queue)},
            "AdminRole": common
            | {(f"s3:{call}", bucket) for call in looking for bucket in (audit, artifacts)}
            | {("s3:GetObject", f"{audit}/*")},
            "ExecutionRole": {
                ("ecr:GetAuthorizationToken", "*"),
                *((f"ecr:{call}", repository) for call in ("BatchCheckLayerAvailability", "BatchGetImage")),
                ("ecr:GetDownloadUrlForLayer", repository),
                *((f"logs:{call}", group) for group in logs for call in ("CreateLogStream", "PutLogEvents")),
                *(("secretsmanager:GetSecretValue", made[name]) for name in ("DatabasePassword", "LoginPassword")),
            },
        }


def listed(value):
    return value if isinstance(value, list) else [value]


def refuses_the_clear(test, policy, arn):
    """A policy that refuses everything without TLS, on this resource too."""
    (statement,) = policy["Statement"]
    test.assertEqual((statement["Effect"], statement["Principal"]), ("Deny", "*"))
    test.assertEqual(statement["Condition"], {"Bool": {"aws:SecureTransport": "false"}})
    test.assertIn(arn, listed(statement["Resource"]))


if __name__ == "__main__":
    unittest.main()
