//! The commands that the satellite knows: each is done at most once, and its result is kept until the hub has it.
//!
//! received → (the hub recorded the acknowledgement) → ready → running → finished → (the hub recorded the result) → settled.
//! A command is ready only once the hub has recorded its acknowledgement, so that what the hub gave up as never started
//! was indeed never started.

use std::collections::HashSet;

use uuid::Uuid;

use super::Entry;
use super::ledger::{Ledger, Step};
use super::results::{cancelled, unknown, within_bounds};
use super::{Notice, Output};
use crate::protocol::{
    Command, CommandAck, CommandProgress, CommandResult, CommandStage, ErrorCode, OpenCommand, SatelliteFrame,
};

#[derive(Debug, Default)]
pub(super) struct Commands {
    known: Ledger,
}

impl Commands {
    /// What an earlier run left. A command that was started and has no result may have been done: its result is `unknown`.
    pub(super) fn restore(entries: Vec<Entry>) -> Self {
        let mut commands = Self::default();
        for entry in entries {
            match entry {
                Entry::Received { command } => {
                    commands.known.set(command.command_id, Step::Received(command));
                }
                Entry::Started { command_id } => commands
                    .known
                    .set(command_id, Step::Finished(unknown(command_id))),
                Entry::Finished { result } => commands.known.set(result.command_id, Step::Finished(result)),
                Entry::Settled { command_id } => commands.known.settle(command_id),
            }
        }
        commands
    }

    /// The shortest journal from which [`Commands::restore`] gives the same.
    pub(super) fn journal(&self) -> Vec<Entry> {
        let known = self.known.in_order();
        known
            .into_iter()
            .flat_map(|(command_id, step)| step.journal(command_id))
            .collect()
    }

    /// Whether a command is not yet done, or its result not yet with the hub.
    pub(super) fn has_unsettled(&self) -> bool {
        self.known.has_unsettled()
    }

    /// The hub delivered a command, perhaps again.
    pub(super) fn receive(&mut self, command: Command) -> Vec<Output> {
        let command_id = command.command_id;
        match self.known.get(command_id) {
            None => {
                self.known.set(command_id, Step::Received(command.clone()));
                vec![Output::Record(Entry::Received { command }), send_ack(command_id)]
            }
            Some(Step::Shelved(_)) => {
                self.known.set(command_id, Step::Received(command));
                vec![send_ack(command_id)]
            }
            Some(Step::Received(_) | Step::Ready(_) | Step::Running) => vec![send_ack(command_id)],
            Some(Step::Finished(result) | Step::Settled(result)) => {
                let result = result.clone();
                let notice = Notice::AnsweredAgain { kind: command.kind };
                self.known.set(command_id, Step::Finished(result.clone()));
                vec![Output::Tell(notice), send_ack(command_id), send_result(result)]
            }
        }
    }

    /// The hub recorded an acknowledgement or a result.
    pub(super) fn accepted(&mut self, command_id: Uuid, of: CommandStage) -> Vec<Output> {
        match of {
            CommandStage::Ack => self.release(command_id),
            CommandStage::Progress => Vec::new(),
            CommandStage::Result => self.drop_result(command_id),
        }
    }

    /// The hub refused an acknowledgement or a result for good: there is nothing left to do or to say.
    pub(super) fn rejected(&mut self, command_id: Uuid, of: CommandStage, code: ErrorCode) -> Vec<Output> {
        let has_ended = matches!(code, ErrorCode::Conflict | ErrorCode::NotFound);
        match (of, self.known.get(command_id)) {
            (CommandStage::Ack, Some(Step::Received(_) | Step::Shelved(_))) => {
                self.known.forget(command_id);
                vec![Output::Record(Entry::Settled { command_id })]
            }
            // As far as the hub knows: what was not begun is not begun any more. Another code is about the words of the sign of life.
            (CommandStage::Progress, Some(Step::Ready(_))) if has_ended => {
                self.known.forget(command_id);
                vec![
                    Output::Record(Entry::Settled { command_id }),
                    Output::Stop(command_id),
                ]
            }
            (CommandStage::Result, _) => self.drop_result(command_id),
            (CommandStage::Ack | CommandStage::Progress, _) => Vec::new(),
        }
    }

    /// The hub does not want the command any more. One that runs is asked to stop; its result says what became of it.
    pub(super) fn cancel(&mut self, command_id: Uuid) -> Vec<Output> {
        match self.known.get(command_id) {
            None | Some(Step::Received(_) | Step::Shelved(_)) => self.end(cancelled(command_id)),
            Some(Step::Ready(_)) => {
                let mut outputs = self.end(cancelled(command_id));
                outputs.push(Output::Stop(command_id));
                outputs
            }
            Some(Step::Running) => vec![Output::Stop(command_id)],
            Some(Step::Finished(result) | Step::Settled(result)) => {
                let result = result.clone();
                self.known.set(command_id, Step::Finished(result.clone()));
                vec![send_result(result)]
            }
        }
    }

