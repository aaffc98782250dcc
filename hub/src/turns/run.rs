//! The turn engine: gather, think, apply. It holds no transaction while it thinks.

use std::time::Duration;

use super::{
    TurnState,
    apply::{Applied, Outcome, apply},
    context::TurnContext,
    fence::stands,
    gather::{gather, hear},
    live::{Live, LookedUp},
    present::present,
    runtime::{RuntimeError, Thought},
    talker::Talker,
};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    hub::Hub,
    identity::Actor,
    ids::TurnId,
    jobs::Failure,
    memory::ask::ask,
    places::gate::{Matter, closed},
    storage::{Lease, Ring, TurnRow, TxScope},
    telemetry::metric,
};

/// How long a runtime may think.
const DEADLINE: Duration = Duration::from_secs(45);

/// Why a turn is skipped in which nobody spoke but who is blocked.
const BLOCKED: &str = "blocked";

/// How often it is looked whether a turn that runs was ended from outside, when no bell rings. The bell rings at each word that it
/// says, too; between two looks there is at least this.
const LOOK_AFTER: Duration = Duration::from_secs(1);
const LOOK_NOT_BEFORE: Duration = Duration::from_millis(200);

/// Runs the turn of a job.
pub async fn run(hub: &Hub, lease: &Lease) -> Result<(), Failure> {
    let id = TurnId(lease.subject);
    let Some((turn, talker)) = start(hub, lease, id).await? else {
        return Ok(());
    };
    let Some(talker) = talker else {
        return skip(hub, lease, &turn, BLOCKED).await;
    };
    let runtime = hub.runtime.as_ref();
    let scope = TxScope::Agent {
        agent: lease.agent,
        person: turn.audience,
        view: talker.view(),
    };
    let mut tx = hub.db.begin(scope, Actor::agent(lease.agent.0)).await?;
    if let Some(why) = closed(&mut tx, Matter::of_turn(&turn)).await? {
        drop(tx);
        return skip(hub, lease, &turn, why.as_str()).await;
    }
    let heard = hear(&mut tx, &turn, runtime).await?;
    // Nothing is held while the questions are embedded.
    drop(tx);
    let meanings = ask(hub, &heard.questions()).await?;
    // Lazily: a database that crashes forgets the lease, too, and the turn runs again.
    let mut tx = hub.db.begin_lazily(scope, Actor::agent(lease.agent.0)).await?;
    // Again, for that took its time; from here on the turn is watched.
    if let Some(why) = closed(&mut tx, Matter::of_turn(&turn)).await? {
        drop(tx);
        return skip(hub, lease, &turn, why.as_str()).await;
    }
    let there = if talker.knows_the_house() {
        present(&mut tx, &hub.config.recognition, &turn, heard.trust()).await?
    } else {
        Vec::new()
    };
    let context = gather(&mut tx, (&turn, talker), runtime, heard, (&meanings, there)).await?;
    if context.inputs.is_empty() {
        drop(tx);
        return skip(hub, lease, &turn, "inputs_erased").await;
    }
    let read = context.read();
    let runs = tx.turns().note_read(turn.id, lease, &read).await?;
    tx.commit().await?;
    let mut tx = hub.db.begin(scope, Actor::agent(lease.agent.0)).await?;
    // Behind whoever forgets any of it just now.
    tx.take_head().await?;
    if !runs || !stands(&mut tx, &read).await? {
        drop(tx);
        return over(hub, lease, id).await;
    }
    drop(tx);
    let thinks = think(hub, lease, &turn, &context);
    let (thought, looked_up) = tokio::select! {
        thought = thinks => thought?,
        // Nobody wants to know what it would have come to.
        () = ended_from_outside(hub, lease, &turn) => return over(hub, lease, id).await,
    };
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
        Applied::Discarded(why) => skip(hub, lease, &turn, why.as_str()).await,
        Applied::Over => over(hub, lease, id).await,
    }
}

