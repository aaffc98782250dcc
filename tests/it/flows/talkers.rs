//! With whom the agent talks: it tells nobody what they may not see.

use axum::http::Method;
use hub::{
    actions::propose::ActionProposal,
    identity::Role,
    turns::{Block, context::TurnContext, runtime::Thought},
};
use serde_json::json;
use support::{Client, Rest, ScriptedRuntime, TestHub};

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
