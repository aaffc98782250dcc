//! Where somebody is in a log, and what comes next: from what is kept of its newest part, or, further back, from the log itself.
//! Without I/O.
//!
//! Both give all events between two positions, so whichever comes next begins where the other stopped: nothing doubles, nothing
//! is left out and nothing swaps at the seam.

use std::sync::Arc;

use super::{
    cursor::Cursor,
    recent::{Found, Item, Recent},
    topic::Topics,
};

/// Positions of the log looked through at once: what filters let nothing of through is passed in steps that take milliseconds.
const WINDOW: i64 = 5_000;

/// Somebody who follows a log.
#[derive(Debug)]
pub struct Reader {
    topics: Topics,
    epoch: i32,
    at: i64,
}

/// What a reader does next.
#[derive(Debug)]
pub enum Next {
    /// Wait: there is nothing new.
    Wait,
    /// Give these out; whether there is more at once.
    Give(Vec<Arc<Item>>, bool),
    /// Read this part of the log, and say what was in it.
    Read(Part),
    /// End: the log was replaced by an older one, and its places mean other events now.
    Replaced,
}

/// A part of the log: after one position and up to another, of which at most so many events are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// After this position.
    pub after: i64,
    /// Up to this one.
    pub upto: i64,
    /// Events at most.
    pub most: usize,
}

impl Reader {
    /// Starts after a place.
    #[must_use]
    pub const fn new(topics: Topics, start: Cursor) -> Self {
        Self {
            topics,
            epoch: start.epoch,
            at: start.position,
        }
    }

    /// Which events it wants.
    #[must_use]
    pub const fn topics(&self) -> &Topics {
        &self.topics
    }

    /// Up to where it has seen all.
    #[must_use]
    pub const fn at(&self) -> Cursor {
        Cursor {
            epoch: self.epoch,
            position: self.at,
        }
    }

    /// What is next, at most so many events.
    pub fn next(&mut self, recent: &Recent, most: usize) -> Next {
        let end = recent.end();
        match recent.after(self.at) {
            _ if end.epoch != self.epoch => Next::Replaced,
            Found::Nothing => Next::Wait,
            Found::TooOld => Next::Read(Part {
                after: self.at,
                upto: end.position.min(self.at.saturating_add(WINDOW)),
                most,
            }),
            Found::Newer(items) => {
                let first = items.partition_point(|item| item.position <= self.at);
                let wanted = items.range(first..).filter(|item| self.wants(item));
                let given: Vec<Arc<Item>> = wanted.take(most).cloned().collect();
                self.moves(&given, most, end.position);
                Next::Give(given, self.at < end.position)
            }
        }
    }

    /// What a part of the log held: events of the types it wants, in order.
    pub fn read(&mut self, part: Part, items: Vec<Arc<Item>>) -> Vec<Arc<Item>> {
        self.moves(&items, part.most, part.upto);
        items.into_iter().filter(|item| self.wants(item)).collect()
    }

    /// After as many as there could be, more may follow the last; else all up to the end was seen.
    fn moves(&mut self, items: &[Arc<Item>], most: usize, end: i64) {
        let last = items.last().filter(|_| items.len() >= most);
        self.at = last.map_or(end, |item| item.position);
    }

    fn wants(&self, item: &Item) -> bool {
        self.topics
            .of(&item.event.event_type, item.event.space_id)
            .is_some()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        events::Event,
        identity::Trust,
        ids::{EventId, SpaceId},
    };

    const TYPES: [&str; 3] = ["message.user", "message.agent", "turn.ended"];
    const EPOCH: i32 = 3;

    /// A log that grows, the newest part of it, and somebody who reads both and is cut off now and then.
    struct Story {
        space: SpaceId,
        log: Vec<Arc<Item>>,
        recent: Recent,
        reader: Reader,
        /// The last event that arrived; what was given out and cut off did not.
        seen: Vec<i64>,
        start: i64,
    }

    #[derive(Debug, Clone)]
    enum Act {
        Append(Vec<usize>),
        Tail(usize),
        Forget,
        Step(usize),
        Cut(usize),
    }

    fn acts() -> impl Strategy<Value = Act> {
        prop_oneof![
            3 => prop::collection::vec(0..TYPES.len(), 1..40).prop_map(Act::Append),
            3 => (1..50_usize).prop_map(Act::Tail),
            1 => Just(Act::Forget),
            6 => (1..20_usize).prop_map(Act::Step),
            2 => (0..20_usize).prop_map(Act::Cut),
        ]
    }

    fn event(event_type: &str, space: SpaceId) -> Event {
        Event {
            id: EventId::mint(),
            cursor: String::new(),
            event_type: event_type.to_owned(),
            payload: None,
            erased_at: None,
            occurred_at: None,
            recorded_at: DateTime::UNIX_EPOCH,
            space_id: space,
            session_id: None,
            device_id: None,
            person_id: None,
            audience_person_id: None,
            trust: Trust::Household,
        }
    }

    impl Story {
        fn new(topics: Topics, before: usize) -> Self {
            let space = SpaceId::mint();
            let mut story = Self {
                space,
                log: Vec::new(),
                recent: Recent::from(Cursor {
                    epoch: EPOCH,
                    position: 0,
                }),
                reader: Reader::new(
                    topics,
                    Cursor {
                        epoch: EPOCH,
                        position: 0,
                    },
                ),
                seen: Vec::new(),
                start: i64::try_from(before / 2).unwrap(),
            };
            story.append(&vec![0; before]);
            story.recent = Recent::from(story.head());
            story.comes_back(story.start);
            story
        }

