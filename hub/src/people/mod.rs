//! People whom the agent knows, with or without a login.

pub mod attribute;
pub mod belonging;
pub mod create_person;
pub mod merge_person;
pub mod update_person;

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    clock::DateTime,
    error::{Error, FieldError, Result},
    events::{EventKind, NewEvent, Place, payload::check_name, payload::check_text},
    ids::{PersonId, SpaceId, UserId},
};

/// Characters of a name at most.
pub const MAX_NAME: usize = 200;
/// Other names at most.
pub const MAX_ALIASES: usize = 20;
/// Characters of what somebody is to the household at most.
pub const MAX_RELATIONSHIP: usize = 500;

/// Somebody whom the agent knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Person {
    /// Their id.
    pub id: PersonId,
    /// What they are called; none once they were forgotten.
    #[schema(example = "Nora")]
    pub name: Option<String>,
    /// What else they are called, such as by a speaker that knows voices.
    pub aliases: Vec<String>,
    /// What they are to the household, in plain words.
    #[schema(example = "Ada's sister")]
    pub relationship: Option<String>,
    /// Their login here; none for somebody without one.
    pub user_id: Option<UserId>,
    /// When they were made known.
    pub created_at: DateTime,
    /// When they were last changed.
    pub updated_at: Option<DateTime>,
    /// When they were forgotten.
    pub forgotten_at: Option<DateTime>,
}

/// What is said of somebody; what is left out stays as it is.
#[derive(Debug, Clone, Default)]
pub struct PersonChange {
    /// What they are called.
    pub name: Option<String>,
    /// What else; all of it.
    pub aliases: Option<Vec<String>>,
    /// What they are to the household.
    pub relationship: Option<String>,
}

/// Refuses what nobody is called.
pub fn check(change: &PersonChange) -> Result<()> {
    let mut errors = Vec::new();
    let mut refuse = |pointer: String, detail: String| errors.push(FieldError { pointer, detail });
    if let Some(Err(detail)) = change.name.as_deref().map(|name| check_name(name, MAX_NAME)) {
        refuse("/name".to_owned(), detail);
    }
    let aliases = change.aliases.as_deref().unwrap_or_default();
    if aliases.len() > MAX_ALIASES {
        refuse("/aliases".to_owned(), format!("must be at most {MAX_ALIASES}"));
    }
    for (index, alias) in aliases.iter().enumerate().take(MAX_ALIASES) {
        if let Err(detail) = check_name(alias, MAX_NAME) {
            refuse(format!("/aliases/{index}"), detail);
        }
    }
    let relationship = change.relationship.as_deref();
    if let Some(Err(detail)) = relationship.map(|text| check_text(text, MAX_RELATIONSHIP)) {
        refuse("/relationship".to_owned(), detail);
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(errors))
    }
}

/// The event that somebody is known, or otherwise than before. It names nobody.
#[must_use]
pub fn changed(person: PersonId, elsewhere: SpaceId) -> NewEvent {
    let said = json!({"person_id": person});
    NewEvent::by_hub(EventKind::PersonChanged, Place::in_space(elsewhere), said)
}

/// Whether somebody is called this, whatever the case.
#[must_use]
pub fn is_called(person: &Person, name: &str) -> bool {
    let wanted = plain(name);
    let mut names = person.name.iter().chain(&person.aliases);
    names.any(|name| plain(name) == wanted)
}

/// A name as names are compared.
fn plain(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Refuses what somebody else is called already: then the words of neither would be known as theirs, and nobody be asked whether they
/// may be remembered. It says of nobody who that is.
pub fn make_sure_it_is_free<'a>(
    people: &[Person],
    of: PersonId,
    names: impl IntoIterator<Item = &'a String>,
) -> Result<()> {
    let others: Vec<&Person> = people.iter().filter(|person| person.id != of).collect();
    let is_taken = |name: &String| others.iter().any(|other| is_called(other, name));
    if names.into_iter().any(is_taken) {
        let detail =
            "somebody else is called one of these: a device's word for somebody stands for one person";
        return Err(Error::conflict("name_taken", detail));
    }
    Ok(())
}

/// A name by which nobody is called: this one, or the first with a number that is free.
#[must_use]
pub fn a_free_name(people: &[Person], wanted: &str) -> String {
    let is_taken = |name: &str| people.iter().any(|person| is_called(person, name));
    if !is_taken(wanted) {
        return wanted.to_owned();
    }
    let short: String = wanted.chars().take(MAX_NAME - 5).collect();
    let numbered = (2..).map(|number| format!("{short} {number}"));
    let free = numbered.take(people.len() + 1).find(|name| !is_taken(name));
    free.unwrap_or_else(|| wanted.to_owned())
}

/// The one person who is called this, whatever the case; none where it is nobody, or could be several.
#[must_use]
pub fn named(people: &[Person], name: &str) -> Option<PersonId> {
    let mut found = people.iter().filter(|person| is_called(person, name));
    let first = found.next()?;
    found.next().is_none().then_some(first.id)
}

#[cfg(test)]
pub(crate) mod testing {
    use super::{Person, PersonId};
    use crate::clock::{Clock, SystemClock};

    /// Somebody without a login, known since now.
    pub(crate) fn person(name: &str, aliases: &[&str]) -> Person {
        Person {
            id: PersonId::mint(),
            name: Some(name.to_owned()),
            aliases: aliases.iter().map(|&alias| alias.to_owned()).collect(),
            relationship: None,
            user_id: None,
            created_at: SystemClock.now(),
            updated_at: None,
            forgotten_at: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{testing::person, *};

    #[test]
    fn a_name_names_one_person_or_nobody() {
        let all = [
            person("Ada", &["Mum", "Ärger"]),
            person("Bob", &["Mum", "voice-7"]),
        ];
        assert_eq!(named(&all, " ada "), Some(all[0].id));
        assert_eq!(named(&all, "ÄRGER"), Some(all[0].id));
        assert_eq!(named(&all, "voice-7"), Some(all[1].id));
        assert_eq!(named(&all, "Mum"), None, "it could be either");
        assert_eq!(named(&all, "Eve"), None);
        assert_eq!(a_free_name(&all, "Eve"), "Eve");
        assert_eq!(a_free_name(&all, "mum"), "mum 2");
        assert_eq!(a_free_name(&[person("Ada", &["Ada 2"])], "Ada"), "Ada 3");
        assert_eq!(
            a_free_name(&[person(&"a".repeat(200), &[])], &"a".repeat(200))
                .chars()
                .count(),
            197
        );
        // Both names of one person are the same person.
        let twice = [person("Ada", &["ada"])];
        assert_eq!(named(&twice, "Ada"), Some(twice[0].id));
    }
}
