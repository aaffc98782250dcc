//! The laws of the tables: tenants and people kept apart, one dense log an agent, one effect a key.

mod audience;
mod catalogue;
mod embeddings;
mod guard;
mod idempotency;
mod log;
mod privileges;
mod schema;
mod scope;
mod upgrade;
