//! The queue away, refusing and asking for less: nothing is lost, and an operator is told once.

use std::{sync::Arc, time::Duration};

use chrono::Duration as TimeDelta;
use hub::{
    adapters::queue::{Fault, Queue, sqs::Sqs},
    config::QueueConfig,
    jobs::relay,
    turns::offline::Offline,
};
use serde_json::json;
use support::{Aws, Line, Proxy, Rest, ScriptedServer, TestHub, heard, turn_of};
use tokio::time::{sleep, timeout};

use super::queue::{PATIENCE, works};

async fn until(what: &str, holds: impl Fn() -> bool) {
    let held = async {
        while !holds() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, held).await.expect(what);
}

#[tokio::test]
async fn an_outage_of_the_queue_loses_nothing_and_the_hub_stays_ready() {
    let aws = Aws::stand_in().await;
    let proxy = Proxy::before(&aws.config.endpoint_url).await;
    let (queue, proxied) = (aws.queue().await, Aws::at(&proxy.url).await);
    let config = queue.config();
    let hub = TestHub::builder()
        .config(move |all| {
            all.queue = config;
            all.worker.poll_ms = 20;
        })
        .start()
        .await;
    let wire = queue.through(&proxied);
    let worker = hub.another_process(Offline);
    hub.queue.begin();
    relay::start(&hub, &wire);
    works(&worker, &wire);
    let nobody = Rest::of(&hub).nobody();
    let ready = nobody.get("/readyz").await.expect(200);
    assert_eq!(ready.json["queue"], json!({"health": "ok", "problem": null}));

    proxy.cut();
    let texts: Vec<_> = (0..20).map(|number| heard(&format!("hello {number}"))).collect();
    let mut turns = Vec::new();
    for text in texts {
        let outcome = hub.home.kitchen.sends(vec![text]).await.unwrap().remove(0);
        turns.push(turn_of(&outcome));
    }
    until("it is noticed here", || !hub.queue.is_well()).await;
    until("it is noticed there", || !worker.queue.is_well()).await;
    for turn in turns {
        planned(&hub, turn).await;
    }
    let ready = nobody.get("/readyz").await.expect(200);
    let delayed = json!({"health": "delayed", "problem": "the queue is not reachable"});
    assert_eq!(
        (&ready.json["is_ready"], &ready.json["queue"]),
        (&json!(true), &delayed)
    );

    proxy.heal();
    in_time(&hub, "it is back here", || hub.queue.is_well()).await;
    in_time(&hub, "it is back there", || worker.queue.is_well()).await;
    let turn = turn_of(&hub.home.kitchen.hears("hello again").await);
    planned(&hub, turn).await;
    worker.lifecycle.shut_down().await;
}

async fn planned(hub: &TestHub, turn: hub::ids::TurnId) {
    let planned = format!("id = '{turn}' and state = 'planned'");
    let ended = async {
        while hub.sql().count("turns", &planned).await == 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, ended).await.expect("it is planned");
}

/// Lets time pass until the next probes have brought it about. Once is not enough: a call that is on its way while the clock
/// moves may fail after it, and begin its wait only then.
async fn in_time(hub: &TestHub, what: &str, holds: impl Fn() -> bool) {
    let held = async {
        while !holds() {
            hub.clock.advance(TimeDelta::minutes(2));
            let soon = timeout(Duration::from_millis(200), until(what, &holds));
            // It is asked again above.
            drop(soon.await);
        }
    };
    timeout(PATIENCE, held).await.expect(what);
}

/// A queue that answers as its script says.
async fn scripted() -> (ScriptedServer, Arc<dyn Queue>) {
    let server = ScriptedServer::start().await;
    let aws = Aws::at(&server.url()).await;
    let config = QueueConfig {
        url: "https://sqs.eu-central-1.amazonaws.com/123456789012/hub".to_owned(),
        ..QueueConfig::default()
    };
    let queue = Arc::new(Sqs::new(&aws.sdk, &config, Duration::from_secs(5)));
    (server, queue)
}

/// An error as SQS says it in its JSON protocol.
fn refuses(status: u16, code: &str) -> Line {
    let body = json!({"__type": format!("com.amazonaws.sqs#{code}"), "message": "as it says"});
    Line::Answer(status, Vec::new(), body.to_string())
}

