//! Topics: filters on the types of events, of a whole agent or of one space.
//!
//! `*` is every type, `message.*` those that begin with `message.`, `turn.ended` that one; `@` and a space's id after it leave
//! the events of that space.

use uuid::Uuid;

use super::EventKind;
use crate::ids::SpaceId;

/// Topics of one subscription at most: a dozen types of events, and a few spaces.
pub const MAX_TOPICS: usize = 16;
/// Characters of a topic at most: the longest type, with a space.
const MAX_TOPIC: usize = 140;

/// One filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    text: String,
    types: Types,
    space: Option<SpaceId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Types {
    /// That begin with this; empty: all.
    Under(String),
    /// This one.
    Exactly(String),
}

impl Topic {
    /// Reads a topic. What is wrong is said for people.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX_TOPIC {
            return Err("must be at most 140 characters");
        }
        let (types, space) = match text.split_once('@') {
            Some((types, space)) => {
                let space = Uuid::parse_str(space).map_err(|_| "must name a space by its id after the @")?;
                (types, Some(SpaceId(space)))
            }
            None => (text, None),
        };
        Ok(Self {
            text: text.to_owned(),
            types: Types::parse(types).ok_or("names a type of event that there is not")?,
            space,
        })
    }

    /// The space whose events it leaves; none: all.
    #[must_use]
    pub const fn space(&self) -> Option<SpaceId> {
        self.space
    }

    fn lets_through(&self, event_type: &str, space: SpaceId) -> bool {
        let is_type = match &self.types {
            Types::Under(beginning) => event_type.starts_with(beginning),
            Types::Exactly(name) => event_type == name,
        };
        is_type && self.space.is_none_or(|only| only == space)
    }
}

impl Types {
    /// None for types that there are not: whoever waits for those has made a mistake.
    fn parse(text: &str) -> Option<Self> {
        let Some(above) = text.strip_suffix('*') else {
            return EventKind::parse(text).map(|_| Self::Exactly(text.to_owned()));
        };
        let is_ours = || EventKind::OWN.iter().any(|kind| kind.name().starts_with(above));
        let is_theirs = || above == "x." || EventKind::parse(above).is_some();
        let is_whole = above.is_empty() || above.ends_with('.');
        (is_whole && (is_ours() || is_theirs())).then(|| Self::Under(above.to_owned()))
    }
}

/// The topics of one subscription. An event that several let through comes once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics(Vec<Topic>);

impl Topics {
    /// Reads them; what is wrong comes with which one it is.
    pub fn parse<'a>(
        texts: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, (Option<usize>, &'static str)> {
        let topics: Vec<Topic> = texts
            .into_iter()
            .enumerate()
            .take(MAX_TOPICS + 1)
            .map(|(index, text)| Topic::parse(text).map_err(|wrong| (Some(index), wrong)))
            .collect::<Result<_, _>>()?;
        match topics.len() {
            1..=MAX_TOPICS => Ok(Self(topics)),
            _ => Err((None, "must be 1 to 16 topics")),
        }
    }

    /// Every type of a whole agent.
    #[must_use]
    pub fn all() -> Self {
        Self(vec![Topic {
            text: "*".to_owned(),
            types: Types::Under(String::new()),
            space: None,
        }])
    }

    /// The first topic that lets an event through.
    #[must_use]
    pub fn of(&self, event_type: &str, space: SpaceId) -> Option<&str> {
        let found = self.0.iter().find(|topic| topic.lets_through(event_type, space));
        found.map(|topic| topic.text.as_str())
    }

    /// The spaces that are named, each with the number of its topic.
    pub fn spaces(&self) -> impl Iterator<Item = (usize, SpaceId)> {
        let named = self.0.iter().enumerate();
        named.filter_map(|(index, topic)| Some((index, topic.space?)))
    }

    /// The types that are named whole.
    #[must_use]
    pub fn exact(&self) -> Vec<String> {
        let names = self.0.iter().filter_map(|topic| match &topic.types {
            Types::Exactly(name) => Some(name.clone()),
            Types::Under(_) => None,
        });
        names.collect()
    }

    /// What the other types begin with.
    #[must_use]
    pub fn beginnings(&self) -> Vec<String> {
        let beginnings = self.0.iter().filter_map(|topic| match &topic.types {
            Types::Under(beginning) => Some(beginning.clone()),
            Types::Exactly(_) => None,
        });
        beginnings.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(texts: &[&str]) -> Topics {
        Topics::parse(texts.iter().copied()).unwrap()
    }

    #[test]
    fn a_topic_is_a_type_a_family_of_types_or_everything() {
        let (here, all) = (SpaceId::mint(), topics(&["*"]));
        assert_eq!(all, Topics::all());
        let some = topics(&["message.*", "turn.ended", "x.acme.*"]);
        for (event_type, of) in [
            ("message.user", Some("message.*")),
            ("message.agent", Some("message.*")),
            ("turn.ended", Some("turn.ended")),
            ("x.acme.door", Some("x.acme.*")),
            ("x.acme", None),
            ("transcript", None),
            ("turn.ended.twice", None),
        ] {
            assert_eq!(some.of(event_type, here), of, "{event_type}");
            assert_eq!(all.of(event_type, here), Some("*"));
        }
        assert_eq!(some.exact(), ["turn.ended"]);
        assert_eq!(some.beginnings(), ["message.", "x.acme."]);
        assert_eq!(all.beginnings(), [""]);
    }

    #[test]
    fn a_topic_of_a_space_leaves_the_events_of_that_space() {
        let (kitchen, office) = (SpaceId::mint(), SpaceId::mint());
        let text = format!("transcript@{kitchen}");
        let both = topics(&[&text, "turn.*"]);
        assert_eq!(both.of("transcript", kitchen), Some(text.as_str()));
        assert_eq!(both.of("transcript", office), None);
        assert_eq!(both.of("turn.ended", office), Some("turn.*"));
        assert_eq!(both.spaces().collect::<Vec<_>>(), [(0, kitchen)]);
    }

    #[test]
    fn what_is_no_topic_is_refused_with_which_one_it_is() {
        let long = format!("x.{}", "a".repeat(200));
        for wrong in [
            "", "@", "**", "*.ended", "mess*", "message", "message.", "nobody.*", "X.*", "x.A.*", "*@",
            "*@here", "a b", &long,
        ] {
            let refused = Topics::parse(["*", wrong]).map_err(|(index, _)| index);
            assert_eq!(refused, Err(Some(1)), "{wrong}");
        }
        assert_eq!(Topics::parse([]).map_err(|(index, _)| index), Err(None));
        assert_eq!(Topics::parse(["*"; 17]).map_err(|(index, _)| index), Err(None));
        assert!(Topics::parse(["*"; 16]).is_ok());
    }
}
