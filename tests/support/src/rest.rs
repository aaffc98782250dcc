//! A client of the REST edge: requests go through the whole router, in process. Every refusal is checked for its form.

use std::{fmt::Write, net::IpAddr};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header},
};
use http_body_util::BodyExt;
use hub::{
    http::peer::Peer,
    hub::Hub,
    identity::{SignedIn, credentials::REFRESH_PREFIX, sign_in::SIGN_IN_LIFE},
    ids::{SignInId, UserId},
    secret,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tower::ServiceExt;

use crate::{TestDevice, User};

/// The REST edge of a hub.
#[derive(Clone)]
pub struct Rest {
    hub: Hub,
    router: Router,
}

impl Rest {
    /// Of a hub.
    #[must_use]
    pub fn of(hub: &Hub) -> Self {
        Self {
            hub: hub.clone(),
            router: hub::http::router(hub),
        }
    }

    /// Somebody without a credential.
    #[must_use]
    pub fn nobody(&self) -> Client {
        self.client(None)
    }

    /// Whoever has this bearer credential.
    #[must_use]
    pub fn bearer(&self, token: &str) -> Client {
        self.client(Some(SecretString::from(token)))
    }

    /// A device with its credential.
    #[must_use]
    pub fn device(&self, device: &TestDevice) -> Client {
        self.client(Some(device.token.clone()))
    }

    /// A user who signed in, without the second that hashing a password takes.
    pub async fn user(&self, user: &User) -> Client {
        self.signed_in(user.id).await.client
    }

    /// A fresh sign-in of a user.
    pub async fn signed_in(&self, user: UserId) -> Session {
        let (sign_in, refresh) = (SignInId::mint(), secret::mint(REFRESH_PREFIX));
        let mut tx = self.hub.db.begin_system().await.expect("the database is there");
        let expires_at = tx.now() + SIGN_IN_LIFE;
        tx.identity()
            .insert_sign_in(sign_in, user, &secret::hash(&refresh), expires_at)
            .await
            .expect("a sign-in can be made");
        let now = tx.now();
        tx.commit().await.expect("a sign-in can be kept");
        let who = SignedIn { user, sign_in };
        let access = self.hub.keys.tokens.sign(&who, now).expect("a token is signed");
        Session {
            client: self.client(Some(access)),
            refresh: refresh.expose_secret().to_owned(),
        }
    }

    fn client(&self, credential: Option<SecretString>) -> Client {
        Client {
            router: self.router.clone(),
            credential,
            delegation: None,
            address: None,
        }
    }
}

/// A sign-in.
pub struct Session {
    /// The user with the access token.
    pub client: Client,
    /// The refresh token.
    pub refresh: String,
}

/// Somebody who sends requests.
#[derive(Clone)]
pub struct Client {
    router: Router,
    credential: Option<SecretString>,
    delegation: Option<SecretString>,
    address: Option<IpAddr>,
}

impl Client {
    /// The same, acting for another agent by a delegation that was given to theirs.
    #[must_use]
    pub fn acting_by(mut self, delegation: &str) -> Self {
        self.delegation = Some(SecretString::from(delegation));
        self
    }

    /// The same, calling from an address.
    #[must_use]
    pub fn at(mut self, address: &str) -> Self {
        self.address = Some(address.parse().expect("an address"));
        self
    }

    /// The bearer credential; empty for nobody.
    #[must_use]
    pub fn credential(&self) -> &str {
        self.credential.as_ref().map_or("", ExposeSecret::expose_secret)
    }

    /// The delegation by which they act.
    #[must_use]
    pub fn delegation(&self) -> Option<&str> {
        self.delegation.as_ref().map(ExposeSecret::expose_secret)
    }

    /// Begins a request. A path that does not begin with `/` is one of the caller's own agent.
    #[must_use]
    pub fn ask(&self, method: Method, path: &str) -> Ask {
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/v1/agents/self/{path}")
        };
        let mut headers = HeaderMap::new();
        if let Some(credential) = &self.credential {
            let text = format!("Bearer {}", credential.expose_secret());
            headers.insert(header::AUTHORIZATION, text.parse().expect("a token is visible"));
        }
        if let Some(delegation) = &self.delegation {
            let text = delegation.expose_secret().parse();
            headers.insert("hub-delegation", text.expect("a secret is visible"));
        }
        Ask {
            router: self.router.clone(),
            address: self.address,
            method,
            path,
            headers,
            body: Body::empty(),
        }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path).send().await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path).json(&body).send().await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PATCH, path).json(&body).send().await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path).send().await
    }
}

