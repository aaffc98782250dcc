//! People and spaces by name, and how it is told by what somebody is known and when: what the commands about recognition share.

use chrono::Local;

use super::{
    people,
    remote::{Call, Client, Failure, MAX_PAGES, Names, short_ids},
    terminal::one_line,
};
use crate::{
    clock::DateTime,
    ids::{PersonId, SpaceId},
    page::Page,
    people::Person,
    places::Space,
    recognition::Modality,
};

/// Whom and what the agent knows; none where the caller may not see them.
#[derive(Debug, Default)]
pub(super) struct Known {
    people: Vec<Person>,
    spaces: Names,
}

impl Known {
    pub(super) async fn of(client: &Client) -> Result<Self, Failure> {
        let people = match client.pages::<Person>(&Call::list(people::PATH), MAX_PAGES).await {
            Err(Failure::Refused(_)) => Vec::new(),
            read => read?.items,
        };
        let spaces = match client
            .call_for::<Page<Space>>(&Call::list("/v1/agents/self/spaces"))
            .await
        {
            Err(Failure::Refused(_)) => Vec::new(),
            read => read?.items,
        };
        Ok(Self::from(people, &spaces))
    }

    pub(super) fn from(people: Vec<Person>, spaces: &[Space]) -> Self {
        // What the hub calls that one is nothing that anybody says.
        let name = |space: &Space| {
            if space.is_elsewhere {
                "elsewhere".to_owned()
            } else {
                format!("in {}", one_line(&space.name))
            }
        };
        let spaces = spaces.iter().map(|space| (space.id.0, name(space)));
        Self {
            people,
            spaces: spaces.collect(),
        }
    }

    /// What somebody is called; of two who are called the same, with their id.
    pub(super) fn person(&self, id: PersonId) -> String {
        let name = |person: &Person| person.name.as_deref().map(one_line);
        let Some(found) = self.find(id).and_then(name) else {
            return format!("somebody ({})", self.short(id));
        };
        let is_same = |other: &String| other.to_lowercase() == found.to_lowercase();
        if self.people.iter().filter_map(name).filter(is_same).count() > 1 {
            format!("{found} ({})", self.short(id))
        } else {
            found
        }
    }

    /// What the agent knows of somebody.
    pub(super) fn find(&self, id: PersonId) -> Option<&Person> {
        self.people.iter().find(|person| person.id == id)
    }

    /// By what somebody may be meant: their names, and the id that `hub people` shows.
    pub(super) fn names(&self, id: PersonId) -> Vec<String> {
        let found = self.find(id);
        let names = found
            .iter()
            .flat_map(|person| person.name.iter().chain(&person.aliases));
        let names = names.map(|name| one_line(name));
        names.chain([self.short(id), id.to_string()]).collect()
    }

    /// Where something is, such as `in kitchen`.
    pub(super) fn space(&self, id: SpaceId) -> String {
        let name = self.spaces.get(id.0).map(str::to_owned);
        name.unwrap_or_else(|| format!("in a space ({})", short_ids(&[id.0]).concat()))
    }

    fn short(&self, id: PersonId) -> String {
        let ids: Vec<uuid::Uuid> = self.people.iter().map(|person| person.id.0).collect();
        let at = self.people.iter().position(|person| person.id == id);
        at.map_or_else(|| short_ids(&[id.0]).concat(), |at| short_ids(&ids)[at].clone())
    }
}

/// What a worker did to know them.
pub(super) const fn sensed(by: Modality) -> &'static str {
    match by {
        Modality::Voice => "heard",
        Modality::Face => "seen",
    }
}

/// When something was, as a clock on the wall here shows it; with its day where that is another one.
pub(super) fn clock(at: DateTime, day: DateTime) -> String {
    let (at, day) = (at.with_timezone(&Local), day.with_timezone(&Local));
    let format = if at.date_naive() == day.date_naive() {
        "%H:%M"
    } else {
        "%F %H:%M"
    };
    at.format(format).to_string()
}

#[cfg(test)]
pub(super) mod testing {
    use super::Known;
    use crate::{
        ids::{PersonId, SpaceId},
        people::{self, Person},
    };

    pub(in crate::commands) const NORA: &str = "0198aaaa-0000-7000-8000-000001abcdef";
    pub(in crate::commands) const MAX: &str = "0198aaaa-0000-7000-8000-000002abcdef";
    pub(in crate::commands) const KITCHEN: &str = "0198aaaa-0000-7000-8000-0000000000aa";

    /// A household with Nora, who is also called voice-7, with Max, and with a kitchen.
    pub(in crate::commands) fn known() -> Known {
        let person = |id: &str, name: &str, aliases: &[&str]| Person {
            id: PersonId(id.parse().unwrap()),
            ..people::testing::person(name, aliases)
        };
        let kitchen: SpaceId = SpaceId(KITCHEN.parse().unwrap());
        Known {
            people: vec![
                person(NORA, "Nora", &["voice-7"]),
                person(MAX, "Max\n3f9a1c", &[]),
            ],
            spaces: [(kitchen.0, "in kitchen".to_owned())].into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{Duration, TimeZone, Utc};

    use super::{
        testing::{KITCHEN, NORA, known},
        *,
    };
    use crate::people;

    #[test]
    fn somebody_is_called_by_name_and_of_two_by_id_too() {
        let mut known = known();
        let nora = PersonId(NORA.parse().unwrap());
        assert_eq!(known.person(nora), "Nora");
        assert_eq!(known.names(nora)[..3], ["Nora", "voice-7", "1abcdef"]);
        let other = people::testing::person("nora", &[]);
        known.people.push(other);
        assert!(known.person(nora).starts_with("Nora ("), "{}", known.person(nora));
        let nobody = known.person(PersonId::mint());
        assert!(nobody.starts_with("somebody ("), "{nobody}");
        let kitchen = SpaceId(KITCHEN.parse().unwrap());
        assert_eq!(known.space(kitchen), "in kitchen");
        assert!(known.space(SpaceId::mint()).starts_with("in a space ("));
    }

    #[test]
    fn a_time_of_another_day_is_told_with_it() {
        let noon = Utc.with_ymd_and_hms(2026, 3, 4, 12, 0, 0).unwrap();
        assert_eq!(clock(noon, noon).len(), "12:00".len());
        assert_eq!(
            clock(noon - Duration::days(2), noon).len(),
            "2026-03-02 12:00".len()
        );
    }
}
