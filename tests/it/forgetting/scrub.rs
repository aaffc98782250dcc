//! The scrub: when it runs, that one does it at a time, and what it says where it cannot.

use chrono::Duration;
use hub::erasures::scrub::{Scrubbed, scrub};
use serde_json::json;

use super::Story;

async fn forgotten() -> (Story, String) {
    let story = Story::new().await;
    let event = story.hears("remember that the zanzibar key is with Nora").await;
    let done = story
        .owner
        .post(&format!("events/{event}/forget"), json!({}))
        .await
        .expect(200);
    let id = done.text("/erasure/id").to_owned();
    (story, id)
}

#[tokio::test]
async fn what_was_forgotten_is_scrubbed_after_a_while_and_the_receipt_says_so() {
    let (story, id) = forgotten().await;
    assert_eq!(scrub(&story.hub).await.unwrap(), Scrubbed::Nothing);
    let files = files(&story).await;
    story.hub.clock.advance(Duration::minutes(11));
    // The cluster's superuser may turn the log over.
    assert_eq!(
        scrub(&story.hub).await.unwrap(),
        Scrubbed::Done {
            erasures: 1,
            wal: true
        }
    );
    assert_ne!(
        self::files(&story).await,
        files,
        "the tables were not written anew"
    );
    let got = story.owner.get(&format!("erasures/{id}")).await.expect(200);
    assert_eq!(got.json["erasure"]["wal"], "turned_over");
    assert!(got.json["erasure"]["scrubbed_at"].is_string());
    assert!(got.text("/receipt").contains("\"wal\":\"turned_over\""));
    assert_eq!(scrub(&story.hub).await.unwrap(), Scrubbed::Nothing);
    // Everything else is as it was, and goes on.
    story.hears("remember that the bins go out on Monday").await;
    assert_eq!(story.ada.recalls("bins").await.len(), 2);
}

async fn files(story: &Story) -> Vec<String> {
    let query =
        "select pg_relation_filepath(c.oid) from pg_class c where c.relnamespace = 'hub'::regnamespace
        and c.relname in ('events', 'memories', 'turn_stream') order by c.relname";
    story.hub.sql().values(query).await
}

#[tokio::test]
async fn one_process_scrubs_at_a_time() {
    let (story, _) = forgotten().await;
    story.hub.clock.advance(Duration::minutes(11));
    let other = story.hub.another_process(hub::turns::offline::Offline);
    let mut tx = other.db.begin_system().await.unwrap();
    let until = tx.now() + Duration::minutes(5);
    assert!(tx.erasures().lease_scrub(other.node, until).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(scrub(&story.hub).await.unwrap(), Scrubbed::Elsewhere);
    // It never came back.
    story.hub.clock.advance(Duration::minutes(6));
    assert!(matches!(scrub(&story.hub).await.unwrap(), Scrubbed::Done { .. }));
}

#[tokio::test]
async fn nothing_is_called_scrubbed_while_somebody_may_still_read_it() {
    let (story, id) = forgotten().await;
    story.hub.clock.advance(Duration::minutes(11));
    let mut reader = story.hub.sql().pool().begin().await.unwrap();
    sqlx::raw_sql("set transaction isolation level repeatable read; select count(*) from pg_class")
        .execute(&mut *reader)
        .await
        .unwrap();
    let refused = scrub(&story.hub).await.unwrap_err();
    assert!(refused.to_string().contains("may still read"), "{refused}");
    let mut tx = story.hub.db.begin_system().await.unwrap();
    let (waiting, problem) = tx.erasures().waiting().await.unwrap();
    assert_eq!(waiting.count, 1);
    assert!(problem.unwrap().contains("may still read"));
    drop(tx);
    reader.rollback().await.unwrap();
    assert!(matches!(scrub(&story.hub).await.unwrap(), Scrubbed::Done { .. }));
    let got = story.owner.get(&format!("erasures/{id}")).await.expect(200);
    assert!(got.json["erasure"]["scrubbed_at"].is_string());
}

#[tokio::test]
async fn a_table_that_is_in_use_is_waited_for_briefly_and_tried_again() {
    let (story, _) = forgotten().await;
    story.hub.clock.advance(Duration::minutes(11));
    let mut user = story.hub.sql().pool().begin().await.unwrap();
    sqlx::raw_sql("lock table hub.actions in access share mode")
        .execute(&mut *user)
        .await
        .unwrap();
    let begun = std::time::Instant::now();
    let refused = scrub(&story.hub).await.unwrap_err();
    assert!(refused.is_outage(), "{refused}");
    assert!(
        begun.elapsed() < std::time::Duration::from_secs(10),
        "it waits too long"
    );
    user.rollback().await.unwrap();
    // What was written anew before it is not written once more, nor by another process.
    let files = files(&story).await;
    let other = story.hub.another_process(hub::turns::offline::Offline);
    assert!(matches!(scrub(&other).await.unwrap(), Scrubbed::Done { .. }));
    assert_eq!(self::files(&story).await, files);
    // The next round begins with the first table.
    let event = story.hears("remember that the zanzibar lanterns glow").await;
    let forget = format!("events/{event}/forget");
    let _ = story.owner.post(&forget, json!({})).await.expect(200);
    story.hub.clock.advance(Duration::minutes(11));
    assert!(matches!(scrub(&story.hub).await.unwrap(), Scrubbed::Done { .. }));
    assert_ne!(self::files(&story).await, files);
}

#[tokio::test]
async fn a_login_that_may_not_turn_the_log_over_says_that_it_was_left() {
    let (story, id) = forgotten().await;
    let login = format!("hub_plain_{}", std::process::id());
    story
        .hub
        .sql()
        .execute(&format!(
            "create role {login} login password 'plain'; grant hub_app, hub_system to {login}"
        ))
        .await;
    let plain = login.clone();
    let served = story.hub.reconfigured(move |config| {
        use secrecy::ExposeSecret;
        let url = config.database.url.expose_secret().to_owned();
        let rest = url.split_once('@').expect("a URL with a login").1.to_owned();
        config.database.url = format!("postgres://{plain}:plain@{rest}").into();
    });
    story.hub.clock.advance(Duration::minutes(11));
    let done = scrub(&served).await;
    served.db.close().await;
    story.hub.sql().execute(&format!("drop role {login}")).await;
    assert_eq!(
        done.unwrap(),
        Scrubbed::Done {
            erasures: 1,
            wal: false
        }
    );
    let got = story.owner.get(&format!("erasures/{id}")).await.expect(200);
    assert_eq!(got.json["erasure"]["wal"], "left");
}
