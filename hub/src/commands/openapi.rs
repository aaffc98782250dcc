//! `hub openapi`: the documents of this program's REST and of its satellite channel.

use std::process::ExitCode;

use super::start::StartError;
use crate::{error::Error, http, satellite::document};

/// Prints the OpenAPI 3.1 document of the REST interface.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hub openapi > openapi/openapi.json
  hub openapi --satellite > openapi/satellite.asyncapi.yaml")]
pub struct Args {
    /// Print the AsyncAPI 3 document of the satellite channel instead, as YAML
    #[arg(long)]
    satellite: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode, StartError> {
    super::say(&if args.satellite { satellite()? } else { text()? });
    Ok(ExitCode::SUCCESS)
}

/// The document of the satellite channel as it is committed.
pub fn satellite() -> Result<String, Error> {
    serde_saphyr::to_string(&document::document())
        .map_err(|error| Error::because("the document cannot be written", error))
}

/// The document as it is committed.
pub fn text() -> Result<String, Error> {
    http::document()
        .to_pretty_json()
        .map_err(|error| Error::because("the document cannot be written", error))
}
