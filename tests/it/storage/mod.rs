//! The laws of the tables: tenants and people kept apart, one dense log an agent, one effect a key.

mod harness;
