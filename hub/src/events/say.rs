//! A user talks to the agent, in private.

use serde_json::json;

use super::ingest::{Inbound, Outcome, ingest};
use crate::{
    error::{Error, Result},
    events::payload::{MAX_TEXT, check_text},
    hub::Hub,
    identity::{Caller, Principal, Scope, personal_token::told_unread},
    sessions::find::Talk,
    turns::Block,
};

/// Blocks of a message at most.
const MAX_BLOCKS: usize = 20;

/// Puts a message into the user's direct conversation.
pub async fn say(hub: &Hub, caller: &Caller, content: &[Block], client_id: String) -> Result<Outcome> {
    check(content)?;
    if let Principal::User {
        within: Some(scopes),
        role,
        ..
    } = &caller.principal
        && told_unread(scopes, *role).is_some()
    {
        // Its user may be more than they were when it was made.
        let scope = Scope::MemoriesRead.as_str();
        return Err(Error::Forbidden { scope });
    }
    let mut tx = hub.db.begin(caller.tx_scope(), caller.actor()).await?;
    let space = tx.places().elsewhere().await?;
    drop(tx);
    let talk = Talk::Direct {
        space,
        audience: caller.person(),
        delegation: caller.root_delegation(),
    };
    let payload = json!({"content": content});
    let event_type = "message.user".to_owned();
    let item = Inbound {
        client_id,
        event_type,
        payload,
        occurred_at: None,
    };
    let mut outcomes = ingest(hub, caller, talk, vec![item]).await?;
    outcomes
        .pop()
        .ok_or_else(|| Error::internal("a message without an outcome"))
}

fn check(content: &[Block]) -> Result<()> {
    if content.is_empty() || content.len() > MAX_BLOCKS {
        return Err(Error::invalid(
            "/content",
            format!("must hold 1 to {MAX_BLOCKS} blocks"),
        ));
    }
    for (index, Block::Text { text }) in content.iter().enumerate() {
        check_text(text, MAX_TEXT)
            .map_err(|detail| Error::invalid(format!("/content/{index}/text"), detail))?;
    }
    Ok(())
}
