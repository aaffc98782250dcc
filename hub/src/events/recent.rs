//! The newest part of a log as one audience sees it, kept for those who follow it: bounded, without gaps, and only for a moment.

use std::{collections::VecDeque, sync::Arc};

use super::{Event, cursor::Cursor};

/// Events kept at most: a batch of a satellite and what comes of it, twice.
const MOST_ITEMS: usize = 256;
/// Bytes of payload kept at most. Whoever needs what is older reads the log itself.
const MOST_BYTES: usize = 1024 * 1024;

/// An event with its position.
#[derive(Debug)]
pub struct Item {
    /// Its place in the log.
    pub position: i64,
    /// The event, with its cursor in the log as it is now.
    pub event: Event,
    /// Bytes of its payload.
    pub(super) weight: usize,
}

impl Item {
    /// An event at its place.
    #[must_use]
    pub fn new(cursor: Cursor, event: Event) -> Self {
        let weight = event
            .payload
            .as_ref()
            .map_or(0, |payload| payload.to_string().len());
        let cursor_text = cursor.to_string();
        Self {
            position: cursor.position,
            event: Event {
                cursor: cursor_text,
                ..event
            },
            weight,
        }
    }
}

/// What a reader finds after its place.
#[derive(Debug)]
pub enum Found<'a> {
    /// Nothing: it has seen all that is here.
    Nothing,
    /// What it has not seen, up to the end.
    Newer(&'a VecDeque<Arc<Item>>),
    /// What follows its place is not here any more.
    TooOld,
}

/// All events after `start` and up to `end`.
#[derive(Debug)]
pub struct Recent {
    epoch: i32,
    start: i64,
    end: i64,
    /// The end when it was last asked to forget.
    mark: i64,
    items: VecDeque<Arc<Item>>,
    bytes: usize,
}

impl Recent {
    /// Of a log that ends there: what comes from here on is kept.
    #[must_use]
    pub const fn from(end: Cursor) -> Self {
        Self {
            epoch: end.epoch,
            start: end.position,
            end: end.position,
            mark: end.position,
            items: VecDeque::new(),
            bytes: 0,
        }
    }

    /// Up to where the log was read.
    #[must_use]
    pub const fn end(&self) -> Cursor {
        Cursor {
            epoch: self.epoch,
            position: self.end,
        }
    }

    /// Takes in what follows: all events up to the new end.
    pub fn push(&mut self, end: i64, items: impl IntoIterator<Item = Arc<Item>>) {
        for item in items {
            self.bytes += item.weight;
            self.items.push_back(item);
        }
        self.end = end;
        while self.items.len() > MOST_ITEMS || self.bytes > MOST_BYTES {
            self.drop_first();
        }
    }

    /// What follows a place.
    #[must_use]
    pub fn after(&self, place: i64) -> Found<'_> {
        if place >= self.end {
            Found::Nothing
        } else if place < self.start {
            Found::TooOld
        } else {
            Found::Newer(&self.items)
        }
    }

    /// Forgets what was there when it was last asked to. Asked once a second, it keeps nothing for longer than two.
    pub fn forget(&mut self) {
        while self.items.front().is_some_and(|item| item.position <= self.mark) {
            self.drop_first();
        }
        self.start = self.start.max(self.mark);
        self.mark = self.end;
    }

    fn drop_first(&mut self) {
        if let Some(item) = self.items.pop_front() {
            self.bytes -= item.weight;
            self.start = item.position;
        }
    }
}