/// A request before it is sent.
pub struct Ask {
    router: Router,
    address: Option<IpAddr>,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Body,
}

impl Ask {
    /// Sets a header, in place of an earlier one.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name: HeaderName = name.parse().expect("a header's name");
        let value = HeaderValue::from_bytes(value.as_ref()).expect("a header's value");
        self.headers.insert(name, value);
        self
    }

    /// A JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.raw(body.to_string())
    }

    /// Any body, said to be JSON.
    #[must_use]
    pub fn raw(self, body: impl Into<Body>) -> Self {
        let mut ask = self.header("content-type", "application/json");
        ask.body = body.into();
        ask
    }

    /// Leaves a header out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Sends it and waits for the whole answer.
    pub async fn send(self) -> Answer {
        let what = format!("{} {}", self.method, self.path);
        let mut request = Request::builder()
            .method(self.method)
            .uri(&self.path)
            .body(self.body)
            .expect("the path of a request");
        *request.headers_mut() = self.headers;
        if let Some(address) = self.address {
            request.extensions_mut().insert(Peer(address));
        }
        let response = self.router.oneshot(request).await.expect("a router answers");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("an answer ends").to_bytes();
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            json: serde_json::from_slice(&bytes).unwrap_or_default(),
            bytes,
            what,
        };
        answer.check_form();
        answer
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub bytes: Bytes,
    /// Its body as JSON; null if it is none.
    pub json: Value,
    what: String,
}

impl Answer {
    /// The answer, which must have this status.
    #[track_caller]
    #[must_use]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.told());
        self
    }

    /// The answer, which must be a refusal with this status and code.
    #[track_caller]
    #[must_use]
    pub fn refuses(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.json["code"], code, "{}", answer.told());
        answer
    }

    /// The answer, which must be 422 and point at this field.
    #[track_caller]
    #[must_use]
    pub fn points_at(self, pointer: &str) -> Self {
        let answer = self.refuses(422, "invalid");
        assert!(answer.pointers().contains(&pointer), "{}", answer.told());
        answer
    }

    /// The fields that a refusal points at.
    #[must_use]
    pub fn pointers(&self) -> Vec<&str> {
        let errors = self.json["errors"].as_array();
        errors
            .into_iter()
            .flatten()
            .filter_map(|error| error["pointer"].as_str())
            .collect()
    }

    /// A text of the body.
    #[track_caller]
    #[must_use]
    pub fn text(&self, pointer: &str) -> &str {
        let found = self.json.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_else(|| self.fail(&format!("there is no text at {pointer}")))
    }

    /// The items of a page.
    #[track_caller]
    #[must_use]
    pub fn items(&self) -> &[Value] {
        let found = self.json["items"].as_array();
        found.unwrap_or_else(|| self.fail("there are no items"))
    }

    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The request and its answer, for messages.
    #[must_use]
    pub fn told(&self) -> String {
        let mut told = format!("{} was answered {}: ", self.what, self.status);
        let _ = write!(told, "{}", String::from_utf8_lossy(&self.bytes));
        told
    }

    /// Every refusal is a problem of its status that names its request. (`/readyz` answers 503 with what is wrong.)
    #[track_caller]
    fn check_form(&self) {
        // Browsers' questions are answered before anything else looks at them.
        if self.what.starts_with("OPTIONS ") {
            return;
        }
        let id = self.header("x-request-id").unwrap_or_default();
        assert!(!id.is_empty(), "no request id: {}", self.told());
        if self.status.as_u16() < 400 || self.what.ends_with("/readyz") || self.what.starts_with("HEAD ") {
            return;
        }
        let media = self.header("content-type");
        // OAuth says some refusals in its own way (RFC 6749, 5.2).
        if self.what.starts_with("POST /v1/pairings/token") && media == Some("application/json") {
            assert_eq!(self.status.as_u16(), 400, "{}", self.told());
            assert!(self.json["error"].is_string(), "{}", self.told());
            assert_eq!(self.header("cache-control"), Some("no-store"), "{}", self.told());
            return;
        }
        assert_eq!(media, Some("application/problem+json"), "{}", self.told());
        assert_eq!(self.json["request_id"], id, "{}", self.told());
        assert_eq!(self.json["status"], self.status.as_u16(), "{}", self.told());
        for field in ["type", "title", "code", "detail"] {
            let said = self.json[field].as_str().unwrap_or_default();
            assert!(!said.is_empty(), "no {field}: {}", self.told());
        }
    }

    #[track_caller]
    #[expect(clippy::panic, reason = "the test cannot go on")]
    fn fail(&self, why: &str) -> ! {
        panic!("{why}: {}", self.told())
    }
}
