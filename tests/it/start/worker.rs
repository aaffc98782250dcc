//! A worker says how it is, to supervisors and scrapers, and nothing else.

use std::time::Duration;

use support::Program;
use tokio::time::{Instant, sleep};

use super::refused;

async fn said(url: &str) -> (u16, String) {
    let answer = reqwest::get(url).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_worker_says_how_it_is_and_serves_nothing_else() {
    let mut program = Program::new(&[("HUB_WORKER__IN_SERVE", "false")]).await;
    program.start().await;
    let mut worker = program.elsewhere("worker");
    worker.start(&program).await;
    let url = worker.url();

    let (status, alive) = said(&format!("{url}/healthz")).await;
    assert_eq!((status, &*alive), (200, r#"{"status":"alive"}"#));
    let (status, ready) = said(&format!("{url}/readyz")).await;
    assert!(status == 200 && ready.contains("\"database\":\"ok\""), "{ready}");
    // What waits in the database is sampled every five seconds.
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let (status, counts) = said(&format!("{url}/metrics")).await;
        if counts.contains("hub_jobs_oldest_seconds") {
            break;
        }
        assert!(status == 200 && Instant::now() < deadline, "{counts}");
        sleep(Duration::from_millis(100)).await;
    }
    for path in ["/v1/me", "/v1/satellites/connect", "/openapi.json", "/docs", "/"] {
        let (status, said) = said(&format!("{url}{path}")).await;
        assert_eq!(status, 404, "{path}: {said}");
    }
    // As a container's supervisor asks.
    let (is_well, said) = program.run(&["health", "--url", &url]).await;
    assert!(is_well, "{said}");
    let (is_well, said) = program.run(&["health", "--ready", "--url", &url]).await;
    assert!(is_well, "{said}");

    assert!(worker.stop().await, "{}", program.tail());
    let (is_well, said) = program.run(&["health", "--url", &url]).await;
    assert!(!is_well, "{said}");
    assert!(program.stop().await);
}

#[tokio::test]
async fn a_worker_whose_address_is_taken_says_which_key_chooses_another() {
    let mut program = Program::new(&[]).await;
    program.start().await;
    program.set("HUB_WORKER__LISTEN", &program.address().to_string());
    let said = refused(&program, &["worker"]).await;
    assert!(said.contains("HUB_WORKER__LISTEN"), "{said}");
    assert!(program.stop().await);
}
