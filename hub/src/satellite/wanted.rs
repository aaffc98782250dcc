//! Reading what somebody wants to be told of. Without I/O.

use super::protocol::{self, ClientId, ErrorCode, FieldError, HubFrame, Rejected, Subject, Subscribe};
use crate::{
    events::{
        cursor::Cursor,
        topic::{MAX_TOPICS, Topics},
    },
    ids::AgentId,
};

/// What the welcome promises is what holds.
const _: () = assert!(
    protocol::MAX_TOPICS as usize == MAX_TOPICS,
    "one bound has two values"
);

/// A subscription that can be read.
#[derive(Debug)]
pub struct Wanted {
    /// Its name.
    pub name: ClientId,
    /// The agent, if one is named.
    pub agent: Option<AgentId>,
    /// Which events.
    pub topics: Topics,
    /// After which place, if one is named.
    pub after: Option<Cursor>,
}

impl Wanted {
    /// Reads it; what cannot be read is refused by its name.
    pub fn read(asked: Subscribe) -> Result<Self, Box<HubFrame>> {
        let Subscribe {
            subscription: name,
            agent_id,
            topics,
            cursor,
        } = asked;
        let refused = |pointer: String, detail: &str| {
            Box::new(HubFrame::Rejected(Rejected {
                subject: Subject::Subscription {
                    subscription: name.clone(),
                },
                code: ErrorCode::Invalid,
                detail: "a field is missing or wrong".to_owned(),
                errors: vec![FieldError {
                    pointer,
                    detail: detail.to_owned(),
                }],
            }))
        };
        let topics = Topics::parse(topics.iter().map(String::as_str)).map_err(|(index, wrong)| {
            let pointer = index.map_or_else(|| "/topics".to_owned(), |index| format!("/topics/{index}"));
            refused(pointer, wrong)
        })?;
        let read = |text: &String| {
            Cursor::parse(text).ok_or_else(|| refused("/cursor".to_owned(), "must look like 1:42"))
        };
        let after = cursor.as_ref().map(read).transpose()?;
        Ok(Self {
            name,
            agent: agent_id.map(AgentId),
            topics,
            after,
        })
    }
}
