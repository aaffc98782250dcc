//! What somebody says to the agent over REST, and what they find that it remembers.

use serde_json::{Value, json};

use crate::Client;

impl Client {
    /// Says something; nobody has thought about it yet. The event's id.
    pub async fn says(&self, text: &str) -> String {
        let said = json!({"content": [{"type": "text", "text": text}]});
        let sent = self.post("messages", said).await.expect(202);
        sent.text("/event_id").to_owned()
    }

    /// The newest memory that holds this, as they see it.
    pub async fn memory(&self, text: &str) -> Option<Value> {
        let memories = self.get("memories?limit=200").await.expect(200);
        let mut all = memories.items().iter();
        let found = all.find(|memory| memory["content"].as_str().is_some_and(|it| it.contains(text)));
        found.cloned()
    }
}
