//! Rules that hold for everything there is: they are read from the API's document and from the source, so that what is
//! added later is held to them, too.

mod audit;
mod channel;
mod config;
mod document;
mod functions;
mod imports;
pub(crate) mod metrics;
mod migrations;
mod page;
mod permissions;
mod sinks;
mod source;
mod tenancy;
