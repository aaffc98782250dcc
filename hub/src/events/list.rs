//! Reading the log.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Event, cursor::Cursor};
use crate::{
    error::{Error, Result},
    storage::{EventFilter, Tx},
};

/// A part of the log.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct EventPage {
    /// In order.
    pub items: Vec<Event>,
    /// Pass as `after` to read on. Present even at the end: what comes later comes after it.
    #[schema(example = "1:42")]
    pub next_cursor: String,
    /// Whether there is more now.
    pub has_more: bool,
}

/// Reads the log after a cursor.
pub async fn list(tx: &mut Tx, after: Option<&str>, mut filter: EventFilter) -> Result<EventPage> {
    let end = tx.events().end().await?;
    filter.after = after.map_or(Ok(0), |cursor| place(cursor, end))?;
    let most = usize::try_from(filter.most).unwrap_or(usize::MAX);
    filter.most += 1;
    let mut items = tx.events().list(&filter).await?;
    let has_more = items.len() > most;
    items.truncate(most);
    let mut last = 0;
    // What was committed in an earlier epoch has its place in this one, where the stream gives it out too.
    for item in &mut items {
        if let Some(cursor) = Cursor::parse(&item.cursor) {
            last = cursor.position;
            item.cursor = Cursor {
                epoch: end.epoch,
                ..cursor
            }
            .to_string();
        }
    }
    // Beyond the last item nothing that this caller may see was committed up to the end read first.
    let position = if has_more { last } else { last.max(end.position) };
    Ok(EventPage {
        items,
        next_cursor: Cursor { position, ..end }.to_string(),
        has_more,
    })
}

fn place(cursor: &str, end: Cursor) -> Result<i64> {
    let refused = |detail: &str| Error::invalid("?after", detail);
    let cursor = Cursor::parse(cursor).ok_or_else(|| refused("must look like 1:42"))?;
    if cursor.epoch != end.epoch {
        return Err(refused(
            "is of another epoch: the hub was recovered, read anew from the start",
        ));
    }
    if !cursor.is_in(end) {
        return Err(refused("is beyond the end of the log"));
    }
    Ok(cursor.position)
}
