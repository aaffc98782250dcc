//! Where an OpenAI-compatible API is and who asks, and the client for what is answered whole.

use std::{path::Path, time::Duration};

use async_openai::{Client, config::Config, error::OpenAIError};
use reqwest::{
    Certificate,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};

use super::{ModelError, events::unreadable, transport::Transport};
use crate::{config::ConfigError, tls};

/// How long a connection may take to stand.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Where the API is and who asks. Not the library's own, which looks into the environment.
#[derive(Debug, Clone)]
pub(super) struct Account {
    base_url: String,
    key: SecretString,
}

impl Config for Account {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if !self.key.expose_secret().is_empty() {
            let bearer = HeaderValue::from_str(&format!("Bearer {}", self.key.expose_secret()));
            let mut bearer = bearer.expect("the configuration refuses keys that are no header");
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        headers
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        &self.base_url
    }

    fn api_key(&self) -> &SecretString {
        &self.key
    }
}

impl Account {
    /// A client for what is answered whole.
    pub(super) fn client(base_url: &str, key: SecretString, http: reqwest::Client) -> Client<Self> {
        let account = Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            key,
        };
        Client::with_config(account).with_http_service(Transport(http))
    }
}

/// A client whose calls end within this time, and that also trusts those whose certificates are in a file; none where it is
/// empty. The key says in the configuration which file that is.
pub(in crate::adapters) fn http(
    within: Duration,
    ca_file: &Path,
    key: &'static str,
) -> Result<reqwest::Client, ConfigError> {
    tls::choose_provider();
    reqwest::Client::builder()
        .connect_timeout(CONNECT_WITHIN)
        .timeout(within)
        .tls_certs_merge(trusted(ca_file).map_err(|problem| refused(key, problem))?)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| refused(key, format!("no certificate can be checked: {error}")))
}

/// What our transport sorted comes back in a box; what is left is an answer that the library cannot read.
pub(super) fn sorted(error: OpenAIError) -> ModelError {
    match error {
        OpenAIError::Boxed(error) => match error.downcast::<ModelError>() {
            Ok(error) => *error,
            Err(other) => ModelError::Malformed(other.to_string()),
        },
        // Its text holds the answer, which is nobody's business in a log.
        OpenAIError::JSONDeserialize(error, _) => unreadable("it is no response", &error),
        other => ModelError::Malformed(other.to_string()),
    }
}

/// The certificates of those who vouch for the far side, besides the ones that this machine trusts.
fn trusted(path: &Path) -> Result<Vec<Certificate>, String> {
    if path.as_os_str().is_empty() {
        return Ok(Vec::new());
    }
    let pem = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err("must hold certificates in PEM".to_owned()),
    }
}

fn refused(key: &'static str, problem: String) -> ConfigError {
    ConfigError::OutOfBounds {
        key,
        problem: problem.into(),
    }
}
