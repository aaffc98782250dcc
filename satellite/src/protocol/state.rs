//! The state of a device: what people want of it, and what it says it is like.

use serde::{Deserialize, Serialize};

use super::{ClientId, JsonObject};

/// What is wanted of the device and is not so, as far as it has said. Comes after `welcome` when there is something, and at each
/// change of what is wanted. It takes the place of every `desired` before it: what the delta does not name is not wanted any more,
/// or is so already; an empty one wants nothing. Not answered; a `report` with `reached` says that it was dealt with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Desired {
    /// Counts the changes of what is wanted. It grows; lower than before it is only after a `welcome`, where the
    /// hub was restored from a backup.
    pub version: i64,
    /// A merge patch (RFC 7396) to what the device last reported. It never holds `null` for a key: nothing is wanted away.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub delta: JsonObject,
}

/// What the device is like. Answered by `accepted`, `discarded` or `rejected` with its `report_id`. The same report again changes
/// nothing. After each `welcome` send the whole, and then what changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Report {
    /// The satellite's own name for this report, which comes back in the answer; a counter will do.
    pub report_id: ClientId,
    /// A merge patch (RFC 7396) to what was reported before: what it names is replaced, `null` removes it, objects are merged.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub state: JsonObject,
    /// Whether `state` is the whole, and not a patch: what it does not name is gone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub whole: bool,
    /// The version of `desired` that the device has dealt with, in whichever way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<i64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}
