//! Speaks to the hub: bounded waits and answers, and a fresh token when the old one has ended.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::TimeDelta;
use reqwest::{StatusCode, header::RETRY_AFTER, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{BaseUrl, Call, Failure, Problem, SignIn, SignInFile, sign_in::Locked};
use crate::{
    adapters::body::{self, Unread},
    clock::{Clock, SystemClock},
    error::{chain, root},
    page::Page,
    tls,
};

/// A hub in reach answers at once.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// A full page of the largest things is well below.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// An access token with less life than this might end on the way.
const MARGIN: TimeDelta = TimeDelta::seconds(30);

/// The way to one hub.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    base: BaseUrl,
    ca_file: Option<PathBuf>,
    file: SignInFile,
    /// A personal access token, in the place of the sign-in.
    personal: Option<SecretString>,
}

/// What a sign-in or a refresh gives.
#[derive(Debug, Deserialize)]
pub struct Tokens {
    /// For the `Authorization` header.
    pub access_token: SecretString,
    /// How long it is good.
    pub expires_in_s: u32,
    /// For the next access token.
    pub refresh_token: SecretString,
}

impl Tokens {
    /// What is kept of them.
    #[must_use]
    pub fn sign_in(self, url: BaseUrl, ca_file: Option<PathBuf>, name: String) -> SignIn {
        SignIn {
            url,
            ca_file,
            name,
            access_token: self.access_token,
            expires_at: SystemClock.now() + TimeDelta::seconds(self.expires_in_s.into()),
            refresh_token: self.refresh_token,
        }
    }
}

struct Response {
    status: StatusCode,
    retry_after_s: Option<u64>,
    body: Vec<u8>,
}

impl Client {
    /// The way to the hub at an address, trusting also the authorities of a file, with the sign-in that another file holds.
    pub fn new(base: BaseUrl, ca_file: Option<PathBuf>, file: SignInFile) -> Result<Self, Failure> {
        tls::choose_provider();
        let mut builder = reqwest::Client::builder();
        if base.is_https() {
            builder = builder.tls_backend_preconfigured(tls::client(ca_file.as_deref())?);
        }
        let built = builder
            .connect_timeout(CONNECT_PATIENCE)
            // Tokens go to the hub and nowhere else.
            .redirect(Policy::none())
            .no_proxy()
            .build();
        let http = built.map_err(|error| Failure::Usage(chain(&error)))?;
        Ok(Self {
            http,
            base,
            ca_file,
            file,
            personal: None,
        })
    }

    /// Goes by the sign-in, whatever token there is: signing in and out is about it.
    pub fn use_sign_in(&mut self) {
        self.personal = None;
    }

    /// With a personal access token in the place of the sign-in.
    #[must_use]
    pub fn with_token(self, personal: Option<SecretString>) -> Self {
        Self { personal, ..self }
    }

    /// Where the hub is.
    #[must_use]
    pub const fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// The certificates that are trusted beside the system's.
    #[must_use]
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// Where the sign-in is kept.
    #[must_use]
    pub const fn file(&self) -> &SignInFile {
        &self.file
    }

    /// Asks as the one who is signed in. No content is `null`.
    pub async fn call(&self, call: &Call) -> Result<Value, Failure> {
        let token = self.token().await?;
        let response = self.send(call, Some(&token)).await?;
        // Nothing comes after a personal token.
        if response.status != StatusCode::UNAUTHORIZED || self.personal.is_some() {
            return self.answer(&response);
        }
        let token = self.renew(&token).await?;
        let response = self.send(call, Some(&token)).await?;
        self.answer(&response)
    }

    /// Asks the same, for an answer that is read as what it should be.
    pub async fn call_for<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Failure> {
        self.read(&self.call(call).await?)
    }

    /// All pages of a list as one; with a cursor when there are more than `most`.
    pub async fn pages<T: DeserializeOwned>(&self, list: &Call, most: usize) -> Result<Page<T>, Failure> {
        let mut all: Page<T> = self.call_for(list).await?;
        for _ in 1..most {
            let Some(cursor) = &all.next_cursor else { break };
            let page: Page<T> = self.call_for(&list.clone().query("cursor", cursor)).await?;
            all.items.extend(page.items);
            all.next_cursor = page.next_cursor;
        }
        Ok(all)
    }

    /// Asks as nobody in particular.
    pub async fn call_openly(&self, call: &Call) -> Result<Value, Failure> {
        let response = self.send(call, None).await?;
        self.answer(&response)
    }

    /// Asks as nobody in particular something that OAuth refuses with 400 and a word of its own: the word, or the answer.
    pub async fn call_oauth(&self, call: &Call) -> Result<Result<Value, String>, Failure> {
        let response = self.send(call, None).await?;
        if response.status == StatusCode::BAD_REQUEST {
            let word = serde_json::from_slice(&response.body)
                .ok()
                .and_then(|body: Value| body["error"].as_str().map(str::to_owned));
            if let Some(word) = word {
                return Ok(Err(word));
            }
        }
        self.answer(&response).map(Ok)
    }

