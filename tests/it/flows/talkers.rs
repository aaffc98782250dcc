//! With whom the agent talks: it tells nobody what they may not see.

use axum::http::Method;
use hub::{
    actions::propose::ActionProposal,
    events::ingest::Inbound,
    identity::Role,
    turns::{Block, Turn, TurnState, context::TurnContext, runtime::Thought},
};
use serde_json::json;
use support::{Client, Line, Rest, ScriptedRuntime, TestHub, User, heard, turn_of};

use super::planner::{planning, says};

/// The reply to what somebody says.
async fn answer(hub: &TestHub, client: &Client, text: &str) -> String {
    let said = json!({"content": [{"type": "text", "text": text}]});
    let turn = client.post("messages", said).await.expect(202);
    let path = format!("turns/{}", turn.text("/turn_id"));
    hub.run_jobs().await;
    let turn = client.get(&path).await.expect(200);
    turn.text("/reply/0/text").to_owned()
}

#[tokio::test]
async fn a_guest_is_told_nothing_of_the_households_and_all_that_is_theirs() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let rest = Rest::of(&hub);
    let owner = rest.user(&ada).await;
    let guest = hub.home.user("gil", Role::Guest).await;
    let gil = rest.user(&guest).await;
    hub.home
        .kitchen
        .hears("remember that the spare key is with Nora")
        .await;
    hub.run_jobs().await;
    let theirs = owner
        .get("turns")
        .await
        .expect(200)
        .text("/items/0/id")
        .to_owned();
    let asks = "what do you remember about the spare key";
    assert_eq!(gil.get("turns").await.expect(200).items().len(), 0);
    for path in [format!("turns/{theirs}"), format!("turns/{theirs}/stream")] {
        let _ = gil.get(&path).await.refuses(404, "not_found");
    }
    assert_eq!(
        answer(&hub, &gil, asks).await,
        "I remember nothing about the spare key."
    );
    // What they say themselves the agent remembers for them.
    answer(&hub, &gil, "remember that my car is blue").await;
    let car = answer(&hub, &gil, "what do you remember about my car").await;
    assert!(car.contains("blue"), "{car}");
    assert_eq!(gil.get("turns").await.expect(200).items().len(), 3);
    // Once they live here they are of the household.
    let moves_in = format!(
        "update hub.memberships set role = 'member' where user_id = '{}'",
        guest.id
    );
    hub.sql().execute(&moves_in).await;
    let key = answer(&hub, &gil, asks).await;
    assert!(key.contains("Nora"), "{key}");
    let _ = gil.get(&format!("turns/{theirs}")).await.expect(200);
}

/// What waits for its turn is answered as they are then.
#[tokio::test]
async fn a_guest_who_left_is_told_no_more_than_before_when_they_come_back() {
    let hub = TestHub::start().await;
    let rest = Rest::of(&hub);
    let owner = rest.user(&hub.owner("ada").await).await;
    let gil = rest.user(&hub.home.user("gil", Role::Guest).await).await;
    hub.home
        .kitchen
        .hears("remember that the spare key is with Nora")
        .await;
    hub.run_jobs().await;
    let said = json!({"content": [{"type": "text", "text": "what do you remember about the spare key"}]});
    let turn = gil.post("messages", said).await.expect(202);
    let leaves = gil.ask(Method::POST, "members/leave").send().await;
    let _ = leaves.expect(200);
    hub.run_jobs().await;
    let code = owner
        .post("invitations", json!({"role": "guest"}))
        .await
        .expect(201);
    let body = json!({"code": code.text("/code")});
    let _ = gil.post("/v1/invitations/accept", body).await.expect(201);
    let told = gil
        .get(&format!("turns/{}", turn.text("/turn_id")))
        .await
        .expect(200);
    assert_eq!(
        told.text("/reply/0/text"),
        "I remember nothing about the spare key."
    );
}

/// What stands open in the household, and what a runtime is told when somebody talks who is none of it.
async fn told(role: Option<Role>) -> TurnContext {
    let runtime = ScriptedRuntime::default();
    let hub = TestHub::builder().runtime(runtime.clone()).start().await;
    let rest = Rest::of(&hub);
    let owner = rest.user(&hub.owner("ada").await).await;
    hub.home.office.connects(&["speaker.say"]).await;
    runtime.then(Thought {
        reply: vec![Block::text("I shall ask")],
        actions: vec![ActionProposal {
            tool: "device_command".to_owned(),
            summary: "Say hello in the office".to_owned(),
            arguments: json!({"device_id": hub.home.office.id, "kind": "speaker.say", "arguments": {"text": "hello"}}),
        }],
        ..Thought::default()
    });
    hub.home.kitchen.hears("say hello in the office").await;
    hub.run_jobs().await;
    hub.expect_leftovers();
    let client = if let Some(role) = role {
        rest.user(&hub.home.user("gil", role).await).await
    } else {
        let scopes = ["memories:read", "messages:write", "turns:read"];
        let wish = json!({"to_service": "helper", "scopes": scopes});
        let made = owner.post("delegations", wish).await.expect(201);
        rest.bearer(made.text("/secret"))
    };
    runtime.then_say("well");
    answer(&hub, &client, "what is open").await;
    runtime.seen().pop().unwrap()
}

