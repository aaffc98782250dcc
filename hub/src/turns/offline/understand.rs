//! What a sentence means to the offline rules. Pure; nothing but words.

/// What was meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning<'a> {
    /// Keep this.
    Remember(&'a str),
    /// What is known about this?
    Asks(&'a str),
    /// Say or show this there.
    Tell {
        /// How.
        way: Way,
        /// The name of a space.
        place: &'a str,
        /// What.
        what: &'a str,
    },
    /// None of these.
    Other,
}

/// How to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Aloud.
    Tell,
    /// On a screen.
    Show,
}

const REMEMBER: [&str; 5] = [
    "remember that ",
    "remember: ",
    "don't forget that ",
    "do not forget that ",
    "note that ",
];
const ASKS: [&str; 4] = [
    "what do you remember about ",
    "what do you know about ",
    "what did i tell you about ",
    "do you remember anything about ",
];
const POLITE: [&str; 4] = ["please ", "hey ", "ok ", "could you "];

/// Reads a sentence.
pub(super) fn understand(sentence: &str) -> Meaning<'_> {
    let said = bare(sentence);
    if let Some(what) = after_any(said, &REMEMBER) {
        return some(what).map_or(Meaning::Other, Meaning::Remember);
    }
    if let Some(topic) = after_any(said, &ASKS) {
        return some(topic).map_or(Meaning::Other, Meaning::Asks);
    }
    after(said, "tell ")
        .and_then(|rest| tell(Way::Tell, rest))
        .or_else(|| after(said, "show ").and_then(|rest| tell(Way::Show, rest)))
        .unwrap_or(Meaning::Other)
}

fn tell(way: Way, rest: &str) -> Option<Meaning<'_>> {
    let at = find(rest, " that ")?;
    let (place, what) = (rest.get(..at)?, rest.get(at + " that ".len()..)?);
    // "in the office", "to the people in the office", "the office", "office"
    let place = find_last(place, " in ").map_or(place, |at| place.get(at + 4..).unwrap_or(place));
    let place = ["everyone in ", "in ", "to "]
        .iter()
        .fold(place, |place, word| after(place, word).unwrap_or(place));
    let place = after(place, "the ").unwrap_or(place);
    Some(Meaning::Tell {
        way,
        place: some(place)?,
        what: some(what)?,
    })
}

/// Without courtesy, quotes and the final mark.
fn bare(sentence: &str) -> &str {
    let mut said = sentence
        .trim()
        .trim_end_matches(['.', '!', '?', ' ', '"', '”'])
        .trim_start_matches(['"', '“']);
    while let Some(rest) = after_any(said, &POLITE) {
        said = rest.trim_start();
    }
    said
}

fn some(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty()).then_some(text)
}

fn after_any<'a>(text: &'a str, beginnings: &[&str]) -> Option<&'a str> {
    beginnings.iter().find_map(|beginning| after(text, beginning))
}

/// What follows a beginning, whatever the case.
fn after<'a>(text: &'a str, beginning: &str) -> Option<&'a str> {
    let head = text.get(..beginning.len())?;
    head.eq_ignore_ascii_case(beginning)
        .then(|| text.get(beginning.len()..))
        .flatten()
}

fn find(text: &str, word: &str) -> Option<usize> {
    text.char_indices()
        .map(|(at, _)| at)
        .find(|at| after(text.get(*at..).unwrap_or_default(), word).is_some())
}

fn find_last(text: &str, word: &str) -> Option<usize> {
    text.char_indices()
        .rev()
        .map(|(at, _)| at)
        .find(|at| after(text.get(*at..).unwrap_or_default(), word).is_some())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_story_is_understood() {
        assert_eq!(
            understand("Remember that the spare key is with Nora."),
            Meaning::Remember("the spare key is with Nora")
        );
        assert_eq!(
            understand("what do you remember about the spare key?"),
            Meaning::Asks("the spare key")
        );
        let dinner = Meaning::Tell {
            way: Way::Tell,
            place: "office",
            what: "dinner is ready",
        };
        assert_eq!(understand("tell the office that dinner is ready"), dinner);
        assert_eq!(
            understand("Please tell everyone in the office that dinner is ready!"),
            dinner
        );
    }

    #[test]
    fn a_space_may_have_several_words() {
        let meant = understand("show in the living room that the post is here");
        assert_eq!(
            meant,
            Meaning::Tell {
                way: Way::Show,
                place: "living room",
                what: "the post is here"
            }
        );
    }

    #[test]
    fn half_a_sentence_means_nothing() {
        for said in [
            "remember that",
            "remember that  ",
            "tell that",
            "tell the office",
            "",
            "?",
            "what do you remember about ",
        ] {
            assert_eq!(understand(said), Meaning::Other, "{said:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_said_stops_it(said in "\\PC{0,200}") {
            let _ = understand(&said);
        }

        #[test]
        fn what_is_to_be_kept_is_kept_word_for_word(what in "[a-zà-ü][a-zà-ü ]{0,40}[a-zà-ü]") {
            let said = format!("remember that {what}");
            prop_assert_eq!(understand(&said), Meaning::Remember(what.as_str()));
        }
    }
}
