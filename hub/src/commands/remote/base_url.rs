//! Where the hub is.

use std::{fmt, net::SocketAddr, str::FromStr};

use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::commands::address;

/// An address of a hub, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BaseUrl(Box<Url>);

/// An address that is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlProblem {
    /// It cannot be read, or is of another kind.
    #[error("a hub's address looks like https://hub.example.com or http://127.0.0.1:8080")]
    NotHttp,
    /// More than an address.
    #[error("a hub's address has no user, password, query or fragment")]
    TooMuch,
}

impl BaseUrl {
    /// The hub that listens there.
    #[must_use]
    pub fn of(address: SocketAddr) -> Self {
        let url = format!("http://{address}").parse();
        url.expect("a socket's address makes an address of a hub")
    }

    /// The address of a resource: a path that begins with a slash, and what is asked of it.
    #[must_use]
    pub fn join(&self, path: &str, query: &[(&'static str, String)]) -> Url {
        let mut url = Url::clone(&self.0);
        url.set_path(&format!("{}{path}", self.0.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Whether what is sent is encrypted.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether nobody on the way can read what is sent: it is encrypted, or never leaves this machine.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.is_https() || self.is_this_machine()
    }

    /// Whether what is sent stays on this machine.
    #[must_use]
    pub fn is_this_machine(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        host == "localhost"
            || host
                .trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback())
    }
}

impl Default for BaseUrl {
    /// Where a hub on this machine listens, unless told otherwise.
    fn default() -> Self {
        Self::of(address::DEFAULT)
    }
}

impl FromStr for BaseUrl {
    type Err = UrlProblem;

    fn from_str(text: &str) -> Result<Self, UrlProblem> {
        let url = Url::parse(text).map_err(|_| UrlProblem::NotHttp)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UrlProblem::NotHttp);
        }
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.query().is_some() || url.fragment().is_some() {
            return Err(UrlProblem::TooMuch);
        }
        Ok(Self(Box::new(url)))
    }
}

impl TryFrom<String> for BaseUrl {
    type Error = UrlProblem;

    fn try_from(text: String) -> Result<Self, UrlProblem> {
        text.parse()
    }
}

impl From<BaseUrl> for String {
    fn from(url: BaseUrl) -> Self {
        url.to_string()
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_would_not_work_are_refused_with_the_reason() {
        for (text, problem) in [
            ("127.0.0.1:8080", UrlProblem::NotHttp),
            ("localhost:8080", UrlProblem::NotHttp),
            ("ftp://hub", UrlProblem::NotHttp),
            ("https://ada@hub.example", UrlProblem::TooMuch),
            ("http://ada:secret@hub", UrlProblem::TooMuch),
            ("http://hub/?a=b", UrlProblem::TooMuch),
        ] {
            assert_eq!(text.parse::<BaseUrl>(), Err(problem), "{text}");
        }
    }

    #[test]
    fn paths_and_queries_are_joined_and_escaped() {
        let base: BaseUrl = "http://hub:1/under/".parse().unwrap();
        assert_eq!(base.to_string(), "http://hub:1/under");
        let url = base.join("/v1/me", &[("cursor", "a&b".to_owned())]);
        assert_eq!(url.as_str(), "http://hub:1/under/v1/me?cursor=a%26b");
        assert_eq!(
            BaseUrl::default().join("/v1/me", &[]).as_str(),
            "http://127.0.0.1:8080/v1/me"
        );
    }

    #[test]
    fn what_is_encrypted_or_stays_here_is_private() {
        for (text, expected) in [
            ("https://hub.example", true),
            ("http://127.0.0.1:8080", true),
            ("http://hub.example", false),
        ] {
            let url: BaseUrl = text.parse().unwrap();
            assert_eq!(url.is_private(), expected, "{text}");
        }
    }

    #[test]
    fn only_loopback_is_this_machine() {
        for (text, expected) in [
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://localhost", true),
            ("http://127.0.0.1.example", false),
            ("http://192.168.1.2", false),
        ] {
            assert_eq!(
                text.parse::<BaseUrl>().unwrap().is_this_machine(),
                expected,
                "{text}"
            );
        }
    }
}
