//! A place in an agent's log, as everyone holds it: `epoch:position`. What comes after it is what one has not seen.

use std::fmt;

/// After which event somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Changes only when a restore is recovered.
    pub epoch: i32,
    /// Of the event; 0 before the first.
    pub position: i64,
}

impl Cursor {
    /// Reads `epoch:position`; none if it is not that.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (epoch, position) = text.split_once(':')?;
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        (is_number(epoch) && is_number(position)).then_some(())?;
        Some(Self {
            epoch: epoch.parse().ok()?,
            position: position.parse().ok()?,
        })
    }

    /// Whether one can go on from here in a log that ends there: nothing of what came between is missing.
    #[must_use]
    pub const fn is_in(self, end: Self) -> bool {
        self.epoch == end.epoch && self.position <= end.position
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.position)
    }
}

/// Where a subscription starts: all after it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// The place.
    pub cursor: Cursor,
    /// Whether it is the place that was asked for. If not, what came before it must be read from the log.
    pub is_resumed: bool,
}

impl Start {
    /// For somebody who asks to go on after a place, or nowhere, in a log that ends there.
    #[must_use]
    pub fn of(asked: Option<Cursor>, end: Cursor) -> Self {
        match asked.filter(|asked| asked.is_in(end)) {
            Some(cursor) => Self {
                cursor,
                is_resumed: true,
            },
            None => Self {
                cursor: end,
                is_resumed: false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(epoch: i32, position: i64) -> Cursor {
        Cursor { epoch, position }
    }

    #[test]
    fn a_cursor_is_two_numbers() {
        assert_eq!(Cursor::parse("1:42"), Some(at(1, 42)));
        assert_eq!(at(1, 42).to_string(), "1:42");
        for wrong in [
            "",
            ":",
            "1",
            "1:",
            ":1",
            "1:-1",
            "+1:1",
            " 1:1",
            "1:1:1",
            "x:1",
            "1:x",
            "99999999999:1",
            "1:99999999999999999999",
        ] {
            assert_eq!(Cursor::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_a_place_in_the_log_is_resumed() {
        let end = at(2, 10);
        for asked in [at(2, 0), at(2, 10)] {
            let start = Start {
                cursor: asked,
                is_resumed: true,
            };
            assert_eq!(Start::of(Some(asked), end), start);
        }
        for asked in [None, Some(at(1, 5)), Some(at(3, 5)), Some(at(2, 11))] {
            let start = Start {
                cursor: end,
                is_resumed: false,
            };
            assert_eq!(Start::of(asked, end), start, "{asked:?}");
        }
    }
}
