//! Deliveries: parts of a reply on their way, which follow the command that carries them.

use super::{Commands, NewCommand};
use crate::{
    error::Result,
    ids::{CommandId, DeliveryId, EventId, TurnId},
};

impl Commands<'_> {
    /// Inserts the delivery that a command carries.
    pub async fn insert_delivery(
        &mut self,
        command: &NewCommand,
        event: EventId,
        turn: TurnId,
    ) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        sqlx::query!(
            "insert into deliveries (agent_id, id, event_id, turn_id, audience_person_id, command_id, state, created_at,
               updated_at)
             values ($1, $2, $3, $4, $5, $6, 'pending', $7, $7)",
            agent.0,
            DeliveryId::mint().0,
            event.0,
            turn.0,
            command.audience.map(|id| id.0),
            command.id.0,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Ends the delivery that a command carries, if it carries one.
    pub async fn settle_delivery(&mut self, command: CommandId, state: &str) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        sqlx::query!(
            "update deliveries set state = $3, updated_at = $4 where agent_id = $1 and command_id = $2",
            agent.0,
            command.0,
            state,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }
}
