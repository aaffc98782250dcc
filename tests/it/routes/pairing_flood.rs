//! Somebody with a few addresses takes every place of those that wait to be paired.

use hub::pairings::MOST_WAITING;
use serde_json::json;
use support::{Answer, Client, Rest, TestHub};

/// Fills all places but one from a dozen networks.
async fn flood(hub: &TestHub) {
    let rows = format!(
        "insert into hub.pairings (id, device_code_sha256, user_code, state, software, capabilities, scopes,
           asked_from_network, interval_s, created_at, expires_at)
         select gen_random_uuid(), sha256(n::text::bytea), lpad(n::text, 8, '0'), 'waiting', 'flood', '{{}}', '{{}}',
           '203.0.113.' || n % 12, 5, now() - interval '1 hour', now() + interval '1 year'
         from generate_series(1, {MOST_WAITING} - 1) as n"
    );
    hub.sql().execute(&rows).await;
}

async fn asks(device: &Client) -> Answer {
    device.post("/v1/pairings", json!({"client_id": "lamp"})).await
}

#[tokio::test]
async fn who_fills_the_waiting_places_makes_room_for_others_and_not_for_themselves() {
    let hub = TestHub::start().await;
    let rest = Rest::of(&hub);
    flood(&hub).await;
    let at = |address: &str| rest.nobody().at(address);
    let _ = asks(&at("192.0.2.7")).await.expect(200);
    for address in ["192.0.2.8", "2001:db8::1", "198.51.100.1"] {
        let _ = asks(&at(address)).await.expect(200);
    }
    // Of a network that has as many as any other, nobody makes room.
    let refused = asks(&at("203.0.113.9")).await.expect(429);
    assert_eq!(refused.header("retry-after"), Some("60"));
    let ended =
        "select coalesce(string_agg(distinct software, ','), '') from hub.pairings where state = 'expired'";
    assert_eq!(hub.sql().value::<String>(ended).await, "flood");
    let waiting = "select count(*) from hub.pairings where state = 'waiting'";
    assert_eq!(hub.sql().value::<i64>(waiting).await, MOST_WAITING);
    // When their time is over, there is room for everybody.
    hub.sql()
        .execute("update hub.pairings set expires_at = '2000-01-01' where software = 'flood'")
        .await;
    let _ = asks(&at("203.0.113.9")).await.expect(200);
}

/// A network of IPv6 has thousands of smaller ones: nobody loses their only place to them.
#[tokio::test]
async fn who_waits_alone_in_a_network_waits_to_the_end() {
    let hub = TestHub::start().await;
    let rest = Rest::of(&hub);
    flood(&hub).await;
    hub.sql()
        .execute("update hub.pairings set asked_from_network = id::text")
        .await;
    let at = |address: &str| rest.nobody().at(address);
    let _ = asks(&at("192.0.2.7")).await.expect(200);
    let _ = asks(&at("192.0.2.8")).await.expect(429);
    assert_eq!(hub.sql().count("pairings", "state = 'expired'").await, 0);
    // Two smaller networks of one customer are one.
    hub.sql()
        .execute("update hub.pairings set expires_at = '2000-01-01' where software = 'flood'")
        .await;
    let _ = asks(&at("2001:db8:7:1::1")).await.expect(200);
    let _ = asks(&at("2001:db8:7:2::1")).await.expect(200);
    let networks = "count(distinct asked_from_network) filter (where asked_from_network like '2001:%')";
    let networks = format!("select {networks} from hub.pairings");
    assert_eq!(hub.sql().value::<i64>(&networks).await, 1);
}
