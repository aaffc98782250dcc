//! Subscriptions: what a satellite or a console wants to be told of, and from where on.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::ClientId;

/// The most subscriptions on one socket: one for each thing that a screen shows.
pub const MAX_SUBSCRIPTIONS: u32 = 8;

/// The most topics of one subscription: a dozen types of events, and a few spaces.
pub const MAX_TOPICS: u32 = 16;

/// Asks to be told of what happens; answered by `subscribed`, or `rejected` with the subscription's name. Then each event that a
/// topic lets through comes once and in order, those after the cursor first, as long as the subscription lasts. `rejected` with its
/// name always means that there is none of that name now, also when it comes later. When one of that name goes on, what refuses
/// another is an `error`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Subscribe {
    /// The subscriber's own name for it, unique on this socket.
    pub subscription: ClientId,
    /// The agent: a console's user may belong to several. A satellite has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<Uuid>,
    /// Which events: `*`, a type such as `turn.ended`, or a family of types such as `message.*`; with `@` and a space's id after it
    /// only those of that space.
    pub topics: Vec<String>,
    /// The cursor (`epoch:position`) of the last event seen of this subscription, to go on after it. Without one it starts at
    /// `hello.resume`, and without that now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Ends a subscription; answered by `unsubscribed`, after which nothing more of it comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Unsubscribe {
    /// Its name.
    pub subscription: ClientId,
}

/// A subscription has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Subscribed {
    /// Its name.
    pub subscription: ClientId,
    /// Where it starts: all that comes after this follows.
    pub cursor: String,
    /// Whether that is the place that was asked for. False also when none was. If one was, the log does not go on from there, as
    /// after a restore: what is before the cursor must be read anew.
    pub resumed: bool,
}

/// A subscription has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Unsubscribed {
    /// Its name.
    pub subscription: ClientId,
}

/// Something that happened, of a subscribed topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TopicEvent {
    /// The subscription that it belongs to.
    pub subscription: ClientId,
    /// Its first topic that let the event through.
    pub topic: String,
    /// `epoch:position`, to resume after it.
    pub cursor: String,
    /// The event, as the REST document describes it.
    pub body: Value,
}
