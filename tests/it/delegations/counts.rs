//! Limits are exact, also for those who come at the same time.

use futures_util::future::join_all;
use serde_json::json;
use support::{Client, Listening, Served};

use super::{Home, give, says, to_service, with};

async fn at_once(client: &Client, times: usize) -> Vec<u16> {
    let all = join_all((0..times).map(|_| client.get("memories"))).await;
    let mut statuses: Vec<u16> = all.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    statuses
}

#[tokio::test]
async fn of_many_at_once_exactly_as_many_pass_as_may() {
    let home = Home::new().await;
    let given = give(&home.ada, with(to_service(&["memories:read"]), "max_uses", 5)).await;
    let service = home.rest.bearer(&given.secret);
    let statuses = at_once(&service, 12).await;
    assert_eq!(
        statuses,
        [200, 200, 200, 200, 200, 409, 409, 409, 409, 409, 409, 409]
    );
    let _ = service.get("memories").await.refuses(409, "used_up");
    assert_eq!(home.seen(&given).await["uses"], 5);
}

#[tokio::test]
async fn the_uses_of_children_are_uses_of_their_parents() {
    let home = Home::new().await;
    let scopes = ["memories:read", "delegations:write"];
    let wish = with(home.to_beta(&scopes), "max_uses", 6);
    let given = give(&home.ada, wish).await;
    let bob = home.his.clone().acting_by(&given.secret);
    // Two uses of Bob's.
    let children = [
        give(&bob, with(to_service(&["memories:read"]), "max_uses", 3)).await,
        give(&bob, to_service(&["memories:read"])).await,
    ];
    let [first, second] = children.each_ref().map(|child| home.rest.bearer(&child.secret));
    assert_eq!(at_once(&first, 5).await, [200, 200, 200, 409, 409]);
    assert_eq!(home.seen(&given).await["uses"], 5);
    assert_eq!(at_once(&second, 3).await, [200, 409, 409]);
    let _ = bob.get("memories").await.refuses(409, "used_up");
    let [first, second] = [home.seen(&children[0]).await, home.seen(&children[1]).await];
    assert_eq!((&first["uses"], &second["uses"]), (&json!(3), &json!(1)));
    assert_eq!(home.seen(&given).await["uses"], 6);
}

#[tokio::test]
async fn it_makes_the_agent_think_as_often_as_it_may_and_a_repeat_is_not_counted() {
    let home = Home::new().await;
    let scopes = ["memories:read", "messages:write", "delegations:write"];
    let given = give(&home.ada, with(home.to_beta(&scopes), "max_turns", 3)).await;
    let bob = home.his.clone().acting_by(&given.secret);
    let child = give(&bob, to_service(&["memories:read", "messages:write"])).await;
    let service = home.rest.bearer(&child.secret);
    let _ = bob.post("messages", says("one")).await.expect(202);
    let again = bob.post("messages", says("one")).await.expect(202);
    assert_eq!(again.json["outcome"], "duplicate");
    let texts = ["two", "three", "four", "five", "six"];
    let all = join_all(texts.map(|text| service.post("messages", says(text)))).await;
    let accepted = all.iter().filter(|answer| answer.status == 202).count();
    let spent = all.iter().filter(|answer| answer.json["code"] == "budget_spent");
    assert_eq!((accepted, spent.count()), (2, 3));
    let _ = bob
        .post("messages", says("seven"))
        .await
        .refuses(409, "budget_spent");
    let again = bob.post("messages", says("one")).await.expect(202);
    assert_eq!(again.json["outcome"], "duplicate");
    assert_eq!(home.hub.sql().count("turns", "true").await, 3);
    assert_eq!(home.seen(&given).await["turns"], 3);
    assert_eq!(home.seen(&child).await["turns"], 2);
    home.hub.run_jobs().await;
}

#[tokio::test]
async fn one_that_may_not_make_the_agent_think_says_nothing() {
    let home = Home::new().await;
    let given = give(
        &home.ada,
        with(to_service(&["memories:read", "messages:write"]), "max_turns", 0),
    )
    .await;
    let service = home.rest.bearer(&given.secret);
    let _ = service
        .post("messages", says("hello"))
        .await
        .refuses(409, "budget_spent");
    assert_eq!(home.hub.sql().count("events", "type = 'message.user'").await, 0);
}

/// Whoever passes it on has no more room for that.
#[tokio::test]
async fn all_that_came_from_one_delegation_have_as_many_streams_as_one() {
    let home = Home::new().await;
    let served = Served::start(&home.hub).await;
    let (bob, _) = home.bob_with(&["events:read", "delegations:write"]).await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        let child = give(&bob, to_service(&["events:read"])).await;
        let child = home.rest.bearer(&child.secret);
        streams.push(Listening::to(&served, &child, "events/stream", None).await);
    }
    let ninth = give(&bob, to_service(&["events:read"])).await;
    for client in [&home.rest.bearer(&ninth.secret), &bob] {
        let refused = Listening::ask(&served, client, "events/stream", None).await;
        assert_eq!(refused.status(), 429);
    }
    // Another one that the household made has its own.
    let (other, _) = home.bob_with(&["events:read"]).await;
    let _other = Listening::to(&served, &other, "events/stream", None).await;
}
