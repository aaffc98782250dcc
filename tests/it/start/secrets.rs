//! Configuration that is kept in SSM and Secrets Manager, as the built program reads it.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use serde_json::json;
use support::{Aws, Line, Program, ScriptedServer};

use super::refused;

/// What must not be seen anywhere.
const API_KEY: &str = "sk-never-to-be-seen-1";
const TOKEN: &str = "never-to-be-seen-2";
const OVERRIDDEN: &str = "never-to-be-seen-3";

async fn parameter(aws: &Aws, text: &str) -> String {
    let name = format!("/{}", Aws::name("hub"));
    let put = aws_sdk_ssm::Client::new(&aws.sdk)
        .put_parameter()
        .name(&name)
        .value(text)
        .r#type(aws_sdk_ssm::types::ParameterType::SecureString);
    put.send().await.expect("a parameter can be made");
    name
}

async fn secret(aws: &Aws, id: &str, text: &str) {
    let client = aws_sdk_secretsmanager::Client::new(&aws.sdk);
    let made = client.create_secret().name(id).secret_string(text);
    made.send().await.expect("a secret can be made");
}

/// A list as a variable takes it.
fn list(items: &[&str]) -> String {
    json!(items).to_string()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_hub_lives_on_secrets_that_nobody_sees() {
    let aws = Aws::stand_in().await;
    let text = format!(
        "# for the hub\nOPENAI_API_KEY={API_KEY}\nHUB_MODEL__NAME={OVERRIDDEN}\nexport HUB_WORKER__CONCURRENCY=3\n\
         HUB_QUEUE__POLL_MS=5000\nHUB_LOG__FILTER=\n"
    );
    let parameters = list(&[&parameter(&aws, &text).await]);
    let (database, token) = (Aws::name("database"), parameter(&aws, TOKEN).await);
    let values = list(&[&format!("DATABASE_URL=secretsmanager:{database}#url")]);
    let files = list(&[&format!("AWS_WEB_IDENTITY_TOKEN_FILE=ssm:{token}")]);
    let settings = [
        &aws.settings()[..],
        &[
            ("HUB_SECRETS__PARAMETERS", &*parameters),
            ("HUB_SECRETS__VALUES", &values),
            ("HUB_SECRETS__FILES", &files),
            ("HUB_LOG__FILTER", "info"),
            ("HUB_MODEL__BASE_URL", "http://127.0.0.1:9/v1"),
            // What is set wins, and what is set to nothing is not set.
            ("HUB_MODEL__NAME", "chosen-here"),
            ("DATABASE_URL", ""),
            ("HUB_QUEUE__POLL_MS", ""),
        ],
    ];
    let mut program = Program::new(&settings.concat()).await;
    let url = json!({"url": program.database_url(), "other": 1}).to_string();
    secret(&aws, &database, &url).await;
    program.start().await;
    let ready = reqwest::get(format!("{}/readyz", program.url())).await.unwrap();
    let ready = ready.text().await.unwrap();
    let (is_well, doctor) = program.run(&["doctor"]).await;
    assert!(is_well && program.stop().await, "{doctor}");
    let said = program.log_text();
    assert!(said.contains("thinks with: chosen-here at"), "{said}");
    for (key, source) in [
        ("database.url", format!("secretsmanager:{database}#url")),
        ("model.api_key", "ssm:/".to_owned()),
        ("worker.concurrency", "ssm:/".to_owned()),
        ("queue.poll_ms", "ssm:/".to_owned()),
        ("model.name", "environment".to_owned()),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "a file with ssm:/".to_owned()),
    ] {
        let told = format!("{key} from {source}");
        assert!(doctor.contains(&told), "{told} is not in\n{doctor}");
        let logged = format!("\"config.key\":\"{key}\",\"config.source\":\"{source}");
        assert!(said.contains(&logged), "{logged} is not in\n{said}");
    }
    for text in [&said, &ready, &doctor] {
        for hidden in [API_KEY, TOKEN, OVERRIDDEN, program.database_url()] {
            assert!(!text.contains(hidden), "{text}");
        }
    }
    let file = program.dir().join("secrets/aws_web_identity_token_file");
    assert_eq!(fs::read_to_string(&file).unwrap(), TOKEN);
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
}