    /// Reads an answer as what it should be.
    pub fn read<T: DeserializeOwned>(&self, answer: &Value) -> Result<T, Failure> {
        T::deserialize(answer).map_err(|error| self.strange(error.to_string()))
    }

    /// An access token that is good for a while.
    pub async fn token(&self) -> Result<SecretString, Failure> {
        if let Some(personal) = &self.personal {
            return Ok(personal.clone());
        }
        let sign_in = self.sign_in(self.file.read()?)?;
        if is_fresh(&sign_in) {
            return Ok(sign_in.access_token);
        }
        self.renew(&sign_in.access_token).await
    }

    /// A token other than the one that is no longer good. Each refresh token is good once, and using it again ends the
    /// sign-in: so one process at a time, and whoever comes second takes what the first one got.
    async fn renew(&self, old: &SecretString) -> Result<SecretString, Failure> {
        let locked = self.file.lock().await?;
        let sign_in = self.sign_in(locked.read()?)?;
        let is_renewed = sign_in.access_token.expose_secret() != old.expose_secret();
        if is_renewed && is_fresh(&sign_in) {
            return Ok(sign_in.access_token);
        }
        self.refresh(&locked, sign_in).await
    }

    async fn refresh(&self, locked: &Locked<'_>, sign_in: SignIn) -> Result<SecretString, Failure> {
        let body = json!({"refresh_token": sign_in.refresh_token.expose_secret()});
        let response = self
            .send(&Call::post("/v1/sign-in/refresh", body).open(), None)
            .await?;
        if response.status == StatusCode::UNAUTHORIZED {
            let name = sign_in.name;
            return Err(Failure::SignInEnded { name });
        }
        let tokens: Tokens = self.read(&self.answer(&response)?)?;
        let next = tokens.sign_in(sign_in.url, sign_in.ca_file, sign_in.name);
        locked.write(&next)?;
        Ok(next.access_token)
    }

    fn sign_in(&self, stored: Option<SignIn>) -> Result<SignIn, Failure> {
        let sign_in = stored.ok_or(Failure::NotSignedIn)?;
        if sign_in.url == self.base {
            return Ok(sign_in);
        }
        Err(Failure::OtherHub {
            name: sign_in.name,
            stored: sign_in.url,
            asked: self.base.clone(),
        })
    }

    async fn send(&self, call: &Call, token: Option<&SecretString>) -> Result<Response, Failure> {
        let mut request = self.http.request(call.method.clone(), call.url(&self.base));
        request = request.timeout(call.patience);
        if let Some(token) = token {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(key) = call.idempotency_key {
            request = request.header("Idempotency-Key", key.to_string());
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let failed = |error| self.failed(call, error);
        let mut response = request.send().await.map_err(failed)?;
        let after = response.headers().get(RETRY_AFTER);
        let retry_after_s = after.and_then(|value| value.to_str().ok()?.parse().ok());
        let read = body::whole(&mut response, MAX_ANSWER).await;
        let body = read.map_err(|unread| match unread {
            Unread::Broken(error) => failed(error),
            Unread::TooLong => self.strange(format!("an answer of more than {MAX_ANSWER} bytes")),
        })?;
        Ok(Response {
            status: response.status(),
            retry_after_s,
            body,
        })
    }

    fn answer(&self, response: &Response) -> Result<Value, Failure> {
        let status = response.status;
        if status.is_success() && response.body.is_empty() {
            return Ok(Value::Null);
        }
        let read: Result<Value, _> = serde_json::from_slice(&response.body);
        if status.is_success() {
            return read.map_err(|error| self.strange(format!("HTTP {status} without JSON: {error}")));
        }
        let raw = read.map_err(|_| self.strange(format!("HTTP {status} without a problem in JSON")))?;
        let mut problem: Problem = self.read(&raw)?;
        problem.status = status.as_u16();
        problem.retry_after_s = response.retry_after_s;
        if problem.title.is_empty() {
            problem.title = format!("HTTP {status}");
        }
        problem.raw = raw;
        Err(Failure::Refused(Box::new(problem)))
    }

    fn failed(&self, call: &Call, error: reqwest::Error) -> Failure {
        let url = self.base.clone();
        if let Some(detail) = tls::distrust(&error) {
            return Failure::Untrusted { url, detail };
        }
        // Connecting too long counts as both.
        if error.is_connect() {
            let detail = root(&error);
            return Failure::Unreachable { url, detail };
        }
        if error.is_timeout() {
            let waited = call.patience;
            return Failure::Late { url, waited };
        }
        let detail = chain(&error.without_url());
        Failure::Broken { url, detail }
    }

    fn strange(&self, detail: String) -> Failure {
        let url = self.base.clone();
        Failure::Strange { url, detail }
    }
}

fn is_fresh(sign_in: &SignIn) -> bool {
    sign_in.expires_at - MARGIN > SystemClock.now()
}
