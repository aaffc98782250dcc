//! Each use is in the audit log of every agent of the chain, with the whole chain; what was refused, too.

use axum::http::Method;
use chrono::Duration;
use hub::identity::{
    refusals::{ONE_BY_ONE, WINDOW},
    write_refusals::write_refusals,
};
use serde_json::{Value, json};
use support::Client;

use super::{Home, give, says, to_service, with};

/// The ids of two requests.
const A_READ: &str = "01890000-0000-7000-8000-00000000000a";
const A_WORD: &str = "01890000-0000-7000-8000-00000000000b";

#[tokio::test]
async fn each_use_is_told_to_both_agents_with_the_whole_chain_and_who_acted() {
    let home = Home::new().await;
    let scopes = ["memories:read", "messages:write", "delegations:write"];
    let (bob, given) = home.bob_with(&scopes).await;
    let child = give(&bob, to_service(&["memories:read", "messages:write"])).await;
    let service = home.rest.bearer(&child.secret);
    let read = bob.ask(Method::GET, "memories").header("x-request-id", A_READ);
    let _ = read.send().await.expect(200);
    let said = service
        .ask(Method::POST, "messages")
        .header("x-request-id", A_WORD);
    let _ = said.json(&says("xylophone")).send().await.expect(202);
    let (hers, his) = (
        home.uses(home.hub.home.agent).await,
        home.uses(home.beta.agent).await,
    );
    assert_eq!((hers.len(), his.len()), (3, 3));
    let link = json!({"delegation_id": given.id, "to_agent_id": home.beta.agent});
    let last = json!({"delegation_id": child.id, "to_agent_id": null});
    for (entries, by) in [(&hers, "agent"), (&his, "user")] {
        let read = &entries[1];
        assert_eq!(read["request_id"], A_READ);
        assert_eq!(read["outcome"], "ok");
        assert_eq!(read["principal"]["kind"], by);
        assert_eq!(read["resource"], json!({"kind": "delegation", "id": given.id}));
        assert_eq!(
            read["details"],
            json!({"agent_id": home.hub.home.agent, "chain": [link], "scope": "memories:read", "user_id": home.bob.id})
        );
        let word = &entries[2];
        assert_eq!(word["request_id"], A_WORD);
        assert_eq!(word["principal"]["kind"], "service");
        assert_eq!(word["principal"]["id"], json!(child.id));
        assert_eq!(word["details"]["chain"], json!([link, last]));
        assert_eq!(word["details"].get("user_id"), None);
    }
    assert_eq!(hers[1]["principal"]["id"], json!(home.beta.agent));
    assert_eq!(his[1]["principal"]["id"], json!(home.bob.id));
    // What was done by it names who did it, and the credential; nothing holds what was said.
    let query = "select body::jsonb from hub.audit_entries where operation = 'append_events'";
    let appended: Vec<Value> = home.hub.sql().values(query).await;
    assert_eq!(appended[0]["principal"], hers[2]["principal"]);
    let held = home
        .hub
        .sql()
        .count("audit_entries", "body ilike '%xylophone%' or body like '%hubg_%'")
        .await;
    assert_eq!(held, 0);
    home.hub.run_jobs().await;
}

#[tokio::test]
async fn what_was_refused_is_told_to_both_and_what_a_stranger_shows_to_its_own_agent() {
    let home = Home::new().await;
    let (bob, given) = home.bob_with(&["memories:read"]).await;
    let _ = bob.get("turns").await.refuses(403, "forbidden");
    let own = format!("/v1/agents/{}/memories", home.beta.agent);
    let _ = bob.get(&own).await.refuses(404, "not_found");
    // A thief, by what they proved of themselves.
    let thief = home.ada.clone().acting_by(&given.secret);
    let _ = thief.get("memories").await.refuses(401, "unauthenticated");
    let alone = home.rest.bearer(&given.secret);
    let _ = alone.get("memories").await.refuses(401, "unauthenticated");
    for (agent, by) in [
        (home.hub.home.agent, vec!["agent", "agent", "user", "anonymous"]),
        (home.beta.agent, vec!["user", "user"]),
    ] {
        let told = home.uses(agent).await;
        assert!(told.iter().all(|entry| entry["outcome"] == "refused"), "{told:?}");
        assert_eq!(kinds(&told), by);
    }
    assert_eq!(home.seen(&given).await["uses"], 0, "it counts as no use");
}

fn kinds(told: &[Value]) -> Vec<&str> {
    let kinds = told.iter().map(|entry| entry["principal"]["kind"].as_str());
    kinds.map(Option::unwrap).collect()
}