/// What `hub doctor` says of a parameter with this text.
async fn said_of(aws: &Aws, text: &str) -> String {
    let parameters = list(&[&parameter(aws, text).await]);
    let settings = [&aws.settings()[..], &[("HUB_SECRETS__PARAMETERS", &*parameters)]];
    let program = Program::new(&settings.concat()).await;
    refused(&program, &["doctor"]).await
}

#[tokio::test]
async fn what_a_parameter_may_not_hold_is_refused_by_name_and_not_shown() {
    let aws = Aws::stand_in().await;
    for (text, expected) in [
        ("HUB_WORKER__LEASE=hidden-7", "HUB_WORKER__LEASE in ssm:/"),
        ("PASSWORD=hidden-7", "PASSWORD in ssm:/"),
        ("HUB_DIR=/hidden-7", "HUB_DIR in ssm:/"),
        ("HUB_AWS__REGION=hidden-7", "is read before what is kept outside"),
        ("HUB_WORKER__POLL_MS=hidden-7", "worker.poll_ms"),
        ("HUB_MODEL__BASE_URL=hidden-7", "model.base_url"),
        ("HUB_MODEL__NAME=a\nhidden-7 = = x'", "its assignment 2"),
    ] {
        let said = said_of(&aws, text).await;
        assert!(said.contains(expected), "{text}: {said}");
        assert!(!said.contains("hidden-7"), "{text}: {said}");
    }
}

#[tokio::test]
async fn what_cannot_be_had_is_said_with_what_to_do() {
    let aws = Aws::stand_in().await;
    let id = Aws::name("json");
    secret(&aws, &id, "{\"user\": \"hidden-7\"}").await;
    for (source, expected) in [
        ("ssm:/is/not/there".to_owned(), "create it, or correct the name"),
        (
            "secretsmanager:is-not-there".to_owned(),
            "create it, or correct the name",
        ),
        (format!("secretsmanager:{id}#password"), "no text of that name"),
    ] {
        let values = list(&[&format!("OPENAI_API_KEY={source}")]);
        let settings = [&aws.settings()[..], &[("HUB_SECRETS__VALUES", &*values)]];
        let program = Program::new(&settings.concat()).await;
        let said = refused(&program, &["doctor"]).await;
        assert!(said.contains(&source) && said.contains(expected), "{said}");
        assert!(!said.contains("hidden-7"), "{said}");
    }
}

#[tokio::test]
async fn a_far_side_that_refuses_hangs_or_is_not_there_is_said_in_time() {
    let server = ScriptedServer::start().await;
    let denied = r#"{"__type": "AccessDeniedException", "Message": "not you"}"#;
    server.then(Line::Answer(400, Vec::new(), denied.to_owned()));
    for _ in 0..4 {
        server.then(Line::Hang);
    }
    for (url, expected) in [
        (
            server.url(),
            "not you; the hub's credentials need ssm:GetParameter",
        ),
        (server.url(), "was not read within 3s"),
        (
            "http://127.0.0.1:9".to_owned(),
            "see aws.region, aws.endpoint_url",
        ),
    ] {
        let aws = Aws::at(&url).await;
        let settings = [
            &aws.settings()[..],
            &[
                ("HUB_SECRETS__VALUES", "[\"OPENAI_API_KEY=ssm:/key\"]"),
                ("HUB_SECRETS__TIMEOUT_MS", "3000"),
            ],
        ];
        let program = Program::new(&settings.concat()).await;
        let said = refused(&program, &["doctor"]).await;
        assert!(said.contains(expected), "{said}");
    }
}
