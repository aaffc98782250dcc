//! The commands that the satellite knows: each is done at most once, and its result is kept until the hub has it.
//!
//! received → (the hub recorded the acknowledgement) → running → finished → (the hub recorded the result) → settled.
//! A command starts only once the hub has recorded its acknowledgement, so that what the hub gave up as never started
//! was indeed never started.

use std::collections::{HashMap, HashSet, VecDeque};

use uuid::Uuid;

use super::results::{cancelled, unknown, within_a_frame};
use super::step::Step;
use super::{Notice, Output};
use crate::commands::satellite::journal::Entry;
use crate::satellite::protocol::{
    Command, CommandAck, CommandResult, CommandStage, OpenCommand, SatelliteFrame,
};

/// How many settled commands are remembered, in case the hub was restored to an earlier day and delivers them again.
const REMEMBERED: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct Commands {
    known: HashMap<Uuid, Step>,
    /// All known, oldest first.
    order: VecDeque<Uuid>,
}

impl Commands {
    /// What an earlier run left. A command that was started and has no result may have been done: its result is `unknown`.
    pub(super) fn restore(entries: Vec<Entry>) -> Self {
        let mut commands = Self::default();
        for entry in entries {
            match entry {
                Entry::Received { command } => commands.set(command.command_id, Step::Received(command)),
                Entry::Started { command_id } => {
                    commands.set(command_id, Step::Finished(unknown(command_id)))
                }
                Entry::Finished { result } => commands.set(result.command_id, Step::Finished(result)),
                Entry::Settled { command_id } => commands.settle(command_id),
            }
        }
        commands
    }

    /// The shortest journal from which [`Commands::restore`] gives the same.
    pub(super) fn journal(&self) -> Vec<Entry> {
        let known = self
            .order
            .iter()
            .filter_map(|id| Some((*id, self.known.get(id)?)));
        known
            .flat_map(|(command_id, step)| step.journal(command_id))
            .collect()
    }

    /// Whether a command is not yet done, or its result not yet with the hub.
    pub(super) fn has_unsettled(&self) -> bool {
        self.known.values().any(|step| !matches!(step, Step::Settled(_)))
    }

    /// The hub delivered a command, perhaps again.
    pub(super) fn receive(&mut self, command: Command) -> Vec<Output> {
        let command_id = command.command_id;
        match self.known.get(&command_id) {
            None => {
                self.set(command_id, Step::Received(command.clone()));
                vec![Output::Record(Entry::Received { command }), send_ack(command_id)]
            }
            Some(Step::Received(_) | Step::Running) => vec![send_ack(command_id)],
            Some(Step::Finished(result) | Step::Settled(result)) => {
                let result = result.clone();
                let notice = Notice::AnsweredAgain {
                    kind_or_id: command.kind,
                };
                self.set(command_id, Step::Finished(result.clone()));
                vec![Output::Tell(notice), send_ack(command_id), send_result(result)]
            }
        }
    }

    /// The hub recorded an acknowledgement or a result.
    pub(super) fn accepted(&mut self, command_id: Uuid, of: CommandStage) -> Vec<Output> {
        match of {
            CommandStage::Ack => self.start(command_id),
            CommandStage::Progress => Vec::new(),
            CommandStage::Result => self.drop_result(command_id),
        }
    }

    /// The hub refused an acknowledgement or a result for good: there is nothing left to do or to say.
    pub(super) fn rejected(&mut self, command_id: Uuid, of: CommandStage) -> Vec<Output> {
        match (of, self.known.get(&command_id)) {
            (CommandStage::Ack, Some(Step::Received(_))) => {
                self.forget(command_id);
                vec![Output::Record(Entry::Settled { command_id })]
            }
            (CommandStage::Result, _) => self.drop_result(command_id),
            (CommandStage::Ack | CommandStage::Progress, _) => Vec::new(),
        }
    }

    /// The hub does not want the command any more. One that runs is let run; its result says what became of it.
    pub(super) fn cancel(&mut self, command_id: Uuid) -> Vec<Output> {
        match self.known.get(&command_id) {
            None | Some(Step::Received(_)) => self.end(cancelled(command_id)),
            Some(Step::Running) => Vec::new(),
            Some(Step::Finished(result) | Step::Settled(result)) => {
                let result = result.clone();
                self.set(command_id, Step::Finished(result.clone()));
                vec![send_result(result)]
            }
        }
    }

    /// A running command has ended.
    pub(super) fn finish(&mut self, result: CommandResult) -> Vec<Output> {
        self.end(within_a_frame(result))
    }

