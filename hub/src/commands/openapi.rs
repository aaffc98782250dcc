//! `hub openapi`: the OpenAPI document of this program.

use std::process::ExitCode;

use super::start::StartError;
use crate::{error::Error, http::document};

/// Prints the OpenAPI 3.1 document.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hub openapi > openapi/openapi.json")]
pub struct Args {}

/// Runs the command.
pub fn run(_: &Args) -> Result<ExitCode, StartError> {
    super::say(&text()?);
    Ok(ExitCode::SUCCESS)
}

/// The document as it is committed.
pub fn text() -> Result<String, Error> {
    document()
        .to_pretty_json()
        .map_err(|error| Error::because("the document cannot be written", error))
}