/// Ends when the turn does not run under this lease any more.
async fn ended_from_outside(hub: &Hub, lease: &Lease, turn: &TurnRow) {
    let bell = hub.db.bell().listen(Ring::Turn(turn.id));
    loop {
        bell.rung_or_after(LOOK_AFTER).await;
        match runs(hub, lease, turn.id).await {
            Ok(true) => {}
            Ok(false) => return,
            // Whoever applies what it comes to looks once more.
            Err(error) => {
                tracing::warn!(turn.id = %turn.id, error = error.chain(), "a running turn could not be looked at");
            }
        }
        tokio::time::sleep(LOOK_NOT_BEFORE).await;
    }
}

async fn runs(hub: &Hub, lease: &Lease, turn: TurnId) -> Result<bool> {
    let scope = TxScope::WholeAgent(lease.agent);
    let mut tx = hub.db.begin(scope, Actor::hub()).await?;
    tx.turns().runs(turn, lease).await
}

/// The turn was ended meanwhile, or what it had read was forgotten. Where it has not ended, it thinks again.
async fn over(hub: &Hub, lease: &Lease, id: TurnId) -> Result<(), Failure> {
    let scope = TxScope::WholeAgent(lease.agent);
    let mut tx = hub.db.begin(scope, Actor::hub()).await?;
    let turn = tx.turns().row(id).await?;
    if turn.is_none_or(|turn| turn.state.is_final()) {
        tx.jobs().finish(lease).await?;
        tx.commit().await?;
        return Ok(());
    }
    // What it has said of that is taken back at once, and not only when it thinks again.
    if tx.turn_stream().hold(id, lease).await? {
        tx.turn_stream().begin_anew(id).await?;
        tx.ring(Ring::Turn(id));
        tx.commit().await?;
    }
    // No try of its own: it was not at fault.
    Err(Failure::Wait {
        waiting_for: "what it had read has changed".to_owned(),
        retry_after: Duration::ZERO,
    })
}

/// The thought, and the least trust of what was looked up for it.
async fn think(
    hub: &Hub,
    lease: &Lease,
    turn: &TurnRow,
    context: &TurnContext,
) -> Result<(Thought, LookedUp), Failure> {
    let cancel = hub.lifecycle.cancel_token();
    let live = Live::of(hub, lease, turn, context);
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

/// Marks the turn as running, and finds out with whom it is. None when it had ended: then the job is finished without it.
async fn start(hub: &Hub, lease: &Lease, id: TurnId) -> Result<Option<(TurnRow, Option<Talker>)>, Failure> {
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
    // Somebody may end it between the two statements.
    if turn.state.is_final() || !tx.turns().start(id, lease, hub.runtime.name()).await? {
        tx.jobs().finish(lease).await?;
        tx.commit().await?;
        return Ok(None);
    }
    // As it is now that it is held: it may have become another's since.
    let turn = tx.turns().row(id).await?.unwrap_or(turn);
    let talker = tx.turns().talker(&turn).await?;
    tx.turn_stream().restart(id, turn.audience).await?;
    tx.commit().await?;
    Ok(Some((turn, talker)))
}

async fn skip(hub: &Hub, lease: &Lease, turn: &TurnRow, reason: &str) -> Result<(), Failure> {
    let mut tx = hub
        .db
        .begin(TxScope::WholeAgent(lease.agent), Actor::hub())
        .await?;
    // Of a turn that is another's since, or begins anew, nothing was seen: that is no reason to skip it.
    if !tx.turn_stream().hold(turn.id, lease).await? {
        drop(tx);
        return over(hub, lease, turn.id).await;
    }
    tx.jobs().finish(lease).await?;
    let is_ended = super::fail::end(&mut tx, turn, TurnState::Skipped, reason).await?;
    if is_ended {
        let record = Record::of("skip_turn").on("turn", turn.id.0);
        tx.record(record.with("reason", reason));
    }
    tx.commit().await?;
    if is_ended {
        metrics::counter!(metric::TURNS, "outcome" => "skipped").increment(1);
    }
    Ok(())
}
