//! `/v1/agents/{agent_id}/commands`

use chrono::Duration;
use hub::{ids::CommandId, jobs::sweep::remove_old};
use serde_json::{Value, json};
use support::{Answer, TestHub};

use crate::sample::Sample;

#[tokio::test]
async fn a_command_is_seen_from_the_queue_to_its_result() {
    let sample = Sample::new().await;
    let (hub, ada) = (&sample.hub, &sample.owner);
    let action = sample.proposal().await;
    let _ = ada
        .post(&format!("actions/{action}/approve"), json!({}))
        .await
        .expect(200);
    hub.run_jobs().await;
    let listed = ada.get("commands").await.expect(200);
    let path = format!("commands/{}", listed.text("/items/0/id"));
    let queued = ada.get(&path).await.expect(200);
    assert_eq!(queued.json, listed.items()[0]);
    assert_eq!(queued.text("/state"), "queued");
    assert_eq!(queued.text("/kind"), "speaker.say");
    assert_eq!(queued.json["device_id"], json!(hub.home.office.id));
    assert_eq!(queued.json["action_id"], json!(action));
    let command = hub.home.office.takes().await.remove(0);
    assert_eq!(ada.get(&path).await.expect(200).text("/state"), "sent");
    hub.home.office.acknowledges(command.id).await.unwrap();
    assert_eq!(ada.get(&path).await.expect(200).text("/state"), "acknowledged");
    hub.home.office.fails(command.id, "it is muted").await.unwrap();
    let ended = ada.get(&path).await.expect(200);
    assert_eq!(ended.text("/state"), "failed");
    assert_eq!(ended.text("/error/message"), "it is muted");
    assert!(ended.json["finished_at"].is_string());
}

#[tokio::test]
async fn commands_are_listed_newest_first_and_by_device() {
    let sample = Sample::new().await;
    for _ in 0..3 {
        let action = sample.proposal().await;
        let approved = sample
            .owner
            .post(&format!("actions/{action}/approve"), json!({}))
            .await;
        let _ = approved.expect(200);
    }
    sample.hub.run_jobs().await;
    let ada = &sample.owner;
    let (office, kitchen) = (sample.hub.home.office.id, sample.hub.home.kitchen.id);
    let of_office = format!("commands?device_id={office}");
    let whole = ada.get(&of_office).await.expect(200);
    let seqs: Vec<i64> = whole
        .items()
        .iter()
        .filter_map(|command| command["seq"].as_i64())
        .collect();
    assert_eq!(seqs, [3, 2, 1]);
    let first = ada.get(&format!("{of_office}&limit=2")).await.expect(200);
    let next = format!("{of_office}&limit=2&cursor={}", first.text("/next_cursor"));
    let rest = ada.get(&next).await.expect(200);
    assert_eq!([first.items(), rest.items()].concat(), whole.items());
    // The questions that the agent asked in the kitchen.
    let of_kitchen = ada
        .get(&format!("commands?device_id={kitchen}"))
        .await
        .expect(200);
    assert!(
        of_kitchen
            .items()
            .iter()
            .all(|command| command["kind"] == "reply")
    );
    assert_eq!(of_kitchen.items().len(), 3);
    assert_eq!(ada.get("commands").await.expect(200).items().len(), 6);
}

#[tokio::test]
async fn a_person_sends_a_command_to_a_device_and_sees_what_became_of_it() {
    let sample = Sample::new().await;
    let (hub, ada) = (&sample.hub, &sample.owner);
    let sent = ada
        .post("commands", say(hub, "dinner is ready"))
        .await
        .expect(201);
    assert_eq!(sent.text("/state"), "queued");
    let taken = hub.home.office.takes().await.remove(0);
    assert_eq!(
        (taken.kind.as_str(), taken.arguments),
        ("speaker.say", json!({"text": "dinner is ready"}))
    );
    hub.home.office.acknowledges(taken.id).await.unwrap();
    hub.home
        .office
        .succeeds(taken.id, json!({"heard": 2}))
        .await
        .unwrap();
    let path = format!("commands/{}", sent.text("/id"));
    let ended = ada.get(&path).await.expect(200);
    assert_eq!(ended.text("/state"), "succeeded");
    assert_eq!(ended.json["result"], json!({"heard": 2}));
}

#[tokio::test]
async fn a_space_chooses_the_device_that_can_and_says_when_none_can() {
    let sample = Sample::new().await;
    let (hub, ada) = (&sample.hub, &sample.owner);
    let (office, kitchen) = (hub.home.office.space, hub.home.kitchen.space);
    let wanted = |space, kind: &str| json!({"space_id": space, "kind": kind});
    let sent = ada
        .post("commands", wanted(office, "speaker.say"))
        .await
        .expect(201);
    assert_eq!(sent.json["device_id"], json!(hub.home.office.id));
    for (space, kind) in [
        (kitchen, "speaker.say"),
        (office, "display.show"),
        (office, "reply"),
    ] {
        let refused = ada.post("commands", wanted(space, kind)).await;
        let refused = refused.refuses(409, "no_device");
        assert!(refused.text("/detail").contains(kind), "{}", refused.told());
    }
    let elsewhere = hub.household("foreign").await.kitchen.space;
    let _ = ada
        .post("commands", wanted(elsewhere, "speaker.say"))
        .await
        .expect(422)
        .points_at("/space_id");
}

