//! Where an OpenAI-compatible API is and who asks, and the client that is used for both of its ports.

use std::time::Duration;

use async_openai::{Client, config::Config};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::transport::Transport;
use crate::tls;

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
    /// A client whose calls end within this time.
    pub(super) fn client(base_url: &str, key: SecretString, within: Duration) -> Client<Self> {
        tls::choose_provider();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(within)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client can be made");
        let account = Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            key,
        };
        Client::with_config(account).with_http_service(Transport(http))
    }
}