    /// Answers what the hub lists as open at `welcome`, and sends again every result that it may not have.
    pub(super) fn reconcile(&mut self, open: &[OpenCommand]) -> Vec<Output> {
        let mut outputs = self.drop_stale(open);
        for &OpenCommand { command_id, .. } in open {
            match self.known.get(&command_id) {
                // It stands in the list because its acknowledgement is recorded.
                Some(Step::Received(_)) => outputs.extend(self.start(command_id)),
                Some(Step::Running | Step::Finished(_)) => {}
                Some(Step::Settled(result)) => {
                    let result = result.clone();
                    self.set(command_id, Step::Finished(result));
                }
                None => {
                    let result = unknown(command_id);
                    self.set(command_id, Step::Finished(result.clone()));
                    outputs.push(Output::Tell(Notice::AnsweredUnknown { command_id }));
                    outputs.push(Output::Record(Entry::Finished { result }));
                }
            }
        }
        outputs.extend(self.results());
        outputs
    }

    /// Every acknowledgement and result that the hub has not answered. Both may be sent any number of times.
    pub(super) fn unanswered(&self) -> Vec<Output> {
        let received = self
            .order
            .iter()
            .filter(|id| matches!(self.known.get(id), Some(Step::Received(_))));
        received.map(|id| send_ack(*id)).chain(self.results()).collect()
    }

    /// What was received and is not in the list was never acknowledged as far as the hub knows: either it is delivered
    /// again now, or the hub has given it up.
    fn drop_stale(&mut self, open: &[OpenCommand]) -> Vec<Output> {
        let open: HashSet<Uuid> = open.iter().map(|command| command.command_id).collect();
        let is_stale =
            |id: &Uuid| matches!(self.known.get(id), Some(Step::Received(_))) && !open.contains(id);
        let stale: Vec<Uuid> = self.order.iter().copied().filter(is_stale).collect();
        self.known.retain(|id, _| !stale.contains(id));
        self.order.retain(|id| !stale.contains(id));
        stale
            .into_iter()
            .map(|command_id| Output::Record(Entry::Settled { command_id }))
            .collect()
    }

    fn results(&self) -> Vec<Output> {
        let steps = self.order.iter().filter_map(|id| self.known.get(id));
        steps
            .filter_map(|step| match step {
                Step::Finished(result) => Some(send_result(result.clone())),
                Step::Received(_) | Step::Running | Step::Settled(_) => None,
            })
            .collect()
    }

    fn start(&mut self, command_id: Uuid) -> Vec<Output> {
        match self.known.get_mut(&command_id) {
            Some(step @ Step::Received(_)) => {
                let Step::Received(command) = std::mem::replace(step, Step::Running) else {
                    return Vec::new();
                };
                vec![
                    Output::Record(Entry::Started { command_id }),
                    Output::Execute(command),
                ]
            }
            _ => Vec::new(),
        }
    }

    fn end(&mut self, result: CommandResult) -> Vec<Output> {
        self.set(result.command_id, Step::Finished(result.clone()));
        vec![
            Output::Record(Entry::Finished {
                result: result.clone(),
            }),
            send_result(result),
        ]
    }

    fn drop_result(&mut self, command_id: Uuid) -> Vec<Output> {
        if !matches!(self.known.get(&command_id), Some(Step::Finished(_))) {
            return Vec::new();
        }
        self.settle(command_id);
        vec![Output::Record(Entry::Settled { command_id })]
    }

    fn settle(&mut self, command_id: Uuid) {
        match self.known.remove(&command_id) {
            Some(Step::Finished(result) | Step::Settled(result)) => {
                self.known.insert(command_id, Step::Settled(result));
                self.trim();
            }
            // Refused before it was started.
            Some(Step::Received(_) | Step::Running) | None => self.forget(command_id),
        }
    }

    fn set(&mut self, command_id: Uuid, step: Step) {
        if self.known.insert(command_id, step).is_none() {
            self.order.push_back(command_id);
            self.trim();
        }
    }

    fn forget(&mut self, command_id: Uuid) {
        self.known.remove(&command_id);
        if let Some(index) = self.order.iter().position(|id| *id == command_id) {
            self.order.remove(index);
        }
    }

    /// Forgets the oldest that nobody will miss. What is still to be done or to be answered stays.
    fn trim(&mut self) {
        while self.order.len() > REMEMBERED {
            let is_settled = |id: &Uuid| matches!(self.known.get(id), Some(Step::Settled(_)));
            let Some(oldest) = self.order.iter().copied().find(is_settled) else {
                return;
            };
            self.forget(oldest);
        }
    }
}

fn send_ack(command_id: Uuid) -> Output {
    Output::Send(SatelliteFrame::CommandAck(CommandAck { command_id }))
}

fn send_result(result: CommandResult) -> Output {
    Output::Send(SatelliteFrame::CommandResult(result))
}
