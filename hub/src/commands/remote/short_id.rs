//! Short ids: the last digits, because the first ones of ids of one moment are alike.

use uuid::Uuid;

use super::Failure;
use crate::commands::terminal::one_line;

/// Digits at least: among the few actions that wait, a slip does not hit another one.
const LEAST: usize = 6;
/// Digits to type at least.
const LEAST_TYPED: usize = 4;

/// What was typed names no single id.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Mismatch {
    /// Not an id.
    #[error("is no id: give {LEAST_TYPED} or more of its digits")]
    Malformed,
    /// None.
    #[error("is none of their ids")]
    Missing,
    /// Too few digits.
    #[error("could be {0} of them: type more of it")]
    Several(usize),
}

/// The last digits of each id, as many as make them differ.
#[must_use]
pub fn short_ids(ids: &[Uuid]) -> Vec<String> {
    let full: Vec<String> = ids.iter().map(|id| id.simple().to_string()).collect();
    let differ = |length: &usize| {
        let mut tails: Vec<&str> = full.iter().map(|id| tail(id, *length)).collect();
        tails.sort_unstable();
        tails.windows(2).all(|pair| pair[0] != pair[1])
    };
    let length = (LEAST..32).find(differ).unwrap_or(32);
    full.iter().map(|id| tail(id, length).to_owned()).collect()
}

/// The one id that begins or ends with what was typed, or whose short form begins with it.
pub(super) fn pick(ids: &[Uuid], typed: &str) -> Result<Uuid, Mismatch> {
    let typed: String = typed.chars().filter(|char| *char != '-').collect();
    let typed = typed.to_ascii_lowercase();
    if typed.len() < LEAST_TYPED || !typed.chars().all(|char| char.is_ascii_hexdigit()) {
        return Err(Mismatch::Malformed);
    }
    let fits = |(id, short): &(&Uuid, String)| {
        let full = id.simple().to_string();
        full.starts_with(&typed) || full.ends_with(&typed) || short.starts_with(&typed)
    };
    let found: Vec<(&Uuid, String)> = ids.iter().zip(short_ids(ids)).filter(fits).collect();
    match found[..] {
        [(id, _)] => Ok(*id),
        [] => Err(Mismatch::Missing),
        _ => Err(Mismatch::Several(found.len())),
    }
}

/// A line for each thing, which names it by its short id.
pub fn entries<T>(things: &[T], id: impl Fn(&T) -> Uuid, entry: impl Fn(&T, &str) -> String) -> Vec<String> {
    let ids: Vec<Uuid> = things.iter().map(id).collect();
    let named = things.iter().zip(short_ids(&ids));
    named.map(|(thing, short)| entry(thing, &short)).collect()
}

/// The thing that was meant; else what to do, with the command that shows their ids.
pub fn pick_from<'a, T>(
    things: &'a [T],
    id: impl Fn(&T) -> Uuid,
    typed: &str,
    see: &str,
) -> Result<&'a T, Failure> {
    let ids: Vec<Uuid> = things.iter().map(id).collect();
    let picked =
        pick(&ids, typed).map_err(|mismatch| Failure::Usage(format!("{typed} {mismatch}\n  {see}")))?;
    let at = ids.iter().position(|id| *id == picked);
    Ok(&things[at.expect("it is picked from these")])
}

/// The one who is called this, in any case, or whose id was typed. `nobody` says where was looked, `see` how to look oneself.
pub fn pick_called<'a, T>(
    all: &'a [T],
    id: impl Fn(&T) -> Uuid,
    names: impl Fn(&T) -> Vec<String>,
    typed: &str,
    [nobody, see]: [&str; 2],
) -> Result<&'a T, Failure> {
    let wanted = one_line(typed).to_lowercase();
    let is_called = |one: &&T| names(one).iter().any(|name| name.to_lowercase() == wanted);
    let named: Vec<&T> = all.iter().filter(is_called).collect();
    if let [one] = named[..] {
        return Ok(one);
    }
    let ids: Vec<Uuid> = all.iter().map(&id).collect();
    let picked = pick(&ids, typed).ok();
    let found = all.iter().find(|one| Some(id(one)) == picked);
    found.ok_or_else(|| {
        let what = match named.len() {
            0 => format!("{nobody} is called {wanted}"),
            several => format!("{several} are called {wanted}: give the id"),
        };
        Failure::Usage(format!("{what}\n  {see}"))
    })
}

fn tail(id: &str, length: usize) -> &str {
    &id[id.len() - length..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(texts: &[&str]) -> Vec<Uuid> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn short_ids_grow_until_they_differ() {
        let ids = ids(&[
            "0198aaaa-0000-7000-8000-000001abcdef",
            "0198aaaa-0000-7000-8000-000002abcdef",
        ]);
        assert_eq!(short_ids(&ids[..1]), ["abcdef"]);
        assert_eq!(short_ids(&ids), ["1abcdef", "2abcdef"]);
        assert!(short_ids(&[]).is_empty());
    }

    #[test]
    fn an_id_is_found_by_either_end_in_any_spelling() {
        let ids = ids(&[
            "0198aaaa-0000-7000-8000-000001abcdef",
            "0199aaaa-0000-7000-8000-000002abcdef",
        ]);
        for typed in [
            "1abcdef",
            "01ABCDEF",
            "0198",
            "0198AAAA-00",
            "1abc",
            "0198aaaa-0000-7000-8000-000001abcdef",
        ] {
            assert_eq!(pick(&ids, typed), Ok(ids[0]), "{typed}");
        }
        assert_eq!(pick(&ids, "abcdef"), Err(Mismatch::Several(2)));
        assert_eq!(pick(&ids, "ffffff"), Err(Mismatch::Missing));
        assert_eq!(pick(&ids, "def"), Err(Mismatch::Malformed));
        assert_eq!(pick(&ids, "office"), Err(Mismatch::Malformed));
        assert_eq!(pick(&ids, "ébc1"), Err(Mismatch::Malformed));
    }

    proptest! {
        #[test]
        fn what_is_shown_names_what_it_was_shown_for(numbers in prop::collection::hash_set(any::<u128>(), 1..20)) {
            let ids: Vec<Uuid> = numbers.into_iter().map(Uuid::from_u128).collect();
            for (id, short) in ids.iter().zip(short_ids(&ids)) {
                // Beginnings count too: one that equals another's end is told, never guessed.
                prop_assert!(matches!(pick(&ids, &short), Ok(found) if found == *id) || pick(&ids, &short) == Err(Mismatch::Several(2)));
            }
        }
    }
}
