//! What the socket of a device takes from its mailbox, and how far it is with it.

use std::collections::HashMap;

use serde_json::Value;
use uuid::Uuid;

use super::{CommandRow, Commands, commands, seen};
use crate::{
    clock::DateTime,
    devices::Socket,
    error::Result,
    ids::{CommandId, DeviceId},
    mailbox::Command,
    storage::{Room, identity::one},
};

impl Commands<'_> {
    /// The traces of commands of one device, where they have one.
    pub async fn trace_contexts(
        &mut self,
        device: DeviceId,
        ids: &[CommandId],
    ) -> Result<HashMap<CommandId, String>> {
        let agent = self.0.agent();
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let rows = sqlx::query!(
            r#"select id, trace_context as "trace_context!" from commands
               where agent_id = $1 and device_id = $2 and id = any ($3) and trace_context is not null"#,
            agent.0,
            device.0,
            &ids
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.id.into(), row.trace_context))
            .collect())
    }

    /// Marks the device's next queued commands as sent and gives them out in order, not more of them sent by people than
    /// there is room for. They are chosen in an array, which is read once: a join would read the choice again for each row,
    /// and each time skip what it has just marked. What is overdue holds back all behind it until the sweep has ended it, which is
    /// about a second: passed over, it would come after them once a clock is set back.
    pub async fn take_queued(&mut self, device: DeviceId, room: Room) -> Result<Vec<Command>> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let rows = commands!(
            "update commands set state = 'sent', attempts = attempts + 1, sent_at = $3
             where agent_id = $1 and id = any (array(select id from commands
               where agent_id = $1 and device_id = $2 and state = 'queued' and deadline_at > $3
                 and seq < coalesce((select min(o.seq) from commands o
                   where o.agent_id = $1 and o.device_id = $2 and o.state = 'queued' and o.deadline_at <= $3), seq + 1)
                 and (sent_by is null or id in (select s.id from commands s
                   where s.agent_id = $1 and s.device_id = $2 and s.state = 'queued' and s.deadline_at > $3
                     and s.sent_by is not null order by s.seq limit $5))
               order by seq limit $4 for no key update))
             returning",
            "",
            agent.0,
            device.0,
            now,
            room.all,
            room.by_people
        );
        let mut commands = seen(rows.fetch_all(self.0.connection()).await?)?;
        commands.sort_by_key(|command| command.seq);
        Ok(commands)
    }

    /// Puts what was sent to an earlier socket and never acknowledged back into the queue. Its attempts still count, so
    /// that it is never taken for one that was never sent.
    pub async fn requeue_unacknowledged(&mut self, device: DeviceId) -> Result<u64> {
        let agent = self.0.agent();
        let done = sqlx::query!(
            "update commands set state = 'queued' where agent_id = $1 and device_id = $2 and state = 'sent'",
            agent.0,
            device.0
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected())
    }

    /// What the device has and nobody wants any more, and this socket was not told yet, or with `again` perhaps not; and how
    /// many commands the device holds without having answered.
    pub async fn take_cancels(&mut self, socket: Socket, again: bool) -> Result<(Vec<CommandId>, Room)> {
        let agent = self.0.agent();
        let taken = sqlx::query!(
            r#"with told as (update commands set cancel_told_generation = $3
                 where agent_id = $1 and device_id = $2 and state = 'acknowledged' and cancel_requested_at is not null
                   and ($4 or cancel_told_generation is distinct from $3)
                 returning id)
               select array(select id from told order by id) as "cancelled!", count(*) as "all!",
                 count(sent_by) as "by_people!"
               from commands where agent_id = $1 and device_id = $2 and state in ('sent', 'acknowledged')"#,
            agent.0,
            socket.device.0,
            socket.generation,
            again
        );
        let taken = taken.fetch_one(self.0.connection()).await?;
        let held = Room {
            all: taken.all,
            by_people: taken.by_people,
        };
        Ok((taken.cancelled.into_iter().map(CommandId).collect(), held))
    }

    /// What the device has acknowledged and not answered, in order; bounded.
    pub async fn acknowledged(&mut self, device: DeviceId, most: i64) -> Result<Vec<Command>> {
        let agent = self.0.agent();
        let rows = commands!(
            "select",
            "from commands where agent_id = $1 and device_id = $2 and state = 'acknowledged' order by seq limit $3",
            agent.0,
            device.0,
            most
        );
        seen(rows.fetch_all(self.0.connection()).await?)
    }

    /// Notes that the device has a command; false where it is not one that was sent to it and waits to be acknowledged. It may
    /// be queued: the socket on which it was sent has gone, and the word comes over the next.
    pub async fn acknowledge(&mut self, device: DeviceId, id: CommandId) -> Result<bool> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "update commands set state = 'acknowledged', acknowledged_at = $4
             where agent_id = $1 and device_id = $2 and id = $3 and state in ('queued', 'sent') and attempts > 0
               and deadline_at > $4",
            agent.0,
            device.0,
            id.0,
            now
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected() == 1)
    }

    /// Keeps how far a command is and moves its deadline. The caller holds the row.
    pub async fn progress(&mut self, id: CommandId, progress: &Value, deadline_at: DateTime) -> Result<()> {
        let agent = self.0.agent();
        let done = sqlx::query!(
            "update commands set progress = $3, deadline_at = $4
             where agent_id = $1 and id = $2 and state in ('queued', 'sent', 'acknowledged')",
            agent.0,
            id.0,
            progress,
            deadline_at
        );
        one(
            done.execute(self.0.connection()).await?.rows_affected(),
            "a locked command made no progress",
        )
    }
}
