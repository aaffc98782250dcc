//! Bad input of every kind at every operation gets a clear answer and changes nothing. What is sent is made from the API's
//! document, so that an operation that is added later is held to it, too.

mod body;
mod credential;
mod field;
mod header;
mod path;
mod shape;
mod size;
mod undeclared;

use hub::http::{bodies::STRANGERS_BODY, document::OPEN};
use serde_json::Value;
use support::{Answer, Ask, Operation, Snapshot};

use self::field::Field;
use crate::sample::{Good, Sample, ask};

/// One operation with a request that would be carried out, and what the database held before it was spoilt.
struct Case<'a> {
    sample: &'a Sample,
    operation: &'a Operation,
    good: Good,
    before: Snapshot,
}

impl<'a> Case<'a> {
    async fn of(sample: &'a Sample, operation: &'a Operation) -> Self {
        let good = sample.good(operation).await;
        let before = Snapshot::without_hub_chain(sample.hub.sql()).await;
        Self {
            sample,
            operation,
            good,
            before,
        }
    }

    fn ask(&self) -> Ask {
        ask(&self.sample.owner, self.operation, &self.good)
    }

    fn body(&self) -> Value {
        self.good.body.clone().unwrap_or_default()
    }

    async fn with_body(&self, body: &Value) -> Answer {
        self.ask().json(body).send().await
    }

    async fn at(&self, path: &str) -> Answer {
        let good = Good {
            path: path.to_owned(),
            ..self.good.clone()
        };
        ask(&self.sample.owner, self.operation, &good).send().await
    }

    /// After all that was wrong, nothing has changed, and the good request is carried out.
    async fn ends(self) {
        let after = Snapshot::without_hub_chain(self.sample.hub.sql()).await;
        let changed = after.changed_since(&self.before);
        assert!(
            changed.is_empty(),
            "bad input of {} changed {changed:?}",
            self.operation.id
        );
        // Signing out ends the credential, so that each needs one of its own.
        let client = if self.operation.id.starts_with("sign_out") {
            self.sample.rest.user(&self.sample.ada).await
        } else {
            self.sample.owner.clone()
        };
        let answer = ask(&client, self.operation, &self.good).send().await;
        if self.operation.id == "leave_agent" {
            let _ = answer.refuses(409, "owner_protected");
            return;
        }
        assert!(answer.status.is_success(), "{}", answer.told());
    }

    /// Every field that the body can have: its pointer and its schema.
    fn fields(&self) -> Vec<Field> {
        let mut found = Vec::new();
        let schema = self.operation.body.clone().unwrap_or_default();
        self.collect(&schema, "", &mut found);
        for field in &found {
            let id = &self.operation.id;
            assert!(
                self.body().pointer(&field.pointer).is_some(),
                "the sample of {id} lacks {}",
                field.pointer
            );
        }
        found
    }

    fn collect(&self, schema: &Value, above: &str, found: &mut Vec<Field>) {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for (name, raw) in schema["properties"].as_object().into_iter().flatten() {
            let schema = self.sample.api.resolve(raw);
            let pointer = format!("{above}/{name}");
            let is_required = required.iter().any(|one| one == name);
            if schema["type"] == "array" {
                let item = self.sample.api.resolve(&schema["items"]);
                self.collect(&item, &format!("{pointer}/0"), found);
            }
            found.push(Field {
                pointer,
                schema,
                is_required,
            });
        }
    }
}

fn with_bodies(sample: &Sample) -> impl Iterator<Item = &Operation> {
    sample
        .api
        .operations
        .iter()
        .filter(|operation| operation.body.is_some())
}

/// Bytes of an operation's body at most.
fn body_limit(sample: &Sample, operation: &Operation) -> usize {
    if OPEN.contains(&operation.id.as_str()) {
        STRANGERS_BODY
    } else {
        sample.hub.config.http.max_body_bytes
    }
}
