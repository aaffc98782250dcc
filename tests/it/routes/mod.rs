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
mod rotation;
mod shadows;
mod sign_in;
mod spaces;
mod throttle;
mod tokens;
mod turns;

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
