//! What most commands do: ask the hub, and show the curl command, the JSON or the words.

use std::process::ExitCode;

use serde::{
    Serialize,
    de::{DeserializeOwned, IgnoredAny},
};

use super::{Call, Failure, Remote};
use crate::page::Page;

/// Pages of a list that are read at most: thousands of things, for what ended stays in the lists for a while.
pub const MAX_PAGES: usize = 20;

impl Remote {
    /// What the hub answers; none where that, or with `--curl` the request, was shown instead.
    pub async fn ask<T: DeserializeOwned>(&mut self, call: &Call) -> Result<Option<T>, Failure> {
        if self.is_curl() {
            self.show_curl(call)?;
            return Ok(None);
        }
        let answer = self.client.call(call).await?;
        if !self.is_json() {
            return Ok(Some(self.client.read(&answer)?));
        }
        // No content is no JSON.
        if !answer.is_null() {
            self.show_json(&answer)?;
        }
        Ok(None)
    }

    /// All of a list; none where that, or with `--curl` the request for the first page, was shown instead.
    pub async fn list<T>(&mut self, list: &Call, most_pages: usize) -> Result<Option<Page<T>>, Failure>
    where
        T: Serialize + DeserializeOwned,
    {
        if self.is_curl() {
            self.show_curl(list)?;
            return Ok(None);
        }
        let all = self.client.pages(list, most_pages).await?;
        if self.is_json() {
            self.show_json(&all)?;
            return Ok(None);
        }
        Ok(Some(all))
    }

    /// Asks the hub for something, and says that it is done.
    pub async fn send(&mut self, call: &Call, done: &str) -> Result<ExitCode, Failure> {
        if self.ask::<IgnoredAny>(call).await?.is_some() {
            self.show(done)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Shows what came of it: whole to programs, in words to people.
    pub fn tell(&mut self, answer: &impl Serialize, words: impl AsRef<str>) -> Result<ExitCode, Failure> {
        if self.is_json() {
            self.show_json(answer)?;
        } else {
            self.show(words)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Whether the person says yes, where there is one to ask; where there is none, what to do is said.
    pub fn agreed(&mut self, question: &str, unasked: &str) -> Result<bool, Failure> {
        if !self.terminal.is_interactive() {
            return Err(Failure::Usage(unasked.to_owned()));
        }
        let typed = self.terminal.ask(&format!("{question} [y/N] "))?;
        Ok(matches!(typed.trim(), "y" | "Y" | "yes"))
    }
}
