//! Tokens of issuers of OIDC, whose keys are read from a real server.

mod joining;
mod keys;
mod tokens;

use std::{
    sync::{Arc, Mutex},
    time::Duration as Time,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{Method, StatusCode, header},
    response::Response,
};
use base64::Engine;
use chrono::Duration;
use hub::{clock::Clock, config::IssuerConfig, identity::claim::mint_code};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use support::{Answer, Client, Listening, Rest, Served, TestHub};
use tokio::{
    net::TcpListener,
    task::JoinSet,
    time::{Instant, timeout},
};

/// A key of nobody, made for these tests.
const RSA: &[u8] = include_bytes!("rsa.der");
/// For whom the tokens are.
const AUDIENCE: &str = "hub-of-the-house";
/// An issuer that does not answer is waited for as long.
const PATIENCE_MS: u64 = 300;

/// How the server answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Mood {
    #[default]
    Well,
    Hangs,
    Broken,
    TooLong,
    Redirects,
    OtherIssuer,
}

#[derive(Default)]
struct Shared {
    base: String,
    keys: Vec<Value>,
    mood: Mood,
    asked: usize,
}

/// An issuer, on a port of its own.
struct Issuer {
    shared: Arc<Mutex<Shared>>,
    url: String,
    /// Ends when it is dropped.
    _served: JoinSet<()>,
}

/// A key of it.
struct Key {
    id: &'static str,
    algorithm: Algorithm,
    secret: EncodingKey,
}

impl Key {
    fn ec(id: &'static str) -> Self {
        let pair = rcgen::KeyPair::generate().expect("a key can be made");
        Self {
            id,
            algorithm: Algorithm::ES256,
            secret: EncodingKey::from_ec_der(&pair.serialize_der()),
        }
    }

    fn rsa(id: &'static str) -> Self {
        Self {
            id,
            algorithm: Algorithm::RS256,
            secret: EncodingKey::from_rsa_der(RSA),
        }
    }

    /// As it is published.
    fn listed(&self) -> Value {
        let jwk = Jwk::from_encoding_key(&self.secret, self.algorithm).expect("it is a key");
        let mut jwk = serde_json::to_value(jwk).expect("it can be written");
        jwk["kid"] = json!(self.id);
        jwk["use"] = json!("sig");
        jwk
    }

    fn signs(&self, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.id.to_owned());
        encode(&header, claims, &self.secret).expect("it signs")
    }
}

async fn answer(State(shared): State<Arc<Mutex<Shared>>>, request: Request) -> Response {
    let (mood, body) = {
        let mut shared = shared.lock().expect("no panic while held");
        shared.asked += 1;
        let base = &shared.base;
        let body = match (request.uri().path(), shared.mood) {
            ("/.well-known/openid-configuration", Mood::OtherIssuer) => {
                json!({"issuer": "https://other.example", "jwks_uri": format!("{base}/keys")})
            }
            ("/.well-known/openid-configuration", _) => {
                json!({"issuer": base, "jwks_uri": format!("{base}/keys")})
            }
            ("/keys", Mood::TooLong) => json!({"keys": shared.keys, "more": "x".repeat(300 * 1024)}),
            ("/keys", _) => json!({"keys": shared.keys}),
            _ => Value::Null,
        };
        (shared.mood, body)
    };
    let answer = Response::builder();
    match mood {
        Mood::Hangs => std::future::pending().await,
        Mood::Broken => answer.status(StatusCode::BAD_GATEWAY).body(Body::empty()),
        Mood::Redirects => {
            let elsewhere = answer.status(StatusCode::FOUND).header(header::LOCATION, "/keys");
            elsewhere.body(Body::empty())
        }
        _ => answer.body(Body::from(body.to_string())),
    }
    .expect("an answer can be made")
}

impl Issuer {
    async fn with(keys: &[&Key]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it has an address"));
        let shared = Arc::new(Mutex::new(Shared {
            base: url.clone(),
            keys: keys.iter().map(|key| key.listed()).collect(),
            ..Shared::default()
        }));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let mut served = JoinSet::new();
        served.spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self {
            shared,
            url,
            _served: served,
        }
    }

    fn publishes(&self, keys: &[&Key]) {
        self.shared.lock().unwrap().keys = keys.iter().map(|key| key.listed()).collect();
    }

    fn is(&self, mood: Mood) {
        self.shared.lock().unwrap().mood = mood;
    }

    /// How often it was asked.
    fn asked(&self) -> usize {
        self.shared.lock().unwrap().asked
    }

    fn config(&self) -> IssuerConfig {
        IssuerConfig {
            name: "house".to_owned(),
            url: self.url.clone(),
            audiences: vec![AUDIENCE.to_owned()],
        }
    }
}

/// A hub that believes an issuer, with ada, who owns its agent by a password.
struct Home {
    hub: TestHub,
    rest: Rest,
    ada: Client,
    issuer: Issuer,
}

impl Home {
    async fn with(keys: &[&Key]) -> Self {
        let issuer = Issuer::with(keys).await;
        let config = issuer.config();
        let hub = TestHub::builder()
            .config(move |all| {
                all.identity.issuers = vec![config];
                all.identity.issuer_timeout_ms = PATIENCE_MS;
            })
            .start()
            .await;
        let rest = Rest::of(&hub);
        let ada = rest.user(&hub.owner("ada").await).await;
        Self {
            hub,
            rest,
            ada,
            issuer,
        }
    }

    fn claims(&self, subject: &str) -> Value {
        let now = self.hub.clock.now().timestamp();
        json!({"iss": self.issuer.url, "sub": subject, "aud": AUDIENCE, "iat": now, "exp": now + 3600})
    }

    fn bearer(&self, token: &str) -> Client {
        self.rest.bearer(token)
    }

    async fn code(&self) -> String {
        let made = self.ada.post("invitations", json!({"role": "member"})).await;
        made.expect(201).text("/code").to_owned()
    }

    /// Joins by a token, as somebody new.
    async fn joins(&self, token: &str, name: &str) -> Answer {
        let body = json!({"code": self.code().await, "name": name});
        self.bearer(token).post("/v1/invitations/accept", body).await
    }
}

fn changed(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}
