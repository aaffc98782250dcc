//! A device's credential, renewed on its own socket.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::BearerToken;

/// Asks for a new credential. Answered by `renewed`; refused by `error`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Renew {}

/// The new credential. The socket stays and belongs to it. Keep it before anything else: the one before lives on until
/// `previous_ends_at`, in case that this answer is lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Renewed {
    /// The secret, shown this once.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub token: BearerToken,
    /// When every other credential of the device has ended.
    pub previous_ends_at: DateTime<Utc>,
}