        fn head(&self) -> Cursor {
            Cursor {
                epoch: EPOCH,
                position: i64::try_from(self.log.len()).unwrap(),
            }
        }

        fn append(&mut self, types: &[usize]) {
            for kind in types {
                let position = self.head().position + 1;
                self.log.push(Arc::new(Item {
                    position,
                    event: event(TYPES[*kind], self.space),
                    // Now and then one that alone fills half of what is kept.
                    weight: if position % 50 == 0 { 600_000 } else { 10 },
                }));
            }
        }

        fn part(&self, after: i64, upto: i64, most: usize) -> Vec<Arc<Item>> {
            let within = self
                .log
                .iter()
                .filter(|item| item.position > after && item.position <= upto);
            within.take(most).cloned().collect()
        }

        fn tail(&mut self, most: usize) {
            let (at, head) = (self.recent.end().position, self.head().position);
            let items = self.part(at, head, most);
            let end = items
                .last()
                .filter(|_| items.len() == most)
                .map_or(head, |item| item.position);
            self.recent.push(end, items);
        }

        fn comes_back(&mut self, after: i64) {
            let cursor = Cursor {
                epoch: EPOCH,
                position: after,
            };
            self.reader = Reader::new(self.reader.topics().clone(), cursor);
        }

        /// As the database filters: by type.
        fn rows(&self, part: Part) -> Vec<Arc<Item>> {
            let all = self.part(part.after, part.upto, usize::MAX);
            let wanted = all.into_iter().filter(|item| self.reader.wants(item));
            wanted.take(part.most).collect()
        }

        /// One step. Of what it gives out only the first so many arrive before the socket is cut, if it is.
        fn step(&mut self, most: usize, arrive: Option<usize>) -> bool {
            let (given, is_more) = match self.reader.next(&self.recent, most) {
                Next::Wait => (Vec::new(), false),
                Next::Give(given, is_more) => (given, is_more),
                Next::Read(part) => (self.reader.read(part, self.rows(part)), true),
                Next::Replaced => unreachable!("the epoch does not change"),
            };
            let arrived = given
                .iter()
                .take(arrive.unwrap_or(usize::MAX))
                .map(|item| item.position);
            self.seen.extend(arrived);
            if arrive.is_some() {
                self.comes_back(self.seen.last().copied().unwrap_or(self.start));
            }
            is_more
        }

        fn expected(&self) -> Vec<i64> {
            let after = self.part(self.start, i64::MAX, usize::MAX);
            let wanted = after.iter().filter(|item| self.reader.wants(item));
            wanted.map(|item| item.position).collect()
        }
    }

    proptest! {
        #[test]
        fn each_position_comes_exactly_once_and_in_order(
            before in 0..400_usize,
            wanted in prop::sample::subsequence(&TYPES[..], 1..=TYPES.len()),
            acts in prop::collection::vec(acts(), 1..80),
        ) {
            let mut story = Story::new(Topics::parse(wanted).unwrap(), before);
            for act in acts {
                match act {
                    Act::Append(types) => story.append(&types),
                    Act::Tail(most) => story.tail(most),
                    Act::Forget => story.recent.forget(),
                    Act::Step(most) => drop(story.step(most, None)),
                    Act::Cut(arrive) => drop(story.step(20, Some(arrive))),
                }
                let so_far = story.seen.len();
                prop_assert_eq!(&story.seen, &story.expected()[..so_far]);
            }
            while story.recent.end() != story.head() {
                story.tail(128);
            }
            while story.step(20, None) {}
            prop_assert_eq!(&story.seen, &story.expected());
            prop_assert_eq!(story.reader.at(), story.head());
        }
    }

    #[test]
    fn what_is_kept_is_bounded_and_only_for_a_moment() {
        let mut story = Story::new(Topics::all(), 0);
        story.append(&[0; 1_000]);
        story.tail(usize::MAX);
        let kept = |story: &Story, place: i64| matches!(story.recent.after(place), Found::Newer(_));
        assert!(kept(&story, 999) && !kept(&story, 0));
        assert!(matches!(story.recent.after(0), Found::TooOld));
        assert!(matches!(story.recent.after(1_000), Found::Nothing));
        story.recent.forget();
        assert!(kept(&story, 999));
        story.recent.forget();
        assert!(matches!(story.recent.after(999), Found::TooOld));
        assert_eq!(story.recent.end(), story.head());
    }

    #[test]
    fn a_log_that_was_replaced_ends_its_readers() {
        let mut story = Story::new(Topics::all(), 10);
        story.recent = Recent::from(Cursor {
            epoch: EPOCH + 1,
            position: 5,
        });
        assert!(matches!(story.reader.next(&story.recent, 10), Next::Replaced));
    }

    #[test]
    fn a_long_log_without_anything_wanted_is_passed_in_steps() {
        let mut story = Story::new(Topics::parse(["turn.ended"]).unwrap(), 0);
        story.append(&vec![0; 12_000]);
        story.recent = Recent::from(story.head());
        let mut steps = 0;
        while story.step(20, None) {
            steps += 1;
        }
        assert_eq!((steps, story.reader.at()), (3, story.head()));
    }
}
