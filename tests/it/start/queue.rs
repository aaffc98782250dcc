//! What a queue that cannot be used means for the start.

use support::{Aws, Line, Program, Proxy, ScriptedServer};

use super::refused;

async fn program(aws: &Aws, url: &str, dead_letter_url: &str) -> Program {
    let settings = [
        &aws.settings()[..],
        &[
            ("HUB_QUEUE__URL", url),
            ("HUB_QUEUE__DEAD_LETTER_URL", dead_letter_url),
        ],
    ];
    Program::new(&settings.concat()).await
}

#[tokio::test]
async fn a_queue_that_does_not_exist_is_refused_by_name() {
    let aws = Aws::stand_in().await;
    let queue = aws.queue().await;
    let nowhere = format!("{}-not", queue.url);
    for (url, dead_letter_url, key) in [
        (&nowhere, &queue.dead_letter_url, "queue.url"),
        (&queue.url, &nowhere, "queue.dead_letter_url"),
    ] {
        let program = program(&aws, url, dead_letter_url).await;
        for command in [&["serve", "--bootstrap"][..], &["doctor"]] {
            let said = refused(&program, command).await;
            assert!(said.contains("the queue does not exist"), "{said}");
            assert!(said.contains(&format!("{key}: ")), "{said}");
        }
    }
}

#[tokio::test]
async fn a_queue_that_does_not_permit_the_hub_is_refused_with_what_it_needs() {
    let server = ScriptedServer::start().await;
    let aws = Aws::at(&server.url()).await;
    let program = program(&aws, "https://sqs.eu-central-1.amazonaws.com/1/hub", "").await;
    let denied = r#"{"__type": "com.amazon.coral.service#AccessDeniedException", "message": "not you"}"#;
    server.then(Line::Answer(403, Vec::new(), denied.to_owned()));
    let said = refused(&program, &["serve", "--bootstrap"]).await;
    assert!(said.contains("the queue does not permit the hub"), "{said}");
    assert!(
        said.contains("not you") && said.contains("sqs:SendMessage"),
        "{said}"
    );
}

#[tokio::test]
async fn a_hub_without_credentials_says_so() {
    let aws = Aws::stand_in().await;
    let settings = [
        ("HUB_AWS__ENDPOINT_URL", &*aws.config.endpoint_url),
        ("HUB_AWS__REGION", "eu-central-1"),
        ("HUB_QUEUE__URL", "https://sqs.eu-central-1.amazonaws.com/1/hub"),
        // No role is looked for on the machine that runs the tests.
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let program = Program::new(&settings).await;
    let said = refused(&program, &["serve", "--bootstrap"]).await;
    assert!(said.contains("no credentials were found"), "{said}");
    let program = Program::new(&[&settings[..1], &settings[2..], &aws.settings()[..2]].concat()).await;
    let said = refused(&program, &["serve", "--bootstrap"]).await;
    assert!(said.contains("set aws.region or AWS_REGION"), "{said}");
}

#[tokio::test]
async fn a_queue_that_is_away_delays_and_is_said_once() {
    let aws = Aws::stand_in().await;
    let proxy = Proxy::before(&aws.config.endpoint_url).await;
    let (queue, proxied) = (aws.queue().await, Aws::at(&proxy.url).await);
    let mut program = program(&proxied, &queue.url, "").await;
    proxy.cut();
    program.start().await;
    let ready = reqwest::get(format!("{}/readyz", program.url())).await.unwrap();
    let ready: serde_json::Value = ready.json().await.unwrap();
    assert_eq!(ready["queue"]["health"], "delayed", "{ready}");
    assert_eq!(ready["queue"]["problem"], "the queue is not reachable");
    assert!(program.stop().await);
    let said = program.log_text();
    assert_eq!(said.matches("\"ERROR\"").count(), 1, "{said}");
}
