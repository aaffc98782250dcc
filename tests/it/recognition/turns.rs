//! What a turn is told about who is there.

use chrono::Duration;
use hub::{
    clock::Clock,
    ids::SpaceId,
    turns::{Block, TurnState, runtime::Thought},
};
use serde_json::json;
use support::{ScriptedRuntime, TestHub, turn_of, voice};

use super::{House, allow_as, withdraw};

async fn house(runtime: &ScriptedRuntime) -> House {
    House::of(TestHub::builder().runtime(runtime.clone()).start().await).await
}

/// Who is there, as a turn in a room is told.
async fn told(house: &House, runtime: &ScriptedRuntime, space: SpaceId) -> Vec<String> {
    let home = &house.hub.home;
    let devices = [&home.kitchen, &home.office];
    let device = devices.into_iter().find(|device| device.space == space).unwrap();
    runtime.then_say("yes");
    device.hears("who is there").await;
    house.hub.run_jobs().await;
    runtime
        .seen()
        .last()
        .unwrap()
        .present
        .iter()
        .map(|there| there.name.clone())
        .collect()
}

#[tokio::test]
async fn a_turn_is_told_who_is_in_its_room_as_they_allow_it_then() {
    let runtime = ScriptedRuntime::default();
    let mut house = house(&runtime).await;
    let (kitchen, office) = (house.kitchen, house.hub.home.office.space);
    assert_eq!(told(&house, &runtime, kitchen).await, Vec::<String>::new());
    let grant = house.ada_is_known().await;
    house.hears(&voice(1)).await;
    assert_eq!(
        told(&house, &runtime, kitchen).await,
        Vec::<String>::new(),
        "nobody said so"
    );
    house.ada_is_there().await;
    assert_eq!(told(&house, &runtime, kitchen).await, ["ada"]);
    assert_eq!(told(&house, &runtime, office).await, Vec::<String>::new());
    let by_it = format!("read_consent_ids = array['{grant}'::uuid]");
    let turns = house.hub.sql().count("turns", &by_it).await;
    assert_eq!(turns, 1, "the grant by which she was known is written down");
    withdraw(&house.owner, json!({"purpose": "voice"})).await;
    assert_eq!(told(&house, &runtime, kitchen).await, Vec::<String>::new());
    // By a grant that ends, until then.
    let end = house.hub.clock.now() + Duration::minutes(5);
    allow_as(&house.owner, json!({"purpose": "voice", "expires_at": end})).await;
    let _ = house.enrol(&house.owner, &voice(1)).await.expect(201);
    house.ada_is_there().await;
    assert_eq!(told(&house, &runtime, kitchen).await, ["ada"]);
    house.passes(300).await;
    assert_eq!(told(&house, &runtime, kitchen).await, Vec::<String>::new());
}

/// Elsewhere is anywhere: whoever says something there may be out of the house.
#[tokio::test]
async fn a_turn_elsewhere_is_told_of_nobody() {
    let runtime = ScriptedRuntime::default();
    let house = house(&runtime).await;
    house.ada_is_known().await;
    let spaces = house.owner.get("spaces").await.expect(200);
    let mut all = spaces.items().iter();
    let elsewhere = all.find(|space| space["is_elsewhere"] == json!(true)).unwrap();
    let elsewhere: SpaceId = serde_json::from_value(elsewhere["id"].clone()).unwrap();
    let seen = house.hears_in(elsewhere, &voice(1)).await;
    let id = seen.text("/hypothesis_id");
    let _ = house.decides(&house.owner, id, "confirm").await.expect(200);
    assert_eq!(house.present().await.len(), 1);
    runtime.then_say("yes");
    let said = json!({"content": [{"type": "text", "text": "who is there"}]});
    let _ = house.owner.post("messages", said).await.expect(202);
    house.hub.run_jobs().await;
    let seen = runtime.seen();
    assert!(seen.last().unwrap().present.is_empty());
}