#[tokio::test]
async fn a_command_says_to_whom_and_within_which_time() {
    let sample = Sample::new().await;
    let (hub, ada) = (&sample.hub, &sample.owner);
    let device = hub.home.office.id;
    for (body, pointer) in [
        (json!({"kind": "speaker.say"}), "/device_id"),
        (
            json!({"device_id": hub.home.agent, "kind": "speaker.say"}),
            "/device_id",
        ),
        (
            json!({"device_id": device, "kind": "speaker.say", "timeout_ms": 999}),
            "/timeout_ms",
        ),
        (
            json!({"device_id": device, "kind": "speaker.say", "timeout_ms": i64::MAX}),
            "/timeout_ms",
        ),
        (
            json!({"device_id": device, "kind": "speaker.say", "supersede_key": ""}),
            "/supersede_key",
        ),
        (json!({"device_id": device, "kind": ""}), "/kind"),
    ] {
        let _ = ada.post("commands", body).await.expect(422).points_at(pointer);
    }
    let elsewhere = hub.home.kitchen.space;
    for cannot in [
        json!({"device_id": device, "kind": "display.show"}),
        json!({"device_id": device, "kind": "speaker.say", "space_id": elsewhere}),
    ] {
        let _ = ada.post("commands", cannot).await.refuses(409, "device_cannot");
    }
    assert_eq!(hub.sql().count("commands", "true").await, 0);
}

#[tokio::test]
async fn a_newer_command_takes_the_place_of_what_the_device_does_not_have() {
    let sample = Sample::new().await;
    let (hub, ada) = (&sample.hub, &sample.owner);
    let keyed = |text: &str| {
        let mut body = say(hub, text);
        body["supersede_key"] = json!("volume");
        body
    };
    let other = ada.post("commands", say(hub, "of no key")).await.expect(201);
    let had = ada.post("commands", keyed("one")).await.expect(201);
    for command in hub.home.office.takes().await {
        hub.home.office.acknowledges(command.id).await.unwrap();
    }
    let sent = ada.post("commands", keyed("two")).await.expect(201);
    hub.home.office.takes().await;
    let waiting = ada.post("commands", keyed("three")).await.expect(201);
    let newest = ada.post("commands", keyed("four")).await.expect(201);
    for (answer, state) in [
        (&other, "acknowledged"),
        (&had, "acknowledged"),
        (&sent, "superseded"),
        (&waiting, "superseded"),
        (&newest, "queued"),
    ] {
        let path = format!("commands/{}", answer.text("/id"));
        assert_eq!(ada.get(&path).await.expect(200).text("/state"), state);
    }
    let refused = hub.home.office.acknowledges(id(&sent)).await;
    assert!(refused.is_err(), "what was replaced is not to be started");
    assert_eq!(hub.home.office.takes().await.len(), 1);
}

#[tokio::test]
async fn a_command_that_the_device_does_not_have_is_cancelled_at_once() {
    let sample = Sample::new().await;
    let (hub, ada) = (&sample.hub, &sample.owner);
    let queued = ada.post("commands", say(hub, "one")).await.expect(201);
    let cancel = format!("commands/{}/cancel", queued.text("/id"));
    for _ in 0..2 {
        let cancelled = ada.post(&cancel, json!({})).await.expect(200);
        assert_eq!(cancelled.text("/state"), "cancelled");
        assert_eq!(cancelled.text("/error/code"), "cancelled");
    }
    assert!(hub.home.office.takes().await.is_empty());
    let sent = ada.post("commands", say(hub, "two")).await.expect(201);
    hub.home.office.takes().await;
    let cancel = format!("commands/{}/cancel", sent.text("/id"));
    let _ = ada.post(&cancel, json!({})).await.expect(200);
    assert!(hub.home.office.acknowledges(id(&sent)).await.is_err());
}

#[tokio::test]
async fn what_has_ended_is_not_cancelled() {
    let sample = Sample::new().await;
    let (hub, ada) = (&sample.hub, &sample.owner);
    let sent = ada.post("commands", say(hub, "one")).await.expect(201);
    let taken = hub.home.office.takes().await.remove(0);
    hub.home.office.acknowledges(taken.id).await.unwrap();
    hub.home.office.succeeds(taken.id, json!({})).await.unwrap();
    let cancel = format!("commands/{}/cancel", sent.text("/id"));
    let _ = ada.post(&cancel, json!({})).await.refuses(409, "ended");
}

