//! Finding the session of an event: the open one of its conversation, or a new one.

use super::VOICE_IDLE;
use crate::{
    error::{Error, Result},
    ids::{DelegationId, PersonId, SessionId, SpaceId},
    storage::{ConversationKey, Tx},
};

/// Another transaction may open or close a session between two statements; the next round sees what it committed.
const ROUNDS: usize = 5;

/// Where talk happens.
#[derive(Debug, Clone, Copy)]
pub enum Talk {
    /// A space's voice; of a personal device, its person's.
    Voice {
        /// The space.
        space: SpaceId,
        /// Whose device it is.
        audience: Option<PersonId>,
    },
    /// A user and the agent, in private.
    Direct {
        /// The space `elsewhere`.
        space: SpaceId,
        /// The user's person; none: somebody the agent knows no person for, so the household.
        audience: Option<PersonId>,
        /// The delegation by which somebody acts who is none of the household: nobody else's words are in their talk.
        delegation: Option<DelegationId>,
    },
}

impl Talk {
    const fn key(self) -> ConversationKey {
        match self {
            Self::Voice { space, audience } => ConversationKey {
                kind: "space",
                space,
                audience,
                delegation: None,
            },
            Self::Direct {
                space,
                audience,
                delegation,
            } => ConversationKey {
                kind: "direct",
                space,
                audience,
                delegation,
            },
        }
    }

    /// Voice falls silent; a chat stays open until it is cleared.
    fn idle_after_s(self) -> Option<i32> {
        match self {
            Self::Voice { .. } => i32::try_from(VOICE_IDLE.num_seconds()).ok(),
            Self::Direct { .. } => None,
        }
    }
}

/// The session that takes an event now. An idle one is closed and the next opened.
pub async fn find(tx: &mut Tx, talk: Talk) -> Result<SessionId> {
    let key = talk.key();
    if let Some(open) = tx.sessions().in_use(key).await? {
        return Ok(open);
    }
    let conversation = tx.sessions().conversation(key).await?;
    for _ in 0..ROUNDS {
        tx.sessions().close_idle(conversation).await?;
        let id = SessionId::mint();
        if tx
            .sessions()
            .insert(id, conversation, key, talk.idle_after_s())
            .await?
        {
            return Ok(id);
        }
        if let Some(open) = tx.sessions().in_use(key).await? {
            return Ok(open);
        }
    }
    Err(Error::internal("sessions open and close all the time"))
}