#[tokio::test]
async fn who_is_none_of_the_household_is_told_neither_of_devices_nor_of_what_waits() {
    let member = told(Some(Role::Member)).await;
    assert!(!member.devices.is_empty() && !member.spaces.is_empty());
    assert_eq!(member.waiting_actions.len(), 1);
    let guest = told(Some(Role::Guest)).await;
    assert!(guest.devices.is_empty() && guest.waiting_actions.is_empty());
    assert!(!guest.spaces.is_empty(), "a guest sees those");
    let delegate = told(None).await;
    assert!(delegate.devices.is_empty() && delegate.waiting_actions.is_empty() && delegate.spaces.is_empty());
}

/// What the kitchen hears, of people whom it knows by their voices.
fn heard_of(called: &str, text: &str) -> Inbound {
    let mut said = heard(text);
    said.payload["participant"] = json!(called);
    said
}

/// Who knows them by name hears them in the kitchen, all in one batch; the turn as it ends.
async fn in_the_kitchen(hub: &TestHub, said: &[(&str, &str)]) -> Turn {
    let said = said.iter().map(|(called, text)| heard_of(called, text)).collect();
    let outcomes = hub.home.kitchen.sends(said).await.unwrap();
    hub.run_jobs().await;
    hub.home.turn(turn_of(&outcomes[0])).await
}

/// What the agent said last.
async fn last_reply(hub: &TestHub) -> String {
    let query = "select payload #>> '{content,0,text}' from hub.events where type = 'message.agent'
        order by position desc limit 1";
    hub.sql().value(query).await
}

async fn becomes(hub: &TestHub, user: &User, role: &str) {
    let change = format!(
        "update hub.memberships set role = '{role}' where user_id = '{}'",
        user.id
    );
    hub.sql().execute(&change).await;
}

async fn leaves(hub: &TestHub, user: &User) {
    let change = format!(
        "update hub.memberships set revoked_at = now() where user_id = '{}'",
        user.id
    );
    hub.sql().execute(&change).await;
}

const ASKS: &str = "what do you remember about the spare key";
const KNOWS_NOTHING: &str = "I remember nothing about the spare key.";

/// Gil is heard in the kitchen, whose household has a spare key.
async fn with_gil(role: Role) -> (TestHub, User) {
    let hub = TestHub::start().await;
    hub.owner("ada").await;
    let gil = hub.home.user("gil", role).await;
    hub.home
        .kitchen
        .hears("remember that the spare key is with Nora")
        .await;
    hub.run_jobs().await;
    (hub, gil)
}

#[tokio::test]
async fn a_guest_whom_a_room_knows_is_told_nothing_of_the_households_there() {
    let (hub, gil) = with_gil(Role::Guest).await;
    in_the_kitchen(&hub, &[("gil", ASKS)]).await;
    assert_eq!(last_reply(&hub).await, KNOWS_NOTHING);
    // Together with whoever lives there, too: the guest hears the answer.
    in_the_kitchen(&hub, &[("ada", ASKS), ("gil", "please")]).await;
    assert_eq!(last_reply(&hub).await, KNOWS_NOTHING);
    // Whoever lives there, or has no login, is told as ever.
    let _ = gil;
    in_the_kitchen(&hub, &[("ada", ASKS)]).await;
    assert!(last_reply(&hub).await.contains("Nora"));
    in_the_kitchen(&hub, &[("Nora", ASKS)]).await;
    assert!(last_reply(&hub).await.contains("Nora"));
}

#[tokio::test]
async fn what_somebody_says_in_a_room_is_believed_as_far_as_they_are() {
    let (hub, gil) = with_gil(Role::Guest).await;
    let last = "select trust from hub.events where type = 'transcript' order by position desc limit 1";
    let no_fact = "tier = 'semantic' and content ilike '%gate%'";
    in_the_kitchen(&hub, &[("gil", "remember that the gate code is 1234")]).await;
    assert_eq!(hub.sql().value::<String>(last).await, "guest");
    assert_eq!(
        hub.sql().count("memories", no_fact).await,
        0,
        "a guest made a fact"
    );
    assert_eq!(
        hub.sql().count("memory_candidates", no_fact).await,
        1,
        "it waits for a person"
    );
    for (role, trust) in [
        ("blocked", "outside"),
        ("member", "household"),
        ("admin", "household"),
    ] {
        becomes(&hub, &gil, role).await;
        in_the_kitchen(&hub, &[("gil", "hello")]).await;
        assert_eq!(hub.sql().value::<String>(last).await, trust, "{role}");
    }
    leaves(&hub, &gil).await;
    in_the_kitchen(&hub, &[("gil", ASKS)]).await;
    assert_eq!(hub.sql().value::<String>(last).await, "guest", "who left");
    assert_eq!(last_reply(&hub).await, KNOWS_NOTHING);
    // Nobody whom it knows: what the device is believed.
    in_the_kitchen(&hub, &[("somebody", "hello")]).await;
    assert_eq!(hub.sql().value::<String>(last).await, "household");
}

