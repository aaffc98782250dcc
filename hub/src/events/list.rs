//! Reading the log.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Event;
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
    let (epoch, position) = tx.events().head().await?;
    filter.after = after
        .map(|cursor| parse_cursor(cursor, epoch))
        .transpose()?
        .unwrap_or(0);
    if filter.after > position {
        return Err(Error::invalid("?after", "is beyond the end of the log"));
    }
    let most = usize::try_from(filter.most).unwrap_or(usize::MAX);
    filter.most += 1;
    let mut items = tx.events().list(&filter).await?;
    let has_more = items.len() > most;
    items.truncate(most);
    // Beyond the last item nothing that this caller may see was committed up to the head read first.
    let end = || format!("{epoch}:{position}");
    let next_cursor = match items.last() {
        Some(last) if has_more => last.cursor.clone(),
        Some(last) => later(&last.cursor, &end()),
        None => end(),
    };
    Ok(EventPage {
        items,
        next_cursor,
        has_more,
    })
}

/// Reads `epoch:position`.
pub fn parse_cursor(cursor: &str, epoch: i32) -> Result<i64> {
    let parsed = cursor
        .split_once(':')
        .and_then(|(e, p)| Some((e.parse::<i32>().ok()?, p.parse::<i64>().ok()?)));
    match parsed {
        Some((of, position)) if of == epoch && position >= 0 => Ok(position),
        Some(_) => Err(Error::invalid(
            "?after",
            "is of another epoch: the hub was recovered, read anew from the start",
        )),
        None => Err(Error::invalid("?after", "must look like 1:42")),
    }
}

fn later(a: &str, b: &str) -> String {
    let position = |cursor: &str| {
        cursor
            .split_once(':')
            .and_then(|(_, p)| p.parse::<i64>().ok())
            .unwrap_or(0)
    };
    if position(a) >= position(b) {
        a.to_owned()
    } else {
        b.to_owned()
    }
}
