//! Tries to sign in, to refresh and to claim: how many may be wrong, and what the audit log keeps of them.

use chrono::Duration;
use hub::identity::{
    attempt::write_down,
    refusals::{ONE_BY_ONE, WINDOW},
};
use serde_json::{Value, json};
use support::{Answer, Client, TestHub};

use crate::sample::{PASSWORD, Sample};

const HOME: &str = "192.0.2.1";
/// Of a try that is wrong.
const REFUSED: &str = "operation = 'sign_in' and body like '%\"refused\"%'";

async fn sign_in(client: &Client, name: &str, password: &str) -> Answer {
    client
        .post("/v1/sign-in", json!({"name": name, "password": password}))
        .await
}

/// Asks until it is told to wait: how often it was refused before, and for how many seconds to wait.
async fn until_throttled(ask: impl AsyncFn() -> Answer, refusal: u16) -> (u32, String) {
    for tries in 0.. {
        let answer = ask().await;
        if answer.status == 429 {
            let answer = answer.refuses(429, "throttled");
            return (tries, answer.header("retry-after").unwrap().to_owned());
        }
        let _ = answer.expect(refusal);
    }
    unreachable!()
}

async fn last_entry(hub: &TestHub) -> Value {
    let query = "select body::jsonb from hub.audit_entries where operation = 'sign_in' order by agent_seq desc limit 1";
    hub.sql().value(query).await
}

