//! Memories as a person names them: by the id that `hub recall` shows, or the end of it.

use super::{Call, Client, Failure, MAX_PAGES, pick_from};
use crate::memory::Memory;

/// Where they are.
pub const MEMORIES: &str = "/v1/agents/self/memories";

/// Those that the person may see, newest first.
pub async fn memories(client: &Client) -> Result<Vec<Memory>, Failure> {
    Ok(client.pages(&Call::list(MEMORIES), MAX_PAGES).await?.items)
}

/// The one that was meant.
pub fn pick_memory<'a>(all: &'a [Memory], typed: &str) -> Result<&'a Memory, Failure> {
    let see = "find the memory: hub recall WHAT IT SAYS";
    pick_from(all, |memory| memory.id.0, typed, see)
}