#[tokio::test]
async fn a_device_of_a_guests_own_is_believed_no_further_than_they_are() {
    let (hub, gil) = with_gil(Role::Guest).await;
    let own = format!(
        "update hub.devices set person_id = '{}' where id = '{}'",
        gil.person, hub.home.office.id
    );
    hub.sql().execute(&own).await;
    hub.home.office.hears("hello").await;
    hub.run_jobs().await;
    let last = "select trust from hub.events where type = 'transcript' order by position desc limit 1";
    assert_eq!(hub.sql().value::<String>(last).await, "guest");
}

#[tokio::test]
async fn who_is_blocked_is_not_answered_in_a_room() {
    let (hub, gil) = with_gil(Role::Member).await;
    // As they are when it runs.
    let outcomes = hub.home.kitchen.sends(vec![heard_of("gil", ASKS)]).await.unwrap();
    becomes(&hub, &gil, "blocked").await;
    let replies = "type = 'message.agent'";
    let before = hub.sql().count("events", replies).await;
    hub.run_jobs().await;
    let turn = hub.home.turn(turn_of(&outcomes[0])).await;
    assert_eq!(
        (turn.state, turn.reason.as_deref()),
        (TurnState::Skipped, Some("blocked"))
    );
    assert_eq!(hub.sql().count("events", replies).await, before);
    let told = format!("turn_id = '{}' and kind not in ('delta', 'restart')", turn.id);
    assert_eq!(
        hub.sql().count("turn_stream", &told).await,
        1,
        "it is told once that it ended"
    );
    // Nor is anything remembered of it.
    in_the_kitchen(&hub, &[("gil", "remember that the gate code is 1234")]).await;
    assert_eq!(
        hub.sql()
            .count("memory_candidates", "content ilike '%gate%'")
            .await,
        0
    );
    // Where somebody else speaks, too, these are answered, and as they are: what is not heard takes nothing from them.
    let said = [("gil", "remember that the gate code is 1234"), ("ada", ASKS)];
    let turn = in_the_kitchen(&hub, &said).await;
    assert_eq!(turn.state, TurnState::Planned);
    let reply = last_reply(&hub).await;
    assert!(reply.contains("Nora") && !reply.contains("1234"), "{reply}");
    let gate = hub.sql().count("memory_candidates", "content ilike '%gate%'");
    assert_eq!(gate.await, 0);
}

/// The rules of a guest hold for all that a runtime is given, and for what it looks up on the way.
#[tokio::test]
async fn a_runtime_is_given_nothing_of_the_households_for_a_guest_in_a_room() {
    let runtime = ScriptedRuntime::default();
    let hub = TestHub::builder().runtime(runtime.clone()).start().await;
    hub.owner("ada").await;
    hub.home.user("gil", Role::Guest).await;
    runtime.asks("spare key");
    runtime.then_say("I see");
    in_the_kitchen(&hub, &[("ada", "the spare key is with Nora")]).await;
    runtime.then_say("I see");
    in_the_kitchen(&hub, &[("gil", "it is cold here")]).await;
    runtime.then_say("I see");
    in_the_kitchen(&hub, &[("gil", ASKS)]).await;
    let told = runtime.seen().pop().unwrap();
    assert_eq!(told.inputs.len(), 1);
    assert!(told.devices.is_empty() && told.waiting_actions.is_empty() && told.present.is_empty());
    assert!(told.recalled.iter().all(|(_, found)| found.is_empty()));
    let recent: Vec<&str> = told.recent.iter().map(|said| said.text.as_str()).collect();
    assert_eq!(recent, ["it is cold here"], "their own words alone");
}

#[tokio::test]
async fn a_model_looks_up_nothing_of_the_households_for_a_guest_in_a_room() {
    let (hub, server) = planning().await;
    hub.owner("ada").await;
    hub.home.user("gil", Role::Guest).await;
    server.then(Line::plan(&json!({"reply": "I see.", "to_do": [], "to_remember": [
        {"tier": "semantic", "content": "The spare key is with Nora", "importance": 0.5, "confidence": 1, "inputs": [0]}
    ]})));
    in_the_kitchen(&hub, &[("ada", "the spare key is with Nora")]).await;
    let looks = || Line::calls("recall", &json!({"question": "spare key"}).to_string());
    for (called, is_told) in [("gil", false), ("ada", true)] {
        server.then(looks());
        server.then(Line::plan(&says("Well.")));
        in_the_kitchen(&hub, &[(called, "where is it?")]).await;
        let asked = server.heard().pop().unwrap().body.to_string();
        let found = asked.contains("with Nora");
        assert_eq!(found, is_told, "{called}: {asked}");
    }
}