/// The owner sees that somebody still has it. Whoever shows it learns no more than of one that never was.
#[tokio::test]
async fn what_is_over_is_told_to_its_own_agent_when_it_is_shown_again() {
    let home = Home::new().await;
    let (bob, revoked) = home.bob_with(&["memories:read", "delegations:write"]).await;
    let child = give(&bob, to_service(&["memories:read"])).await;
    let short = with(home.to_beta(&["memories:read"]), "expires_in_s", 60);
    let expired = give(&home.ada, short).await;
    let path = format!("delegations/{}", revoked.id);
    let _ = home.ada.delete(&path).await.expect(204);
    home.hub.clock.advance(Duration::seconds(60));
    let unknown = format!("{}{}", &child.secret[..40], "AAAAAAAA");
    let unknown = home.rest.bearer(&unknown).get("memories").await;
    let unknown = unknown.refuses(401, "unauthenticated").json["detail"].clone();
    let (hers, his) = (home.hub.home.agent, home.beta.agent);
    let before = (home.uses(hers).await.len(), home.uses(his).await.len());
    for client in [
        bob,
        home.rest.bearer(&child.secret),
        home.his.clone().acting_by(&expired.secret),
    ] {
        let refused = client.get("memories").await.refuses(401, "unauthenticated");
        assert_eq!(refused.json["detail"], unknown);
    }
    let told = home.uses(hers).await.split_off(before.0);
    assert!(told.iter().all(|entry| entry["outcome"] == "refused"), "{told:?}");
    assert_eq!(kinds(&told), ["user", "anonymous", "user"]);
    let shown: Vec<&Value> = told.iter().map(|entry| &entry["resource"]["id"]).collect();
    assert_eq!(shown, [&revoked.id, &child.id, &expired.id]);
    assert_eq!(home.uses(his).await.len(), before.1, "it is not theirs any more");
}

/// So many refusals are as many refused entries as there is room for.
async fn is_refused(client: &Client, times: u32) {
    for _ in 0..times {
        let _ = client.get("turns").await.refuses(403, "forbidden");
    }
}

/// Whoever fails at sign-in silences no agent, and no agent another.
#[tokio::test]
async fn refused_uses_have_room_of_their_own_at_each_agent() {
    let home = Home::new().await;
    let (bob, _) = home.bob_with(&["memories:read"]).await;
    let gamma = home.hub.household("gamma").await;
    let cleo = home.rest.user(&gamma.owner("cleo").await).await;
    let other = give(&cleo, to_service(&["memories:read"])).await;
    let other = home.rest.bearer(&other.secret);
    let claim =
        json!({"code": "ABCDE-FGHJK-LMNPQ-RSTUV", "name": "hedy", "password": "correct horse battery"});
    for _ in 0..=ONE_BY_ONE {
        let _ = home
            .rest
            .nobody()
            .post("/v1/claim", claim.clone())
            .await
            .expect(422);
    }
    is_refused(&bob, ONE_BY_ONE + 5).await;
    is_refused(&other, 1).await;
    let room = usize::try_from(ONE_BY_ONE).unwrap();
    let agents = [home.hub.home.agent, home.beta.agent, gamma.agent];
    for (agent, entries) in agents.into_iter().zip([room, room, 1]) {
        assert_eq!(home.uses(agent).await.len(), entries);
    }
    // The others are counted, and told at their own agent when the hour is over.
    write_refusals(&home.hub, false).await.unwrap();
    assert_eq!(home.uses(agents[0]).await.len(), room);
    home.hub.clock.advance(WINDOW);
    for _ in 0..2 {
        write_refusals(&home.hub, false).await.unwrap();
        let told = home.uses(agents[0]).await;
        assert_eq!(told.len(), room + 1, "once");
        assert_eq!(told[room]["outcome"], "refused");
        assert_eq!(told[room]["details"]["refused_uses"], 5);
    }
    for (agent, entries) in agents.into_iter().zip([room + 1, room, 1]) {
        assert_eq!(home.uses(agent).await.len(), entries);
    }
}

#[tokio::test]
async fn agents_that_act_for_each_other_do_not_wait_in_a_circle() {
    let home = Home::new().await;
    let (bob, _) = home.bob_with(&["memories:read"]).await;
    let wish = json!({"to_agent_id": home.hub.home.agent, "scopes": ["memories:read"]});
    let back = give(&home.his, wish).await;
    let ada = home.ada.clone().acting_by(&back.secret);
    let asked = (0..20).map(|number| {
        let client = if number % 2 == 0 { &bob } else { &ada };
        client.get("memories")
    });
    let answers = futures_util::future::join_all(asked).await;
    for answer in answers {
        let _ = answer.expect(200);
    }
    for agent in [home.hub.home.agent, home.beta.agent] {
        assert_eq!(home.uses(agent).await.len(), 20);
    }
}