/// An approved action whose command is cancelled before the device has it was never begun, and says so.
#[tokio::test]
async fn cancelling_the_command_of_an_action_cancels_the_action() {
    let sample = Sample::new().await;
    let (hub, ada) = (&sample.hub, &sample.owner);
    let action = sample.proposal().await;
    let approve = format!("actions/{action}/approve");
    let _ = ada.post(&approve, json!({})).await.expect(200);
    hub.run_jobs().await;
    let listed = ada.get("commands?limit=1").await.expect(200);
    let cancel = format!("commands/{}/cancel", listed.text("/items/0/id"));
    let _ = ada.post(&cancel, json!({})).await.expect(200);
    let ended = ada.get(&format!("actions/{action}")).await.expect(200);
    assert_eq!(ended.text("/action/state"), "cancelled");
}

/// As if the command had been sent so many times more, by whom `sent_by` says.
async fn copied(hub: &TestHub, command: &Answer, times: u32, sent_by: &str) {
    let copies = format!(
        "insert into hub.commands (agent_id, id, device_id, seq, kind, arguments, arguments_salt, state, deadline_at,
           last_deadline_at, created_at, sent_by)
         select agent_id, gen_random_uuid(), device_id, seq + n, kind, arguments, arguments_salt, state, deadline_at,
           last_deadline_at, created_at, {sent_by} from hub.commands, generate_series(1, {times}) n where id = '{}';
         update hub.devices set command_seq = command_seq + {times}",
        command.text("/id")
    );
    hub.sql().execute(&copies).await;
}

#[tokio::test]
async fn a_mailbox_has_an_end() {
    let sample = Sample::new().await;
    let (hub, ada) = (&sample.hub, &sample.owner);
    let first = ada.post("commands", say(hub, "one")).await.expect(201);
    copied(hub, &first, 999, "null").await;
    let refused = ada.post("commands", say(hub, "one too many")).await;
    let _ = refused.refuses(409, "mailbox_full");
    assert_eq!(hub.sql().count("commands", "true").await, 1_000);
}

/// One who sends without end is told so, and the others still send.
#[tokio::test]
async fn nobody_fills_a_mailbox_alone() {
    let sample = Sample::new().await;
    let (hub, ada) = (&sample.hub, &sample.owner);
    let first = ada.post("commands", say(hub, "one")).await.expect(201);
    copied(hub, &first, 99, "sent_by").await;
    let refused = ada.post("commands", say(hub, "one too many")).await;
    let _ = refused.refuses(409, "mailbox_full");
    let eva = sample.rest.user(&hub.member("eva").await).await;
    let _ = eva.post("commands", say(hub, "mine")).await.expect(201);
    assert_eq!(hub.sql().count("commands", "true").await, 101);
}

/// The device answers nothing, and still it is told what the agent says to it.
#[tokio::test]
async fn what_people_send_leaves_room_for_replies() {
    let sample = Sample::new().await;
    let (hub, ada) = (&sample.hub, &sample.owner);
    let office = &hub.home.office;
    for number in 0..30 {
        let _ = ada
            .post("commands", say(hub, &number.to_string()))
            .await
            .expect(201);
    }
    let held = office.takes().await;
    assert_eq!(held.len(), 24);
    assert!(office.takes().await.is_empty(), "they have no more room");
    office.hears("remember that the key is with Nora").await;
    hub.run_jobs().await;
    let kinds: Vec<String> = office.takes().await.into_iter().map(|taken| taken.kind).collect();
    assert_eq!(kinds, ["reply"]);
    office.succeeds(held[0].id, json!({})).await.unwrap();
    let next = office.takes().await;
    assert_eq!(next.len(), 1);
    assert_eq!(next[0].arguments, json!({"text": "24"}));
}

#[tokio::test]
async fn what_people_sent_is_kept_for_a_month_after_it_ended() {
    let sample = Sample::new().await;
    let (hub, ada) = (&sample.hub, &sample.owner);
    let office = &hub.home.office;
    let _ = ada.post("commands", say(hub, "one")).await.expect(201);
    office.hears("remember that the key is with Nora").await;
    hub.run_jobs().await;
    for taken in office.takes().await {
        office.succeeds(taken.id, json!({})).await.unwrap();
    }
    let _ = ada.post("commands", say(hub, "two")).await.expect(201);
    hub.clock.advance(Duration::days(29));
    remove_old(hub).await.unwrap();
    assert_eq!(hub.sql().count("commands", "true").await, 3);
    hub.clock.advance(Duration::days(2));
    remove_old(hub).await.unwrap();
    let left = "select coalesce(arguments ->> 'text', '') from hub.commands where sent_by is not null";
    let left: Vec<String> = hub.sql().values(left).await;
    assert_eq!(left, ["two"], "it has not ended");
    assert_eq!(
        hub.sql().count("commands", "kind = 'reply'").await,
        1,
        "what the agent said stays"
    );
}

fn say(hub: &TestHub, text: &str) -> Value {
    json!({"device_id": hub.home.office.id, "kind": "speaker.say", "arguments": {"text": text}})
}

fn id(answer: &Answer) -> CommandId {
    CommandId(answer.text("/id").parse().expect("an id"))
}