#[tokio::test]
async fn what_the_queue_says_is_understood() {
    type Case = (u16, &'static str, fn(&Fault) -> bool);
    let cases: [Case; 7] = [
        (400, "RequestThrottled", |fault| {
            matches!(fault, Fault::Throttled(_))
        }),
        (403, "AccessDenied", |fault| matches!(fault, Fault::Denied(_))),
        (403, "InvalidClientTokenId", |fault| {
            matches!(fault, Fault::Denied(_))
        }),
        (403, "SignatureDoesNotMatch", |fault| {
            matches!(fault, Fault::Denied(_))
        }),
        (400, "QueueDoesNotExist", |fault| {
            matches!(fault, Fault::Missing(_))
        }),
        (400, "InvalidAddress", |fault| {
            matches!(fault, Fault::Refused { .. })
        }),
        (503, "Whatever", |fault| matches!(fault, Fault::Away(_))),
    ];
    for (status, code, is_right) in cases {
        let (server, queue) = scripted().await;
        // The library tries some of them twice.
        server.then(refuses(status, code));
        server.then(refuses(status, code));
        let error = queue.send(&["id".to_owned()]).await.unwrap_err();
        assert!(is_right(&error.fault), "{code}: {error:?}");
        assert_eq!(
            error.fault.is_outage(),
            matches!(status, 503) || code == "RequestThrottled"
        );
        assert!(error.to_string().starts_with("queue.url: "), "{error}");
        let heard = server.heard();
        assert_eq!(
            heard[0].header("x-amz-target"),
            Some("AmazonSQS.SendMessageBatch")
        );
        assert_eq!(heard[0].body["Entries"][0]["MessageBody"], "id");
    }
}

#[tokio::test]
async fn a_queue_that_asks_for_less_is_left_alone_until_its_time() {
    let (server, queue) = scripted().await;
    let hub = TestHub::builder()
        .config(|all| all.queue.relay_ms = 20)
        .start()
        .await;
    hub.queue.begin();
    relay::start(&hub, &queue);
    server.then(refuses(400, "RequestThrottled"));
    server.then(refuses(400, "RequestThrottled"));
    hub.home.kitchen.hears("one").await;
    until("it is understood", || !hub.queue.is_well()).await;
    let problem = hub.queue.report().trouble();
    assert_eq!(problem, Some("the queue asks for fewer calls"));
    let asked = server.heard().len();
    for text in ["two", "three"] {
        hub.home.kitchen.hears(text).await;
    }
    sleep(Duration::from_millis(100)).await;
    assert_eq!(server.heard().len(), asked, "nothing is asked before its time");
    server.then(takes());
    hub.clock.advance(TimeDelta::seconds(1));
    until("it is asked again", || server.heard().len() > asked).await;
    let again = &server.heard()[asked];
    assert_eq!(again.header("x-amz-target"), Some("AmazonSQS.SendMessageBatch"));
    hub.run_jobs().await;
}

/// The answer to a batch of one.
fn takes() -> Line {
    let taken =
        json!({"Successful": [{"Id": "0", "MessageId": "one", "MD5OfMessageBody": "?"}], "Failed": []});
    Line::Answer(200, Vec::new(), taken.to_string())
}

/// To be counted is not to be well: only what is sent shows that sending works again.
#[tokio::test]
async fn a_queue_that_may_be_counted_and_not_sent_to_stays_in_trouble() {
    let (server, queue) = scripted().await;
    let hub = TestHub::builder()
        .config(|all| all.queue.relay_ms = 20)
        .start()
        .await;
    server.otherwise(|heard| {
        let is_count = heard.header("x-amz-target") == Some("AmazonSQS.GetQueueAttributes");
        let counted = json!({"Attributes": {"ApproximateNumberOfMessages": "0"}});
        if is_count {
            Line::Answer(200, Vec::new(), counted.to_string())
        } else {
            refuses(403, "AccessDenied")
        }
    });
    hub.queue.begin();
    relay::start(&hub, &queue);
    hub.home.kitchen.hears("one").await;
    until("it is noticed", || !hub.queue.is_well()).await;
    for _ in 0..5 {
        let asked = server.heard().len();
        in_time(&hub, "it is tried again", || server.heard().len() > asked).await;
        assert!(!hub.queue.is_well());
    }
    server.otherwise(|_| takes());
    in_time(&hub, "it is back", || hub.queue.is_well()).await;
    hub.run_jobs().await;
}

/// It accepts and never answers: each call ends by itself.
#[tokio::test]
async fn a_queue_that_hangs_is_away() {
    let server = ScriptedServer::start().await;
    let mut aws = Aws::at(&server.url()).await;
    aws.config.timeout_ms = 500;
    let sdk = hub::adapters::aws::connect(&aws.config, Some(Aws::credentials())).await;
    let config = QueueConfig {
        url: "http://127.0.0.1/1/hub".to_owned(),
        ..QueueConfig::default()
    };
    let queue = Sqs::new(&sdk, &config, Duration::from_millis(500));
    for _ in 0..4 {
        server.then(Line::Hang);
    }
    let calls = async {
        let sent = queue.send(&["id".to_owned()]).await.map(drop);
        let received = queue.receive(1, Duration::from_secs(1)).await.map(drop);
        [sent, received]
    };
    let ended = timeout(PATIENCE, calls).await.expect("each ends in time");
    for error in ended.map(Result::unwrap_err) {
        assert!(matches!(error.fault, Fault::Away(_)), "{error}");
    }
}
