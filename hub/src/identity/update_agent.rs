//! Changing an agent's settings.

use serde_json::json;

use crate::{
    audit::record::Record,
    error::Result,
    events::{EventKind, NewEvent, Place},
    storage::Tx,
    turns::WhenModelDown,
};

/// What is to change; none leaves it.
#[derive(Debug, Default)]
pub struct AgentChange {
    /// What happens to its turns while its model is away.
    pub when_model_down: Option<WhenModelDown>,
}

/// Changes the settings of the unit of work's agent. What changes nothing leaves nothing behind.
pub async fn update_agent(tx: &mut Tx, change: &AgentChange) -> Result<()> {
    let Some(choice) = change.when_model_down else {
        return Ok(());
    };
    tx.identity().choose_when_model_down(choice).await?;
    let place = Place::in_space(tx.places().elsewhere().await?);
    let agent = tx.agent();
    let said = json!({"agent_id": agent, "when_model_down": choice});
    tx.append(NewEvent::by_hub(EventKind::AgentChanged, place, said));
    tx.record(
        Record::of("update_agent")
            .on("agent", agent.0)
            .with("when_model_down", choice.as_str()),
    );
    Ok(())
}
