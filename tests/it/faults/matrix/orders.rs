//! What the owner of a run's device asks of the hub, and what the hub has accepted.

use std::time::Duration;

use serde_json::json;
use support::SuperuserSql;
use tokio::time::timeout;
use uuid::Uuid;

use super::{
    story::Order,
    world::{Made, Owner, World},
};

/// How long the owner asks again for.
const WITHIN: Duration = Duration::from_mins(1);

/// The orders of a run.
pub(super) struct Orders {
    seed: u64,
    made: Made,
    owner: Owner,
    sql: SuperuserSql,
    pub(super) accepted: Vec<Ordered>,
    pub(super) wrong: Vec<String>,
}

/// A command that the hub has accepted.
#[derive(Debug)]
pub(super) struct Ordered {
    pub(super) id: Uuid,
    /// Which of the run's orders.
    pub(super) number: usize,
    /// The hub said that it is cancelled.
    pub(super) is_cancelled: bool,
}

impl Orders {
    pub(super) fn new(world: &World, seed: u64, made: &Made) -> Self {
        Self {
            seed,
            made: made.clone(),
            owner: world.owner.clone(),
            sql: world.sql().clone(),
            accepted: Vec::new(),
            wrong: Vec::new(),
        }
    }

    /// Sends a command, and again where the order says so.
    pub(super) async fn send(&mut self, order: &Order, kind: &str) {
        let key = format!("send-{}-{}", self.seed, order.number);
        let body = order.body(self.made.id, kind);
        let mut first = None;
        for _ in 0..=usize::from(order.is_repeated) {
            let asked = timeout(WITHIN, self.owner.insists("commands", &key, &body));
            let Ok((201, answer)) = asked.await else {
                self.wrong.push(format!("{order:?} is refused"));
                return;
            };
            let id: Uuid = answer["id"].as_str().unwrap().parse().unwrap();
            if *first.get_or_insert(id) != id {
                self.wrong.push(format!("{order:?} is {first:?} and {id}"));
            }
        }
        self.accepted.extend(first.map(|id| Ordered {
            id,
            number: order.number,
            is_cancelled: false,
        }));
    }

    /// Cancels a command, if it was accepted.
    pub(super) async fn cancel(&mut self, number: usize) {
        let Some(ordered) = self.accepted.iter_mut().find(|ordered| ordered.number == number) else {
            return;
        };
        let path = format!("commands/{}/cancel", ordered.id);
        let key = format!("cancel-{}", ordered.id);
        match timeout(WITHIN, self.owner.insists(&path, &key, &json!({}))).await {
            Ok((200, answer)) => ordered.is_cancelled |= answer["state"] == "cancelled",
            Ok((409, answer)) if answer["code"] == "ended" => {}
            other => self
                .wrong
                .push(format!("{} is not cancelled: {other:?}", ordered.id)),
        }
    }

    /// The commands that have not ended, and what was said that will lead to one.
    pub(super) async fn open(&self) -> Vec<Uuid> {
        let open = format!(
            "select id from hub.commands where agent_id = '{0}' and device_id = '{1}'
               and state in ('queued', 'sent', 'acknowledged')
             union all
             select e.id from hub.events e where e.agent_id = '{0}' and e.device_id = '{1}' and e.type = 'transcript'
               and not exists (select from hub.turn_inputs i join hub.turns t on t.agent_id = i.agent_id and t.id = i.turn_id
                 where i.agent_id = e.agent_id and i.event_id = e.id and t.state in ('planned', 'skipped', 'dead'))",
            self.made.agent, self.made.id
        );
        self.sql.values(&open).await
    }
}
