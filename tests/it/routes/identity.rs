//! `/v1/me`, `/v1/agents/{agent_id}`, and the agent `self`

use hub::identity::Role;
use serde_json::json;
use support::{Rest, TestHub};

#[tokio::test]
async fn a_user_sees_who_they_are_and_where_they_belong() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let me = Rest::of(&hub).user(&ada).await.get("/v1/me").await.expect(200);
    let agents = [json!({"id": hub.home.agent, "name": "home", "role": "owner"})];
    assert_eq!(
        me.json,
        json!({"user_id": ada.id, "name": "ada", "agents": agents})
    );
}

#[tokio::test]
async fn self_is_the_one_agent_of_a_user() {
    let hub = TestHub::start().await;
    let ada = Rest::of(&hub).user(&hub.owner("ada").await).await;
    let by_self = ada.get("/v1/agents/self").await.expect(200);
    let by_id = ada
        .get(&format!("/v1/agents/{}", hub.home.agent))
        .await
        .expect(200);
    assert_eq!(by_self.json, by_id.json);
    let home = json!({
        "id": hub.home.agent, "name": "home", "runtime": "offline", "time_zone": "UTC", "language": "en",
        "when_model_down": "wait"
    });
    assert_eq!(by_self.json, home);
}

#[tokio::test]
async fn self_is_refused_to_a_user_of_several_agents_and_hidden_from_one_of_none() {
    let hub = TestHub::start().await;
    let (rest, ada) = (Rest::of(&hub), hub.owner("ada").await);
    let away = hub.household("away").await;
    let join = format!(
        "insert into hub.memberships (agent_id, id, user_id, role, created_at)
         values ('{}', gen_random_uuid(), '{}', 'guest', now())",
        away.agent, ada.id
    );
    hub.sql().execute(&join).await;
    let client = rest.user(&ada).await;
    let _ = client.get("spaces").await.refuses(409, "agent_ambiguous");
    let at_away = format!("/v1/agents/{}/spaces", away.agent);
    assert_eq!(client.get(&at_away).await.expect(200).items().len(), 3);
    hub.sql()
        .execute(&format!(
            "update hub.memberships set revoked_at = now() where user_id = '{}'",
            ada.id
        ))
        .await;
    let _ = client.get("spaces").await.refuses(404, "not_found");
    let _ = client.get(&at_away).await.refuses(404, "not_found");
    assert_eq!(client.get("/v1/me").await.expect(200).json["agents"], json!([]));
}

#[tokio::test]
async fn a_role_counts_from_the_moment_it_changes() {
    let hub = TestHub::start().await;
    let bob = hub.home.user("bob", Role::Guest).await;
    let client = Rest::of(&hub).user(&bob).await;
    let _ = client.get("memories").await.refuses(403, "forbidden");
    for (role, status) in [("member", 200), ("guest", 403), ("admin", 200), ("blocked", 404)] {
        let change = format!(
            "update hub.memberships set role = '{role}' where user_id = '{}'",
            bob.id
        );
        hub.sql().execute(&change).await;
        let _ = client.get("memories").await.expect(status);
    }
}

#[tokio::test]
async fn who_is_refused_is_told_which_scope_is_missing() {
    let hub = TestHub::start().await;
    let bob = hub.home.user("bob", Role::Guest).await;
    let client = Rest::of(&hub).user(&bob).await;
    let refused = client.post("spaces", json!({"name": "hall"})).await;
    assert!(
        refused
            .refuses(403, "forbidden")
            .text("/detail")
            .contains("spaces:write")
    );
}

#[tokio::test]
async fn a_disabled_agent_is_hidden_from_everyone() {
    let hub = TestHub::start().await;
    let (rest, ada) = (Rest::of(&hub), hub.owner("ada").await);
    let disable = format!(
        "update hub.agents set disabled_at = now() where id = '{}'",
        hub.home.agent
    );
    hub.sql().execute(&disable).await;
    let client = rest.user(&ada).await;
    let _ = client.get("spaces").await.refuses(404, "not_found");
    let _ = client
        .get(&format!("/v1/agents/{}", hub.home.agent))
        .await
        .refuses(404, "not_found");
    let device = rest.device(&hub.home.kitchen);
    let _ = device.get("spaces").await.refuses(401, "unauthenticated");
}
