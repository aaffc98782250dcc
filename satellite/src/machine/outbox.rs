//! The events that the hub has not answered yet, in order, and which of them are on their way.

use std::collections::{BTreeMap, VecDeque};

use crate::protocol::{ClientId, Limits, NewEvent, SatelliteFrame};

/// How many events wait at most: an evening of talk while the hub is down, and a few MiB of memory.
const CAPACITY: usize = 2_000;

/// What `{"type":"events","events":[]}` and the separating commas add to the events themselves, rounded up.
const FRAME_OVERHEAD_BYTES: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    items: VecDeque<Item>,
    /// How many events of each frame on its way are unanswered.
    frames: BTreeMap<u64, usize>,
    next_frame: u64,
}

#[derive(Debug)]
struct Item {
    event: NewEvent,
    bytes: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Waiting,
    Sent {
        frame: u64,
    },
    /// The hub was too busy; waits for the next tick.
    Held,
}

impl Outbox {
    pub(super) fn has_room(&self) -> bool {
        self.items.len() < CAPACITY
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn push(&mut self, event: NewEvent) {
        let bytes = serde_json::to_string(&event).map_or(usize::MAX, |text| text.len());
        self.items.push_back(Item {
            event,
            bytes,
            state: State::Waiting,
        });
    }

    /// Removes an answered event. False when it was answered before.
    pub(super) fn settle(&mut self, client_id: &ClientId) -> bool {
        let Some(index) = self.find(client_id) else {
            return false;
        };
        if let Some(Item {
            state: State::Sent { frame },
            ..
        }) = self.items.remove(index)
        {
            self.answered(frame);
        }
        true
    }

    /// Keeps a refused event for the next [`Outbox::release`].
    pub(super) fn hold(&mut self, client_id: &ClientId) {
        let Some(index) = self.find(client_id) else {
            return;
        };
        let was = std::mem::replace(&mut self.items[index].state, State::Held);
        if let State::Sent { frame } = was {
            self.answered(frame);
        }
    }

    /// Makes held events ready again.
    pub(super) fn release(&mut self) {
        for item in self.items.iter_mut().filter(|item| item.state == State::Held) {
            item.state = State::Waiting;
        }
    }

    /// Forgets that anything was sent: the socket is gone, and answers with it.
    pub(super) fn unsend(&mut self) {
        self.frames.clear();
        for item in &mut self.items {
            item.state = State::Waiting;
        }
    }

    /// Puts waiting events into frames within the limits and counts them as sent. Events that fit no frame are dropped;
    /// their sizes in bytes are returned beside the frames.
    pub(super) fn take_frames(&mut self, limits: Limits) -> (Vec<SatelliteFrame>, Vec<usize>) {
        let oversized = self.drop_oversized(limits.max_frame_bytes.saturating_sub(FRAME_OVERHEAD_BYTES));
        let mut frames = Vec::new();
        while self.frames.len() < limits.max_in_flight.max(1) {
            let events = self.take_batch(limits);
            match <[NewEvent; 1]>::try_from(events) {
                Ok([event]) => frames.push(SatelliteFrame::Event(event)),
                Err(events) if events.is_empty() => break,
                Err(events) => frames.push(SatelliteFrame::Events(events.into())),
            }
        }
        (frames, oversized)
    }

    fn drop_oversized(&mut self, max_bytes: usize) -> Vec<usize> {
        let oversized = self
            .items
            .iter()
            .map(|item| item.bytes)
            .filter(|bytes| *bytes > max_bytes)
            .collect();
        self.items.retain(|item| item.bytes <= max_bytes);
        oversized
    }

    fn take_batch(&mut self, limits: Limits) -> Vec<NewEvent> {
        let frame = self.next_frame;
        let mut room = limits.max_frame_bytes.saturating_sub(FRAME_OVERHEAD_BYTES);
        let mut events = Vec::new();
        for item in self.items.iter_mut().filter(|item| item.state == State::Waiting) {
            if events.len() == limits.max_batch.max(1) || item.bytes > room {
                break;
            }
            // One more for the comma.
            room = room.saturating_sub(item.bytes + 1);
            item.state = State::Sent { frame };
            events.push(item.event.clone());
        }
        if !events.is_empty() {
            self.frames.insert(frame, events.len());
            self.next_frame += 1;
        }
        events
    }

    fn find(&self, client_id: &ClientId) -> Option<usize> {
        self.items
            .iter()
            .position(|item| item.event.client_id == *client_id)
    }

    fn answered(&mut self, frame: u64) {
        if let Some(unanswered) = self.frames.get_mut(&frame) {
            *unanswered -= 1;
            if *unanswered == 0 {
                self.frames.remove(&frame);
            }
        }
    }
}