    /// A command is about to be carried out. Nothing is recorded of one that is not wanted any more, and it is not to be begun.
    pub(super) fn begin(&mut self, command_id: Uuid) -> Vec<Output> {
        if !matches!(self.known.get(command_id), Some(Step::Ready(_))) {
            return Vec::new();
        }
        self.known.set(command_id, Step::Running);
        vec![Output::Record(Entry::Started { command_id })]
    }

    /// A sign of life of a command that is not over.
    pub(super) fn progress(&self, progress: CommandProgress) -> Vec<Output> {
        match self.known.get(progress.command_id) {
            Some(Step::Ready(_) | Step::Running) => {
                vec![Output::Send(SatelliteFrame::CommandProgress(progress))]
            }
            _ => Vec::new(),
        }
    }

    /// A running command has ended.
    pub(super) fn finish(&mut self, result: CommandResult) -> Vec<Output> {
        match self.known.get(result.command_id) {
            Some(Step::Running) => self.end(within_bounds(result)),
            _ => Vec::new(),
        }
    }

    /// Answers what the hub lists as open at `welcome`, and sends again every result that it may not have.
    pub(super) fn reconcile(&mut self, open: &[OpenCommand]) -> Vec<Output> {
        self.shelve_unmentioned(open);
        let mut outputs = Vec::new();
        for &OpenCommand { command_id, .. } in open {
            match self.known.get(command_id) {
                // It stands in the list because its acknowledgement is recorded.
                Some(Step::Received(_) | Step::Shelved(_)) => outputs.extend(self.release(command_id)),
                // It may have been asked for while the hub was away.
                Some(Step::Ready(command)) => outputs.push(Output::Execute(command.clone())),
                Some(Step::Running | Step::Finished(_)) => {}
                Some(Step::Settled(result)) => {
                    let result = result.clone();
                    self.known.set(command_id, Step::Finished(result));
                }
                None => {
                    let result = unknown(command_id);
                    self.known.set(command_id, Step::Finished(result.clone()));
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
        let is_received = |(id, step)| matches!(step, &Step::Received(_)).then_some(id);
        let received = self.known.in_order().into_iter().filter_map(is_received);
        received.map(send_ack).chain(self.results()).collect()
    }

    /// What was received and is not in the list was not acknowledged as far as the hub knows.
    fn shelve_unmentioned(&mut self, open: &[OpenCommand]) {
        let open: HashSet<Uuid> = open.iter().map(|command| command.command_id).collect();
        let known = self.known.in_order().into_iter();
        let unmentioned: Vec<Uuid> = known.map(|(id, _)| id).filter(|id| !open.contains(id)).collect();
        for command_id in unmentioned {
            self.known.shelve(command_id);
        }
    }

    fn results(&self) -> Vec<Output> {
        let steps = self.known.in_order().into_iter();
        steps
            .filter_map(|(_, step)| match step {
                Step::Finished(result) => Some(send_result(result.clone())),
                Step::Received(_) | Step::Shelved(_) | Step::Ready(_) | Step::Running | Step::Settled(_) => {
                    None
                }
            })
            .collect()
    }

    fn release(&mut self, command_id: Uuid) -> Vec<Output> {
        let command = match self.known.get(command_id) {
            Some(Step::Received(command) | Step::Shelved(command)) => command.clone(),
            Some(Step::Ready(_) | Step::Running | Step::Finished(_) | Step::Settled(_)) | None => {
                return Vec::new();
            }
        };
        self.known.set(command_id, Step::Ready(command.clone()));
        vec![Output::Execute(command)]
    }

    fn end(&mut self, result: CommandResult) -> Vec<Output> {
        self.known.set(result.command_id, Step::Finished(result.clone()));
        vec![
            Output::Record(Entry::Finished {
                result: result.clone(),
            }),
            send_result(result),
        ]
    }

    fn drop_result(&mut self, command_id: Uuid) -> Vec<Output> {
        if !matches!(self.known.get(command_id), Some(Step::Finished(_))) {
            return Vec::new();
        }
        self.known.settle(command_id);
        vec![Output::Record(Entry::Settled { command_id })]
    }
}

fn send_ack(command_id: Uuid) -> Output {
    Output::Send(SatelliteFrame::CommandAck(CommandAck { command_id }))
}

fn send_result(result: CommandResult) -> Output {
    Output::Send(SatelliteFrame::CommandResult(result))
}
