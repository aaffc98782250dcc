//! What people call devices and spaces.

use std::collections::HashMap;

use serde::Deserialize;
use uuid::Uuid;

use super::{Call, Client, Failure};
use crate::{commands::terminal::one_line, page::Page};

/// Names by id.
#[derive(Debug, Default)]
pub struct Names(HashMap<Uuid, String>);

#[derive(Deserialize)]
struct Named {
    id: Uuid,
    name: String,
    /// The space of what happens in no known place: it says nothing.
    #[serde(default)]
    is_elsewhere: bool,
}

impl Names {
    /// Of the devices; none where the person may not see them.
    pub async fn of_devices(client: &Client) -> Result<Self, Failure> {
        Self::read(client, "/v1/agents/self/devices").await
    }

    /// Of the spaces; none where the person may not see them.
    pub async fn of_spaces(client: &Client) -> Result<Self, Failure> {
        Self::read(client, "/v1/agents/self/spaces").await
    }

    /// The name of one.
    #[must_use]
    pub fn get(&self, id: Uuid) -> Option<&str> {
        self.0.get(&id).map(String::as_str)
    }

    /// The one that people call this, in any case.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<(Uuid, String)> {
        let name = one_line(name).to_lowercase();
        self.sorted()
            .into_iter()
            .find(|(_, known)| known.to_lowercase() == name)
    }

    /// The one of the spaces that people call this; else where to see them.
    pub fn space(&self, name: &str) -> Result<Uuid, Failure> {
        self.find(name).map(|(id, _)| id).ok_or_else(|| no_space(name))
    }

    /// All of them, by name.
    #[must_use]
    pub fn sorted(&self) -> Vec<(Uuid, String)> {
        let mut all: Vec<(Uuid, String)> = self.0.iter().map(|(id, name)| (*id, name.clone())).collect();
        all.sort_by(|one, other| one.1.cmp(&other.1));
        all
    }

    async fn read(client: &Client, path: &str) -> Result<Self, Failure> {
        let page: Page<Named> = match client.call_for(&Call::list(path)).await {
            Err(Failure::Refused(_)) => return Ok(Self::default()),
            answer => answer?,
        };
        let named = page.items.into_iter().filter(|named| !named.is_elsewhere);
        Ok(named.map(|named| (named.id, one_line(&named.name))).collect())
    }
}

/// There is none that is called this.
#[must_use]
pub fn no_space(name: &str) -> Failure {
    Failure::Usage(format!("there is no space {}; see hub privacy", one_line(name)))
}

impl FromIterator<(Uuid, String)> for Names {
    fn from_iter<I: IntoIterator<Item = (Uuid, String)>>(names: I) -> Self {
        Self(names.into_iter().collect())
    }
}
