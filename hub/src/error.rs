//! The one error of every operation. It knows nothing of HTTP: `http::problem` and `satellite` say it in their own words.

use std::{borrow::Cow, time::Duration};

/// One step of a JSON pointer (RFC 6901).
#[must_use]
pub fn step(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The result of every operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, named for what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The credential is missing, malformed, expired or revoked: get a new one.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// The caller may see the thing but not do this to it: ask for the scope.
    #[error("this needs the scope {scope}")]
    Forbidden {
        /// The scope that is missing.
        scope: &'static str,
    },
    /// There is no such thing, or the caller may not know of it.
    #[error("there is no such {what}")]
    NotFound {
        /// The kind of thing, in the design's words.
        what: &'static str,
    },
    /// The input is not of the form it claims: not JSON, another content type.
    #[error("{0}")]
    Malformed(String),
    /// The input is wrong: correct the named fields.
    #[error("the input is not valid")]
    Invalid(Vec<FieldError>),
    /// The thing's present state does not allow this: look again.
    #[error("{detail}")]
    Conflict {
        /// A stable word for programs.
        code: &'static str,
        /// What is in the way, for people.
        detail: Cow<'static, str>,
    },
    /// The thing has changed since the caller read it: read it again, and change that.
    #[error("it is at version {version} now: read it again, and change that")]
    Outdated {
        /// What it is at.
        version: i64,
    },
    /// The input is larger than the bound.
    #[error("the input is larger than {limit} bytes")]
    TooLarge {
        /// The bound in bytes.
        limit: usize,
    },
    /// The caller did not finish saying it: say it again, faster.
    #[error("{what} did not arrive within {} s: send it again", limit.as_secs_f32())]
    Late {
        /// What was waited for.
        what: &'static str,
        /// How long.
        limit: Duration,
    },
    /// Too many tries: wait.
    #[error("too many tries: wait {} s", retry_after.as_secs_f64().ceil())]
    Throttled {
        /// How long to wait.
        retry_after: Duration,
    },
    /// There is room for so many, and all is taken: come again.
    #[error("{what} is not free now: come again in {} s", retry_after.as_secs_f64().ceil())]
    Full {
        /// What is taken.
        what: &'static str,
        /// When to come again.
        retry_after: Duration,
    },
    /// Something the hub needs is away: try again.
    #[error("{what} is not reachable")]
    Unavailable {
        /// What is away.
        what: &'static str,
        /// Why, for the log.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// A defect or a broken invariant: report it with the request id.
    #[error("internal error: {0}")]
    Internal(
        Cow<'static, str>,
        #[source] Option<Box<dyn std::error::Error + Send + Sync>>,
    ),
}

/// One bad field.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the body, or `?name` for a query parameter.
    #[schema(example = "/content/0/text")]
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

impl Error {
    /// One bad field.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError {
            pointer: pointer.into(),
            detail: detail.into(),
        }])
    }

    /// A state that does not allow the operation.
    pub fn conflict(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Conflict {
            code,
            detail: detail.into(),
        }
    }

    /// A broken invariant.
    pub fn internal(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Internal(what.into(), None)
    }

    /// A broken invariant with its cause.
    pub fn because(
        what: impl Into<Cow<'static, str>>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Internal(what.into(), Some(source.into()))
    }

    /// Whether trying the same again later may succeed without anyone changing anything.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. } | Self::Throttled { .. } | Self::Full { .. }
        )
    }

    /// The whole [`chain`] of causes on one line, for the log. Of what is wrong with an input it says only which kind of thing: details
    /// quote what somebody said, and pointers name fields that they made up. Both are in the answer, and forgetting reaches no log.
    #[must_use]
    pub fn chain(&self) -> String {
        match self {
            Self::Malformed(_) => "the input is malformed".to_owned(),
            Self::Invalid(fields) => format!("the input is not valid: {} wrong", fields.len()),
            Self::Conflict { code, .. } => format!("conflict: {code}"),
            other => chain(other),
        }
    }

    /// The same with all of it: for who is at the machine, and where nobody but the hub has said anything.
    #[must_use]
    pub fn in_full(&self) -> String {
        let mut text = chain(self);
        if let Self::Invalid(fields) = self {
            for field in fields {
                text.extend([": ", &field.pointer, " ", &field.detail]);
            }
        }
        text
    }
}

/// An error with all its causes. A cause that says only what was said before it is passed over.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text.extend([": ", &said]);
        }
        cause = next.source();
    }
    text
}

/// The innermost cause, where the outer ones only say what was tried.
#[must_use]
pub fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// As of a library that repeats its cause in its own words.
    #[derive(Debug, thiserror::Error)]
    #[error("not done: {0}")]
    struct Repeating(#[source] io::Error);

    #[test]
    fn a_chain_says_each_cause_once() {
        let source = Repeating(io::ErrorKind::ConnectionRefused.into());
        let error = Error::Unavailable {
            what: "the database",
            source: Some(source.into()),
        };
        assert_eq!(
            error.chain(),
            "the database is not reachable: not done: connection refused"
        );
        assert_eq!(root(&error), "connection refused");
    }
}
