//! `/v1/agents/{agent_id}/erasures`: what was forgotten.

mod get_erasure;
mod list_erasures;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    erasures::{Erasure, Forgotten, Target, forget::forget},
    error::Result,
    http::idempotency::{Answer, Once},
    hub::Hub,
    identity::Caller,
};

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(list_erasures::list_erasures))
        .routes(routes!(get_erasure::get_erasure))
}

/// How to forget.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ForgetRequest {
    /// Only say what would go.
    pub(super) dry_run: bool,
}

/// What went, or would go.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ForgetAnswer {
    /// Whether nothing was done.
    is_dry_run: bool,
    /// What was forgotten, or would be. Of a dry run, the id and the times mean nothing.
    erasure: Erasure,
    /// What went with it that others could see, too, or nobody but you: counted apart, with a receipt of its own. What was somebody
    /// else's alone is not told.
    beside: Vec<Erasure>,
}

impl ForgetAnswer {
    fn of(is_dry_run: bool, Forgotten { erasure, beside }: Forgotten) -> Self {
        Self {
            is_dry_run,
            erasure,
            beside,
        }
    }
}

/// Forgets once for each key. A dry run does all of it and takes it back.
pub(super) async fn carry_out(
    hub: &Hub,
    caller: &Caller,
    once: Once<'_>,
    target: Target,
    is_dry_run: bool,
) -> Result<Answer> {
    if is_dry_run {
        let mut tx = hub.db.begin(once.scope(), caller.actor()).await?;
        let would = forget(&mut tx, caller, target).await?;
        drop(tx);
        return once.without_effect(&ForgetAnswer::of(is_dry_run, would));
    }
    once.run(hub, async |tx| {
        let done = forget(tx, caller, target).await?;
        Ok(ForgetAnswer::of(is_dry_run, done))
    })
    .await
}