#[tokio::test]
async fn wrong_passwords_are_throttled_and_the_right_one_is_let_in_when_it_has_waited() {
    let sample = Sample::new().await;
    let name = sample.user_with_password().await;
    let client = sample.rest.nobody().at(HOME);
    let wrong = async || sign_in(&client, &name, "a wrong password").await;
    assert_eq!(until_throttled(wrong, 401).await, (10, "30".to_owned()));
    // Whoever guesses is not even told when the guess is right.
    let _ = sign_in(&client, &name, PASSWORD).await.refuses(429, "throttled");
    sample.hub.clock.advance(Duration::milliseconds(29_500));
    let soon = sign_in(&client, &name, PASSWORD).await.refuses(429, "throttled");
    assert_eq!(soon.header("retry-after"), Some("1"));
    sample.hub.clock.advance(Duration::milliseconds(500));
    let _ = sign_in(&client, &name, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn the_owner_signs_in_elsewhere_while_somebody_guesses() {
    let sample = Sample::new().await;
    let name = sample.user_with_password().await;
    let thief = sample.rest.nobody().at("198.51.100.1");
    until_throttled(async || sign_in(&thief, &name, "a wrong password").await, 401).await;
    let owner = sample.rest.nobody().at(HOME);
    let _ = sign_in(&owner, &name, PASSWORD).await.expect(200);
    // And the one who guesses does not guess at others' names.
    let _ = sign_in(&thief, "another name", PASSWORD).await.expect(401);
}

#[tokio::test]
async fn right_ones_are_never_throttled() {
    let sample = Sample::new().await;
    let name = sample.user_with_password().await;
    let client = sample.rest.nobody().at(HOME);
    for _ in 0..15 {
        let _ = sign_in(&client, &name, PASSWORD).await.expect(200);
    }
}

#[tokio::test]
async fn right_ones_at_once_do_not_hold_each_other_up() {
    let sample = Sample::new().await;
    let name = sample.user_with_password().await;
    let client = sample.rest.nobody().at(HOME);
    let tries = (0..15).map(|_| sign_in(&client, &name, PASSWORD));
    for answer in futures_util::future::join_all(tries).await {
        let _ = answer.expect(200);
    }
}

#[tokio::test]
async fn a_name_has_no_more_tries_for_being_spelt_in_other_ways() {
    let sample = Sample::new().await;
    let client = sample.rest.nobody().at(HOME);
    // In most locales the database takes them for one name; Rust would make two letters of the dotted one.
    let (plain, dotted) = ("kitty", "K\u{130}TTY");
    let is_one = format!("select lower('{plain}') = lower('{dotted}')");
    let is_one: bool = sample.hub.sql().value(&is_one).await;
    let most = if is_one { 10 } else { 20 };
    let mut spellings = [plain, dotted].into_iter().cycle();
    for _ in 0..most {
        let spelling = spellings.next().unwrap();
        let _ = sign_in(&client, spelling, "a wrong password").await.expect(401);
    }
    for spelling in [plain, dotted] {
        let throttled = sign_in(&client, spelling, "a wrong password").await;
        let _ = throttled.refuses(429, "throttled");
    }
}

#[tokio::test]
async fn a_secret_that_nobody_guesses_is_never_refused_for_others_failures() {
    let sample = Sample::new().await;
    let name = sample.user_with_password().await;
    let code = sample.claim_code().await;
    let claim = |code: &str| json!({"code": code, "name": "hedy", "password": PASSWORD});
    let client = sample.rest.nobody().at(HOME);
    let signed_in = sign_in(&client, &name, PASSWORD).await.expect(200);
    let claims = async || client.post("/v1/claim", claim("ABCDE-FGHJK-LMNPQ-RSTUV")).await;
    assert_eq!(until_throttled(claims, 422).await, (40, "10".to_owned()));
    let token = |token: &str| json!({"refresh_token": token});
    let refreshes = async || client.post("/v1/sign-in/refresh", token("hubr_unknown")).await;
    assert_eq!(until_throttled(refreshes, 401).await, (40, "10".to_owned()));
    let right = client.post("/v1/sign-in/refresh", token(signed_in.text("/refresh_token")));
    let _ = right.await.expect(200);
    let _ = client.post("/v1/claim", claim(&code)).await.expect(201);
    let wrong = sign_in(&client, "nobody", "a wrong password");
    let _ = wrong.await.expect(401);
}

#[tokio::test]
async fn every_kind_of_refused_try_is_in_the_audit_log() {
    let sample = Sample::new().await;
    let client = sample.rest.nobody().at(HOME);
    let claim = json!({"code": "ABCDE-FGHJK-LMNPQ-RSTUV", "name": "grace", "password": PASSWORD});
    let refresh = json!({"refresh_token": "hubr_unknown"});
    let shows = async |bearer: &str| sample.rest.bearer(bearer).get("/v1/me").await.expect(401);
    for (tried, answer) in [
        (
            "password",
            sign_in(&client, "ada", "a wrong password").await.expect(401),
        ),
        ("claim_code", client.post("/v1/claim", claim).await.expect(422)),
        (
            "refresh_token",
            client.post("/v1/sign-in/refresh", refresh).await.expect(401),
        ),
        ("device_credential", shows("hubd_unknown").await),
        ("personal_token", shows("hubt_unknown").await),
        ("delegation", shows("hubg_unknown").await),
        ("token", shows("forged").await),
    ] {
        let id = answer.text("/request_id");
        let entry = format!("{REFUSED} and body::jsonb ->> 'request_id' = '{id}' and body like '%{tried}%'");
        assert_eq!(
            sample.hub.sql().count("audit_entries", &entry).await,
            1,
            "{tried}"
        );
    }
    assert_eq!(sample.hub.sql().count("audit_entries", REFUSED).await, 7);
}

/// An app that was asleep refreshes its token: nobody tried anything.
#[tokio::test]
async fn a_token_whose_time_is_over_is_no_try_and_a_flood_of_others_is_counted() {
    let sample = Sample::new().await;
    let hub = &sample.hub;
    let asleep = sample.rest.user(&sample.ada).await;
    hub.clock.advance(hub::identity::tokens::LIFE);
    let _ = asleep.get("/v1/me").await.expect(401);
    assert_eq!(hub.sql().count("audit_entries", REFUSED).await, 0);
    let stranger = sample.rest.bearer("hubd_unknown");
    for _ in 0..ONE_BY_ONE + 5 {
        let _ = stranger.get("turns").await.expect(401);
    }
    let one_by_one = i64::from(ONE_BY_ONE);
    assert_eq!(hub.sql().count("audit_entries", REFUSED).await, one_by_one);
    // Nor do they silence those who try a password.
    let client = sample.rest.nobody().at(HOME);
    let _ = sign_in(&client, "ada", "a wrong password").await.expect(401);
    assert_eq!(hub.sql().count("audit_entries", REFUSED).await, one_by_one + 1);
    write_down(hub, true).await.unwrap();
    let entry = last_entry(hub).await;
    assert_eq!(
        (&entry["details"]["refused_tries"], &entry["details"]["tried"]),
        (&json!(5), &json!("credential"))
    );
}

#[tokio::test]
async fn a_flood_of_tries_leaves_a_bounded_number_of_audit_entries_that_say_how_many_there_were() {
    let sample = Sample::new().await;
    let hub = &sample.hub;
    for number in 0..3 {
        let client = sample.rest.nobody().at(&format!("198.51.100.{number}"));
        until_throttled(async || sign_in(&client, "ada", "a wrong password").await, 401).await;
    }
    let one_by_one = i64::from(ONE_BY_ONE);
    assert_eq!(hub.sql().count("audit_entries", REFUSED).await, one_by_one);
    write_down(hub, false).await.unwrap();
    assert_eq!(
        hub.sql().count("audit_entries", REFUSED).await,
        one_by_one,
        "the window is open"
    );
    hub.clock.advance(WINDOW);
    write_down(hub, false).await.unwrap();
    write_down(hub, true).await.unwrap();
    assert_eq!(hub.sql().count("audit_entries", REFUSED).await, one_by_one + 1);
    let entry = last_entry(hub).await;
    assert_eq!(entry["details"]["refused_tries"], 10, "{entry}");
    assert_eq!(entry["details"]["throttled_tries"], 3, "{entry}");
    assert_eq!(entry["principal"]["kind"], "hub");
    // The next window begins with entries of their own.
    let _ = sign_in(&sample.rest.nobody(), "ada", "wrong").await.expect(401);
    assert_eq!(hub.sql().count("audit_entries", REFUSED).await, one_by_one + 2);
}

#[tokio::test]
async fn what_was_counted_is_written_down_when_the_process_ends() {
    let sample = Sample::new().await;
    let client = sample.rest.nobody().at(HOME);
    until_throttled(async || sign_in(&client, "ada", "a wrong password").await, 401).await;
    hub::identity::attempt::start(&sample.hub);
    sample.hub.lifecycle.shut_down().await;
    let entry = last_entry(&sample.hub).await;
    assert_eq!(entry["details"]["throttled_tries"], 1, "{entry}");
}
