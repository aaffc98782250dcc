//! What can go wrong between a person's command and the hub, said so that the person knows what to do.

use std::{fmt, io, process::ExitCode, time::Duration};

use serde::Deserialize;
use serde_json::Value;

use super::{BaseUrl, SignInFileError};
use crate::{error::FieldError, tls::TrustProblem};

/// The hub refused.
const REFUSED: u8 = 1;
/// It was not asked, or did not answer.
const NOT_ASKED: u8 = 2;

/// Why a command did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no stored sign-in.
    #[error("nobody is signed in\n  run: hub login")]
    NotSignedIn,
    /// The refresh token is no longer good.
    #[error("the sign-in of {name} has ended\n  run: hub login")]
    SignInEnded {
        /// Who was signed in.
        name: String,
    },
    /// The tokens are of another hub.
    #[error("{name} is signed in at {stored}, not at {asked}\n  run: hub login --url {asked}")]
    OtherHub {
        /// Who is signed in.
        name: String,
        /// Where.
        stored: BaseUrl,
        /// Where the command should go.
        asked: BaseUrl,
    },
    /// The stored sign-in cannot be used.
    #[error(transparent)]
    SignInFile(#[from] SignInFileError),
    /// Nobody listens.
    #[error("cannot reach the hub at {url}: {detail}\n  {}", unreachable_hint(url))]
    Unreachable {
        /// Where it should be.
        url: BaseUrl,
        /// What the system said.
        detail: String,
    },
    /// Somebody listens whose certificate is not good.
    #[error("cannot trust the hub at {url}: {detail}")]
    Untrusted {
        /// Where it should be.
        url: BaseUrl,
        /// Why, and what to do.
        detail: String,
    },
    /// Nobody can be trusted.
    #[error(transparent)]
    Trust(#[from] TrustProblem),
    /// It took too long.
    #[error("the hub at {url} did not answer within {} s; what was asked may still be done", waited.as_secs())]
    Late {
        /// Where it is.
        url: BaseUrl,
        /// How long was waited.
        waited: Duration,
    },
    /// The connection broke.
    #[error("the connection to {url} broke: {detail}; what was asked may still be done")]
    Broken {
        /// Where it is.
        url: BaseUrl,
        /// What the system said.
        detail: String,
    },
    /// What answers is not the hub, or another version of it.
    #[error("what answers at {url} does not speak like this hub: {detail}")]
    Strange {
        /// Where it is.
        url: BaseUrl,
        /// What was unexpected.
        detail: String,
    },
    /// The hub said no.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// The command makes no sense as it was given.
    #[error("{0}")]
    Usage(String),
    /// The terminal or a file refuses.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// The answer cannot be shown.
    #[error("cannot print: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// The same with what to do, where the hub refused for this reason.
    #[must_use]
    pub fn advised(mut self, code: &str, advice: &str) -> Self {
        if let Self::Refused(problem) = &mut self
            && problem.code == code
        {
            problem.advice = Some(advice.to_owned());
        }
        self
    }

    /// The code to exit with.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Refused(_) => REFUSED,
            _ => NOT_ASKED,
        })
    }
}

fn unreachable_hint(url: &BaseUrl) -> &'static str {
    if url.is_this_machine() {
        "is the hub running? start it with: scripts/run"
    } else {
        "is the address right, and can this machine reach it?"
    }
}

/// A refusal as the hub tells it (RFC 9457). What is missing is left out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The kind of problem, for people.
    pub title: String,
    /// This problem, for people.
    pub detail: Option<String>,
    /// The kind of problem, for programs.
    pub code: String,
    /// The request, for who reads the log.
    pub request_id: Option<String>,
    /// The fields that are wrong.
    pub errors: Vec<FieldError>,
    /// After how many seconds to try again.
    #[serde(skip)]
    pub retry_after_s: Option<u64>,
    /// What to do, where the command that asked knows.
    #[serde(skip)]
    pub advice: Option<String>,
    /// All of it, for programs.
    #[serde(skip)]
    pub raw: Value,
}

impl Problem {
    fn hint(&self) -> Option<String> {
        if self.advice.is_some() {
            return self.advice.clone();
        }
        let again = self
            .retry_after_s
            .map(|seconds| format!("try again in {seconds} s"));
        let hint = match (self.status, self.code.as_str()) {
            (409, "agent_claimed") => "if you are its owner, run: hub login --name NAME",
            (409, "wrong_state" | "expired" | "arguments_changed") => "look again: hub inbox --all",
            (403, _) => "an owner or admin of the agent may, or may let you",
            (500.., _) if self.retry_after_s.is_none() => "the log of the hub says more of this request",
            _ => return again,
        };
        Some(hint.to_owned())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The title only repeats the status in words: what happened comes first.
        f.write_str(self.detail.as_ref().unwrap_or(&self.title))?;
        for FieldError { pointer, detail } in &self.errors {
            write!(f, "\n  {pointer} {detail}")?;
        }
        if self.detail.is_some() {
            write!(f, "\n  {} {}", self.status, self.title)?;
        }
        if let Some(id) = &self.request_id {
            write!(f, "\n  request id: {id}")?;
        }
        self.hint().map_or(Ok(()), |hint| write!(f, "\n  {hint}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_problem_names_the_fields_the_request_and_what_to_do() {
        let problem: Problem = serde_json::from_value(json!({
            "type": "about:blank", "title": "Invalid input", "status": 422, "code": "invalid",
            "detail": "the input is not valid", "request_id": "r-1",
            "errors": [{"pointer": "/password", "detail": "is too short"}],
        }))
        .unwrap();
        assert_eq!(
            problem.to_string(),
            "the input is not valid\n  /password is too short\n  422 Invalid input\n  request id: r-1"
        );
    }

    #[test]
    fn a_problem_with_little_in_it_still_reads_well() {
        let problem: Problem = serde_json::from_value(json!({"title": "Too many tries"})).unwrap();
        let problem = Problem {
            status: 429,
            retry_after_s: Some(7),
            ..problem
        };
        assert_eq!(problem.to_string(), "Too many tries\n  try again in 7 s");
    }

    #[test]
    fn what_to_do_is_said_where_the_reason_is_that_one() {
        let refused = || {
            let problem =
                json!({"title": "Conflict", "code": "no_consent", "detail": "they have not allowed that"});
            Failure::Refused(serde_json::from_value(problem).unwrap())
        };
        let told = refused()
            .advised("no_consent", "allow it first")
            .advised("too_many", "no");
        assert_eq!(
            told.to_string(),
            "they have not allowed that\n  0 Conflict\n  allow it first"
        );
        assert!(!refused().advised("too_many", "no").to_string().contains("no\n"));
    }

    #[test]
    fn a_hub_that_is_away_on_this_machine_can_be_started() {
        let away = |url: &str| {
            let detail = "refused".to_owned();
            let url = url.parse().unwrap();
            Failure::Unreachable { url, detail }.to_string()
        };
        assert!(away("http://127.0.0.1:8080").ends_with("start it with: scripts/run"));
        assert!(!away("http://hub.example").contains("scripts/run"));
    }
}
