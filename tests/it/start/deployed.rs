//! The built program with what the template for AWS makes: its queue, its locked bucket, its parameter and its secret.

use std::{path::Path, time::Duration};

use aws_sdk_s3::types::ObjectLockMode;
use hub::config::{Config, Place};
use serde_json::{Value, json};
use support::{Aws, Line, Program, ScriptedServer};
use tokio::{process::Command, time::timeout};

use super::satellite;

/// What the operator puts into the secret.
const API_KEY: &str = "sk-never-to-be-seen-4";
/// Between polls of the table of jobs: longer than the test, so that only the queue can wake the worker.
const NEVER_MS: &str = "60000";
/// Shorter than that.
const PATIENCE: Duration = Duration::from_secs(30);

/// The variables of a stack that was made for this test.
async fn made(name: &str) -> Vec<(String, String)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/deploy-check");
    let output = Command::new(script)
        .args(["--apply", name])
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let known = serde_json::to_value(Config::default()).unwrap();
    let pairs = said.lines().filter_map(|line| line.split_once('='));
    // The template may name a store that this version of the hub does not have yet.
    pairs
        .filter(|(name, _)| *name != "HUB_ARTIFACTS__STORE" || known["artifacts"].get("store").is_some())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn value<'a>(made: &'a [(String, String)], name: &str) -> &'a str {
    let found = made.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| &**value).expect("the stack names it")
}

/// What an operator does after the first deployment, as `scripts/deploy` tells them: the key of the model, and which.
async fn set_up(aws: &Aws, made: &[(String, String)], stack: &str, model: &ScriptedServer) {
    let sources: Vec<String> = serde_json::from_str(value(made, "HUB_SECRETS__VALUES")).unwrap();
    let secret = sources[0].split_once('=').unwrap().1.split_once('#').unwrap().0;
    let text = json!({"OPENAI_API_KEY": API_KEY}).to_string();
    let secrets = aws_sdk_secretsmanager::Client::new(&aws.sdk);
    let put = secrets.put_secret_value().secret_id(secret).secret_string(text);
    put.send().await.unwrap();
    let settings = format!(
        "HUB_MODEL__BASE_URL={}\nHUB_MODEL__NAME=scripted-1\n",
        model.url()
    );
    let parameters = aws_sdk_ssm::Client::new(&aws.sdk);
    let put = parameters.put_parameter().name(format!("/{stack}/settings"));
    put.value(settings).overwrite(true).send().await.unwrap();
}

/// Every object of the log in the bucket is locked, as the stack asks for it. Returns how many there are.
async fn locked(aws: &Aws, store: &str) -> usize {
    let Place::Bucket(address) = Place::parse(store).unwrap() else {
        panic!("{store} is a bucket");
    };
    let client = hub::adapters::s3::client(&aws.sdk);
    let listed = client.list_objects_v2().bucket(&address.bucket);
    let listed = listed.prefix(&address.prefix).send().await.unwrap();
    for object in listed.contents() {
        let key = object.key().unwrap();
        let found = client.head_object().bucket(&address.bucket).key(key);
        let found = found.send().await.unwrap();
        assert_eq!(
            found.object_lock_mode(),
            Some(&ObjectLockMode::Compliance),
            "{key}"
        );
        assert!(found.object_lock_retain_until_date().is_some(), "{key}");
    }
    listed.contents().len()
}

async fn visible(aws: &Aws, url: &str) -> Value {
    let queue = aws_sdk_sqs::Client::new(&aws.sdk);
    let asked = queue.get_queue_attributes().queue_url(url);
    let about = asked
        .attribute_names("ApproximateNumberOfMessages".into())
        .send()
        .await;
    let all = about.unwrap().attributes.unwrap_or_default();
    json!(all.into_values().next())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_lives_on_what_the_template_made() {
    let (aws, model, stack) = (
        Aws::stand_in().await,
        ScriptedServer::start().await,
        Aws::name("stack"),
    );
    model.otherwise(|_| Line::plan(&json!({"reply": "Noted, ada.", "to_do": [], "to_remember": []})));
    let made = made(&stack).await;
    set_up(&aws, &made, &stack, &model).await;
    let mut settings = aws.settings();
    settings.extend(made.iter().map(|(name, value)| (&**name, &**value)));
    settings.extend([
        ("HUB_LOG__FILTER", "info"),
        ("HUB_WORKER__IN_SERVE", "false"),
        ("HUB_WORKER__POLL_MS", NEVER_MS),
        ("HUB_QUEUE__POLL_MS", NEVER_MS),
        ("HUB_AUDIT__PUBLISH_EVERY_MS", "200"),
    ]);
    let mut program = Program::new(&settings).await;
    program.mute_the_bell().await;
    program.start().await;
    let mut worker = program.elsewhere("worker");
    worker.start(&program).await;

    // Told by one task, thought about by the other. It looked at the table when it started, perhaps after the first was there; the
    // second can only have come by this queue.
    let url = program.socket_url();
    let kitchen = satellite("kitchen", &url, "5");
    for typed in ["hello\n", "the spare key is with Nora\n"] {
        let told = timeout(PATIENCE, program.run_in(program.dir(), &kitchen, typed)).await;
        let (is_well, said) = told.expect("the queue wakes the worker");
        assert!(
            is_well && said.contains("Noted, ada."),
            "{said}\n{}",
            program.tail()
        );
    }
    assert_eq!(visible(&aws, value(&made, "HUB_QUEUE__URL")).await, json!("0"));

    // The parameter and the secret were taken, and nobody saw the key.
    let heard = model.heard();
    assert_eq!(
        heard[0].header("authorization"),
        Some(&*format!("Bearer {API_KEY}"))
    );
    let log = program.log_text();
    for (key, source) in [
        (
            "model.api_key",
            "secretsmanager:arn:aws:secretsmanager:".to_owned(),
        ),
        ("model.name", format!("ssm:/{stack}/settings")),
        ("audit.store", "environment".to_owned()),
    ] {
        let logged = format!("\"config.key\":\"{key}\",\"config.source\":\"{source}");
        assert!(log.contains(&logged), "{logged} is not in\n{log}");
    }
    assert!(!log.contains(API_KEY));

    assert!(worker.stop().await && program.stop().await, "{}", program.tail());
    let store = value(&made, "HUB_AUDIT__STORE");
    let (is_whole, said) = worker.run(&program, &["audit", "verify", store]).await;
    assert!(is_whole, "{said}");
    assert!(locked(&aws, store).await > 1, "the log is in the bucket");
}