/// By the grant that was taken back it may not even say so once.
#[tokio::test]
async fn a_turn_that_runs_names_nobody_who_withdraws_meanwhile() {
    let runtime = ScriptedRuntime::default();
    let house = house(&runtime).await;
    house.ada_is_known().await;
    house.ada_is_there().await;
    let held = runtime.then_hold(Thought {
        reply: vec![Block::text("ada is there")],
        ..Thought::default()
    });
    let turn = turn_of(&house.hub.home.kitchen.hears("who is there").await);
    let worker = house.hub.start_one_job();
    held.begun().await;
    withdraw(&house.owner, json!({"purpose": "voice"})).await;
    let state = house.hub.home.turn(turn).await.state;
    assert_eq!(state, TurnState::Queued, "what it said is taken back at once");
    held.go_on();
    house.hub.thinks_again(worker, &runtime, "nobody").await;
    assert!(runtime.seen().last().unwrap().present.is_empty());
    let turn = house.hub.home.turn(turn).await;
    assert_eq!(turn.reply, Some(vec![Block::text("nobody")]));
}

#[tokio::test]
async fn forgetting_somebody_forgets_that_they_were_said_to_be_there() {
    let runtime = ScriptedRuntime::default();
    let house = house(&runtime).await;
    // Any part of a name is told by it, also one that is a common word.
    let nora = house.knows("Nora Maria von Will", &voice(2)).await;
    let seen = house.hears(&voice(2)).await;
    let id = seen.text("/hypothesis_id");
    let _ = house.decides(&house.owner, id, "confirm").await.expect(200);
    for (device, says) in [
        (&house.hub.home.kitchen, "Yes, Nora is around"),
        (&house.hub.home.kitchen, "Will is still there"),
        (&house.hub.home.kitchen, "Good morning"),
        // Here it knows of no Nora: that is another, of whom somebody spoke.
        (&house.hub.home.office, "Nora who?"),
    ] {
        runtime.then_say(says);
        device.hears("hello").await;
        house.hub.run_jobs().await;
    }
    let _ = house
        .owner
        .post(&format!("people/{nora}/forget"), json!({}))
        .await
        .expect(200);
    let sql = "select coalesce(payload #>> '{content,0,text}', '') from hub.events where type = 'message.agent' order by position";
    let replies: Vec<String> = house.hub.sql().values(sql).await;
    assert_eq!(replies, ["", "", "Good morning", "Nora who?"]);
    let told = house
        .hub
        .sql()
        .count("turns", "cardinality(read_person_ids) > 0")
        .await;
    assert_eq!(told, 0, "where they were is forgotten, too");
    let by_grants = house
        .hub
        .sql()
        .count("turns", "cardinality(read_consent_ids) > 0")
        .await;
    assert_eq!(by_grants, 0);
}

/// Somebody else's own turn is not in the hands of who withdraws; it says nothing more of them either.
#[tokio::test]
async fn a_turn_of_somebody_elses_own_says_nothing_more_of_who_withdraws() {
    let runtime = ScriptedRuntime::default();
    let house = house(&runtime).await;
    house.ada_is_known().await;
    house.ada_is_there().await;
    let bob = house.hub.member("bob").await;
    let radio = &house.hub.home.kitchen;
    let his = format!(
        "update hub.devices set person_id = '{}' where id = '{}'",
        bob.person, radio.id
    );
    house.hub.sql().execute(&his).await;
    let held = runtime.then_say_and_hold(
        "ada",
        Thought {
            reply: vec![Block::text("ada is there")],
            ..Thought::default()
        },
    );
    let turn = turn_of(&radio.hears("who is there").await);
    let worker = house.hub.start_one_job();
    held.begun().await;
    withdraw(&house.owner, json!({"purpose": "voice"})).await;
    held.go_on();
    house.hub.thinks_again(worker, &runtime, "nobody").await;
    assert!(runtime.seen().last().unwrap().present.is_empty());
    let sql = format!("turn_id = '{turn}' and text like '%ada%'");
    assert_eq!(house.hub.sql().count("turn_stream", &sql).await, 0);
}
