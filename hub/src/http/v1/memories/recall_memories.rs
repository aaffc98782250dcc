//! `POST /v1/agents/{agent_id}/recall`

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    http::{
        caller::{May, perm},
        extract::Json,
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    memory::{
        ask::{LaneState, ask_one},
        recall::{Question, Recalled, check, recall, words_of},
    },
};

/// Results if nobody says how many.
const DEFAULT_RESULTS: u32 = 10;

/// A question. It is a body, not a query parameter, so that it does not end in the logs of proxies.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RecallRequest {
    /// In plain words, at most 2,000 characters.
    #[schema(example = "where is the spare key")]
    question: String,
    /// Results at most: 1 to 50, 10 if not said.
    limit: Option<u32>,
}

/// What was found, best first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RecallAnswer {
    /// Each says why it was found.
    items: Vec<Recalled>,
    /// How it was looked for.
    lanes: Lanes,
}

/// Which lanes took part.
#[derive(Debug, Serialize, ToSchema)]
struct Lanes {
    /// By words: always `on`.
    words: LaneState,
    /// By meaning: `off` where no embedding model is configured, `away` where it did not answer in time.
    vector: LaneState,
}

/// Find what is remembered, and why it was found.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/recall", operation_id = "recall_memories", tag = "memories",
    params(AgentPath), request_body = RecallRequest,
    responses((status = OK, description = "What was found", body = RecallAnswer)))]
pub(super) async fn recall_memories(
    may: May<perm::MemoriesRead>,
    State(hub): State<Hub>,
    Json(body): Json<RecallRequest>,
) -> Result<Json<RecallAnswer>, Failed> {
    let most = body.limit.unwrap_or(DEFAULT_RESULTS);
    check(&body.question, most)?;
    let meaning = ask_one(&hub, &body.question).await?;
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let language = tx.identity().agent_brief().await?.language;
    let question = Question {
        text: &body.question,
        words: words_of(&language),
        meaning: &meaning,
        most,
    };
    Ok(Json(RecallAnswer {
        items: recall(&mut tx, &question).await?,
        lanes: Lanes {
            words: LaneState::On,
            vector: meaning.lane(),
        },
    }))
}
