//! Following what a turn says while it runs, from any place on, without holding a transaction.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::{
    Turn, TurnState,
    followers::Place,
    frame::{Frame, FrameKind},
    standing::{STILL_MAY_EVERY, still_may},
};
use crate::{
    error::{Error, Result},
    hub::Hub,
    identity::Caller,
    ids::TurnId,
    places::gate::{Matter, closed},
    storage::{Listener, Ring},
};

/// How often the tables are read when no bell rings.
const POLL: Duration = Duration::from_secs(1);
/// How long one follower is served. Who comes again says where it was, and proves again who it is.
const LIFE: Duration = Duration::from_mins(1);

/// What a follower is told.
#[derive(Debug)]
pub enum Told {
    /// Something of the stream.
    Frame(Frame),
    /// The end, with the turn as it is now; the place of the end in the stream.
    End(i64, FrameKind, Box<Turn>),
}

/// Somebody who follows a turn.
pub struct Follower {
    hub: Hub,
    caller: Caller,
    turn: TurnId,
    after: i64,
    bell: Listener,
    until: Instant,
    ready: VecDeque<Told>,
    is_over: bool,
    /// When it was last asked whether the caller still may.
    asked_at: Instant,
    _place: Place,
}

impl Follower {
    /// Begins to follow a turn that the caller may see, after a place in its stream.
    pub async fn begin(hub: &Hub, caller: Caller, turn: TurnId, after: i64) -> Result<Self> {
        let place = hub.followers.enter(&caller)?;
        // Listening before the first look: what is said in between is not missed.
        let bell = hub.db.bell().listen(Ring::Turn(turn));
        let mut follower = Self {
            hub: hub.clone(),
            caller,
            turn,
            after,
            bell,
            until: Instant::now() + LIFE,
            ready: VecDeque::new(),
            is_over: false,
            asked_at: Instant::now(),
            _place: place,
        };
        follower.look().await?;
        Ok(follower)
    }

    /// What is told next; none when it is over: the turn has ended, the caller may not see it any more, the time is over or
    /// the hub closes.
    pub async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some(told) = self.ready.pop_front() {
                return Some(told);
            }
            let left = self.until.saturating_duration_since(Instant::now());
            if self.is_over || left.is_zero() || self.hub.lifecycle.is_closing() {
                return None;
            }
            tokio::select! {
                () = self.bell.rung_or_after(left.min(POLL)) => {}
                () = self.hub.lifecycle.closing() => {}
            }
            // Whoever is cut off comes again, and is told then what is wrong.
            if self.look().await.is_err() {
                return None;
            }
        }
    }

    async fn look(&mut self) -> Result<()> {
        if self.asked_at.elapsed() >= STILL_MAY_EVERY {
            still_may(&self.hub, &mut self.caller).await?;
            self.asked_at = Instant::now();
        }
        let scope = self.caller.tx_scope();
        let mut tx = self.hub.db.begin(scope, self.caller.actor()).await?;
        // The turn before its frames: where it has ended, its end is among them.
        let row = tx.turns().row(self.turn).await?;
        let row = row.ok_or(Error::NotFound { what: "turn" })?;
        let ended = if row.state.is_final() {
            tx.turns().find(self.turn).await?
        } else if closed(&mut tx, Matter::of_turn(&row)).await?.is_none() {
            None
        } else {
            // A space that went private says nothing more; the turn will be skipped.
            return Ok(());
        };
        let frames = tx.turn_stream().after(self.turn, self.after).await?;
        drop(tx);
        self.take(ended, frames);
        Ok(())
    }

    fn take(&mut self, ended: Option<Turn>, frames: Vec<Frame>) {
        // Of a long stream there may be more; and one that was removed long ago has no end: the turn itself knows it.
        let is_all = frames.last().is_none_or(|last| last.kind.is_end());
        for frame in frames {
            self.after = frame.ordinal;
            if !frame.kind.is_end() {
                self.ready.push_back(Told::Frame(frame));
            }
        }
        if let Some(turn) = ended.filter(|_| is_all)
            && let Some(kind) = end(turn.state)
        {
            self.ready.push_back(Told::End(self.after, kind, Box::new(turn)));
            self.is_over = true;
        }
    }
}

const fn end(state: TurnState) -> Option<FrameKind> {
    match state {
        TurnState::Planned => Some(FrameKind::Completed),
        TurnState::Skipped => Some(FrameKind::Skipped),
        TurnState::Dead => Some(FrameKind::Dead),
        TurnState::Queued | TurnState::Running | TurnState::Waiting => None,
    }
}
