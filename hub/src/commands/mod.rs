//! What the `hub` binary can be told to do, one file or folder per command.

pub mod address;
pub mod approve;
pub mod audit;
pub mod banner;
pub mod bootstrap;
pub mod claim_code;
pub mod consent;
mod database;
pub mod delegations;
mod descriptors;
mod device_state;
pub mod devices;
pub mod doctor;
pub mod forget;
pub mod health;
pub mod inbox;
pub mod invite;
pub mod join;
mod known;
pub mod login;
pub mod logout;
pub mod members;
pub mod migrate;
pub mod openapi;
pub mod pair;
pub mod password;
pub mod people;
#[cfg(test)]
mod people_tests;
pub mod presence;
pub mod prints;
pub mod privacy;
pub mod recall;
pub mod recognise;
pub mod reject;
pub mod remote;
pub mod resolve;
pub mod satellite;
pub mod say;
pub mod serve;
pub mod share;
pub mod start;
pub mod store;
pub mod terminal;
pub mod token;
pub mod tokens;
pub mod worker;

use std::io::Write;

/// Writes a line to standard output. A reader that has gone is no error.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
