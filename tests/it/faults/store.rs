//! The audit store away and back: commits go on, and later the log is whole.

use std::{fs, time::Duration};

use serde_json::Value;
use support::{Aws, Program, Proxy, Seeded};
use tokio::time::{sleep, timeout};

use super::{SETTINGS, household::Household, judge, published, verified};

async fn readiness(program: &Program) -> (u16, Value) {
    let answer = reqwest::get(format!("{}/readyz", program.url())).await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn catch_up(program: &Program) {
    let caught_up = async {
        while readiness(program).await.1["audit"]["unpublished_entries"] != 0 {
            sleep(Duration::from_millis(100)).await;
        }
    };
    assert!(
        timeout(Duration::from_secs(90), caught_up).await.is_ok(),
        "{}",
        program.tail()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_whose_audit_store_is_away_goes_on_and_catches_up() {
    let seed = Seeded::default();
    let mut rng = seed.fork(0);
    let mut program = Program::new(&SETTINGS).await;
    program.start().await;
    let mut home = Household::start(&program, &seed).await;
    home.talk(&mut rng, Duration::from_millis(500)).await;
    let (store, away) = (program.dir().join("audit"), program.dir().join("audit.away"));
    fs::rename(&store, &away).unwrap();
    fs::write(&store, "a file where the directory was").unwrap();
    sleep(Duration::from_millis(500)).await;
    let before = published(&program).await;
    home.talk(&mut rng, Duration::from_millis(1_500)).await;
    home.drain(&mut program).await;
    assert_eq!(
        published(&program).await,
        before,
        "nothing is said to be kept that is not"
    );
    let (status, said) = readiness(&program).await;
    assert_eq!(
        (status, &said["is_ready"]),
        (200, &Value::Bool(true)),
        "an outage of the store delays, no more"
    );
    assert_ne!(said["audit"]["health"], "kept", "{said}");
    assert!(said["audit"]["unpublished_entries"].as_i64() > Some(0), "{said}");
    fs::remove_file(&store).unwrap();
    fs::rename(&away, &store).unwrap();
    catch_up(&program).await;
    home.talk(&mut rng, Duration::from_millis(300)).await;
    home.drain(&mut program).await;
    let tally = home.settle(&program).await;
    let entries = verified(&mut program).await;
    let extra = format!("audit log of {entries} whole, {before} of them from before");
    judge("audit store away", 1, &tally, &extra);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_whose_bucket_is_cut_off_or_silent_goes_on_and_catches_up() {
    let seed = Seeded::default();
    let mut rng = seed.fork(0);
    let mut aws = Aws::stand_in().await;
    let bucket = aws.bucket(true).await;
    let way = Proxy::before(&aws.config.endpoint_url).await;
    aws.config.endpoint_url.clone_from(&way.url);
    let mut program = Program::new(&SETTINGS).await;
    program.set("HUB_AUDIT__STORE", &bucket.to_string());
    program.set("HUB_AWS__TIMEOUT_MS", "1000");
    for (name, value) in aws.settings() {
        program.set(name, value);
    }
    program.start().await;
    let mut home = Household::start(&program, &seed).await;
    home.talk(&mut rng, Duration::from_millis(500)).await;
    for fault in [Proxy::cut, Proxy::stall] {
        fault(&way);
        home.talk(&mut rng, Duration::from_secs(1)).await;
        home.drain(&mut program).await;
        let delayed = async {
            loop {
                let (status, said) = readiness(&program).await;
                assert_eq!(status, 200, "an outage of the store delays, no more: {said}");
                if said["audit"]["health"] == "delayed" {
                    return said;
                }
                sleep(Duration::from_millis(100)).await;
            }
        };
        let said = timeout(Duration::from_secs(30), delayed).await;
        let said = said.expect("the outage is noticed");
        assert_eq!(
            said["audit"]["problem"], "the audit store is not reachable",
            "{said}"
        );
        assert_eq!(said["audit"]["store"]["kind"], "s3", "{said}");
        assert_eq!(said["audit"]["store"]["is_enforced"], true, "{said}");
        way.heal();
        catch_up(&program).await;
    }
    // Killed with the way open: what it was writing is finished by the next.
    home.talk(&mut rng, Duration::from_millis(300)).await;
    program.kill().await;
    program.start().await;
    home.drain(&mut program).await;
    let tally = home.settle(&program).await;
    let entries = verified(&mut program).await;
    let extra = format!("audit log of {entries} whole in the bucket");
    judge("audit bucket cut, silent, hub killed", 3, &tally, &extra);
}
