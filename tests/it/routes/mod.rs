//! The REST edge, request by request.

mod actions;
mod bad_input;
mod claim;
mod commands;
mod connections;
mod dead_jobs;
mod devices;
mod events;
mod fuzz;
mod identity;
mod invitations;
mod issuers;
mod members;
mod memories;
mod messages;
mod operations;
mod pairing_flood;
mod pairings;
mod refused;
mod rotation;
mod shadows;
mod sign_in;
mod spaces;
mod throttle;
mod tokens;
mod turns;

use hub::ids::UserId;
use support::{Client, Rest, TestHub};

/// A hub, its REST, and its owner.
struct Home {
    hub: TestHub,
    rest: Rest,
    ada: Client,
}

impl Home {
    async fn new() -> Self {
        let hub = TestHub::start().await;
        let (rest, ada) = (Rest::of(&hub), hub.owner("ada").await);
        let ada = rest.user(&ada).await;
        Self { hub, rest, ada }
    }
}

/// The same in parts.
async fn home() -> (TestHub, Rest, Client) {
    let Home { hub, rest, ada } = Home::new().await;
    (hub, rest, ada)
}

/// Ada signs in again, when her access token has ended.
async fn ada_again(hub: &TestHub, rest: &Rest) -> Client {
    let ada = "select id from hub.users where name = 'ada'";
    let ada = UserId(hub.sql().value(ada).await);
    rest.signed_in(ada).await.client
}
