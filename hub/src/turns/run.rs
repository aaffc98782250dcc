//! The turn engine: gather, think, apply. It holds no transaction while it thinks.

use std::time::Duration;

use super::{
    TurnState,
    apply::{Applied, Outcome, apply},
    context::TurnContext,
    gather::{gather, hear},
    live::{Live, LookedUp},
    runtime::{RuntimeError, Thought},
};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    hub::Hub,
    identity::Actor,
    ids::TurnId,
    jobs::Failure,
    memory::{ask::ask, recall::words_of},
    places::gate::may_keep,
    storage::{Lease, TurnRow, TxScope},
    telemetry::metric,
};

/// How long a runtime may think.
const DEADLINE: Duration = Duration::from_secs(45);

/// Why a turn was skipped whose space went private after its inputs were kept.
const PRIVACY_MODE: &str = "privacy_mode";

/// Runs the turn of a job.
pub async fn run(hub: &Hub, lease: &Lease) -> Result<(), Failure> {
    let id = TurnId(lease.subject);
    let Some(turn) = start(hub, lease, id).await? else {
        return Ok(());
    };
    let runtime = hub.runtime.as_ref();
    let scope = TxScope::Agent {
        agent: lease.agent,
        person: turn.audience,
    };
    let mut tx = hub.db.begin(scope, Actor::agent(lease.agent.0)).await?;
    if !may_keep(&mut tx, turn.space).await? {
        drop(tx);
        return skip(hub, lease, &turn, PRIVACY_MODE).await;
    }
    let heard = hear(&mut tx, &turn, runtime).await?;
    // Nothing is held while the questions are embedded.
    drop(tx);
    let meanings = ask(hub, &heard.questions()).await?;
    let mut tx = hub.db.begin(scope, Actor::agent(lease.agent.0)).await?;
    let context = gather(&mut tx, &turn, runtime, heard, &meanings).await?;
    drop(tx);
    if context.inputs.is_empty() {
        return skip(hub, lease, &turn, "inputs_erased").await;
    }
    let (thought, looked_up) = think(hub, lease, &turn, &context).await?;
    let tx = hub.db.begin(scope, Actor::agent(lease.agent.0)).await?;
    let outcome = Outcome {
        context: &context,
        thought,
        looked_up,
    };
    match apply(hub, tx, lease, &turn, outcome).await? {
        Applied::Planned => {
            metrics::counter!(metric::TURNS, "outcome" => "planned").increment(1);
            Ok(())
        }
        Applied::Discarded => skip(hub, lease, &turn, PRIVACY_MODE).await,
        Applied::Forgotten => forgotten(hub, lease, id).await,
    }
}

/// What the turn had read was forgotten while it thought. Where that was all it ran on, it has ended; else it thinks again.
async fn forgotten(hub: &Hub, lease: &Lease, id: TurnId) -> Result<(), Failure> {
    let scope = TxScope::WholeAgent(lease.agent);
    let mut tx = hub.db.begin(scope, Actor::hub()).await?;
    let turn = tx.turns().row(id).await?;
    if turn.is_some_and(|turn| turn.state.is_final()) {
        tx.jobs().finish(lease).await?;
        tx.commit().await?;
        return Ok(());
    }
    let reason = "what it had read was forgotten meanwhile".to_owned();
    Err(Failure::Retry { reason })
}

/// The thought, and what was looked up for it.
async fn think(
    hub: &Hub,
    lease: &Lease,
    turn: &TurnRow,
    context: &TurnContext,
) -> Result<(Thought, LookedUp), Failure> {
    let cancel = hub.lifecycle.cancel_token();
    let live = Live::of(hub, lease, turn, words_of(&context.agent.language));
    let run = async {
        let run = hub.runtime.run(context, &live, DEADLINE, &cancel);
        let ended = tokio::time::timeout(DEADLINE, run).await;
        live.end();
        ended
    };
    let (ended, ()) = tokio::join!(run, live.write());
    let thought = ended.unwrap_or_else(|_| {
        Err(RuntimeError::Away {
            waiting_for: "an answer in time".to_owned(),
            retry_after: DEADLINE,
        })
    });
    let thought = thought.map_err(|error| match error {
        RuntimeError::Away {
            waiting_for,
            retry_after,
        } => Failure::Wait {
            waiting_for,
            retry_after,
        },
        RuntimeError::Malformed(reason) => Failure::Retry { reason },
        RuntimeError::Refused(reason) => Failure::Dead { reason },
    })?;
    Ok((thought, live.looked_up()))
}

/// Marks the turn as running. None when it had ended: then the job is finished without it.
async fn start(hub: &Hub, lease: &Lease, id: TurnId) -> Result<Option<TurnRow>, Failure> {
    let mut tx = hub
        .db
        .begin(TxScope::WholeAgent(lease.agent), Actor::hub())
        .await?;
    // Before anything is written: a stale holder must not take the turn from the present one.
    tx.jobs().hold(lease).await?;
    let turn = tx
        .turns()
        .row(id)
        .await?
        .ok_or_else(|| Error::internal("a job for a turn that is not there"))?;
    if turn.state.is_final() {
        tx.jobs().finish(lease).await?;
        tx.commit().await?;
        return Ok(None);
    }
    tx.turns().start(id, lease, hub.runtime.name()).await?;
    tx.turn_stream().restart(id, turn.audience).await?;
    tx.commit().await?;
    Ok(Some(turn))
}

async fn skip(hub: &Hub, lease: &Lease, turn: &TurnRow, reason: &str) -> Result<(), Failure> {
    let mut tx = hub
        .db
        .begin(TxScope::WholeAgent(lease.agent), Actor::hub())
        .await?;
    tx.jobs().finish(lease).await?;
    super::fail::end(&mut tx, turn, TurnState::Skipped, reason).await?;
    tx.record(
        Record::of("skip_turn")
            .on("turn", turn.id.0)
            .with("reason", reason),
    );
    tx.commit().await?;
    metrics::counter!(metric::TURNS, "outcome" => "skipped").increment(1);
    Ok(())
}
