//! Tokens of issuers of OIDC, whose keys are read from a real server.

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

#[tokio::test]
async fn who_an_issuer_vouches_for_joins_with_a_code_and_needs_no_password() {
    for key in [Key::ec("one"), Key::rsa("one")] {
        let home = Home::with(&[&key]).await;
        let token = key.signs(&home.claims("subject-1"));
        let bob = home.bearer(&token);
        // Nobody yet, and made by nothing but a code.
        for path in ["/v1/me", "turns"] {
            let refused = bob.get(path).await.refuses(401, "unauthenticated");
            assert!(refused.told().contains("invitation"), "{}", refused.told());
        }
        let no_name = json!({"code": home.code().await});
        let _ = bob
            .post("/v1/invitations/accept", no_name)
            .await
            .points_at("/name");
        let _ = home.joins(&token, "ADA").await.refuses(409, "name_taken");
        let joined = home.joins(&token, "bob").await.expect(201);
        assert_eq!(
            joined.json.get("access_token"),
            None,
            "the issuer gives the tokens"
        );
        let me = bob.get("/v1/me").await.expect(200);
        assert_eq!((me.text("/name"), me.text("/agents/0/role")), ("bob", "member"));
        let _ = bob.get("members").await.expect(200);
        // Another token of the same subject is the same user, another subject is not.
        let again = key.signs(&home.claims("subject-1"));
        assert_eq!(home.bearer(&again).get("/v1/me").await.expect(200).json, me.json);
        let other = key.signs(&home.claims("subject-2"));
        let _ = home
            .bearer(&other)
            .get("/v1/me")
            .await
            .refuses(401, "unauthenticated");
        // There is no password to guess, and nothing to sign out of.
        let sign_in = json!({"name": "bob", "password": "no password"});
        let _ = home
            .rest
            .nobody()
            .post("/v1/sign-in", sign_in)
            .await
            .refuses(401, "unauthenticated");
        let _ = bob
            .ask(Method::POST, "/v1/sign-out")
            .send()
            .await
            .refuses(403, "forbidden");
        let _ = bob.ask(Method::POST, "members/leave").send().await.expect(200);
        let _ = bob.get("turns").await.refuses(404, "not_found");
    }
}

#[tokio::test]
async fn a_fresh_agent_is_claimed_by_whom_an_issuer_vouches_for() {
    let key = Key::ec("one");
    let home = Home::with(&[&key]).await;
    let grace = home.bearer(&key.signs(&home.claims("s")));
    let code = async |name| {
        let fresh = home.hub.household(name).await;
        let code = mint_code(&home.hub, fresh.agent)
            .await
            .expect("a code can be made");
        code.expose_secret().to_owned()
    };
    let body = json!({"code": code("fresh").await, "name": "grace"});
    let claimed = grace.post("/v1/claim", body).await.expect(201);
    assert_eq!(claimed.json.get("refresh_token"), None);
    let me = grace.get("/v1/me").await.expect(200);
    assert_eq!(me.text("/agents/0/role"), "owner");
    // A second one by the same token, and without a name.
    let _ = grace
        .post("/v1/claim", json!({"code": code("second").await}))
        .await
        .expect(201);
    assert_eq!(home.hub.sql().count("users", "name = 'grace'").await, 1);
}

#[tokio::test]
async fn a_token_of_others_for_others_or_of_another_time_is_refused() {
    let (key, stranger) = (Key::ec("one"), Key::ec("one"));
    let home = Home::with(&[&key]).await;
    let good = home.claims("s");
    let _ = home.joins(&key.signs(&good), "bob").await.expect(201);
    let now = home.hub.clock.now().timestamp();
    let mut tokens = vec![
        // Signed by somebody who uses the same id for their key.
        ("a stranger's", stranger.signs(&good)),
        ("of no known key", Key::ec("two").signs(&good)),
    ];
    for (what, name, value) in [
        ("for others", "aud", json!("another-app")),
        ("of others", "iss", json!("https://other.example")),
        ("for nobody", "aud", Value::Null),
        ("expired", "exp", json!(now - 60)),
        ("too long", "exp", json!(now + 86_401)),
        ("without an end", "exp", Value::Null),
        ("not yet", "nbf", json!(now + 61)),
        ("of tomorrow", "iat", json!(now + 61)),
        ("of nobody", "sub", json!("")),
    ] {
        tokens.push((what, key.signs(&changed(&good, name, value))));
    }
    for (what, token) in tokens {
        let answer = home.bearer(&token).get("/v1/me").await;
        assert_eq!(answer.status.as_u16(), 401, "{what}: {}", answer.told());
    }
    let _ = home.bearer(&key.signs(&good)).get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn no_algorithm_is_taken_from_the_token() {
    let key = Key::rsa("one");
    let home = Home::with(&[&key]).await;
    let claims = home.claims("s");
    let good = key.signs(&claims);
    let _ = home.joins(&good, "bob").await.expect(201);
    let (head, body) = (good.split('.').next().unwrap(), good.split('.').nth(1).unwrap());
    let none = |alg: &str| {
        let header = json!({"alg": alg, "typ": "JWT", "kid": "one"}).to_string();
        let header = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(header);
        format!("{header}.{body}.")
    };
    let mut forged = vec![
        none("none"),
        none("None"),
        none("RS256"),
        format!("{head}.{body}."),
    ];
    // The public key is no secret: whoever signs with it by HS256 is anybody.
    let listed = key.listed();
    for secret in [listed["n"].as_str().unwrap().to_owned(), listed.to_string()] {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("one".to_owned());
        let signed = encode(&header, &claims, &EncodingKey::from_secret(secret.as_bytes()));
        forged.push(signed.unwrap());
    }
    // A key for RS256 verifies nothing else.
    for algorithm in [Algorithm::RS512, Algorithm::PS256] {
        let other = Key {
            algorithm,
            ..Key::rsa("one")
        };
        forged.push(other.signs(&claims));
    }
    let mut without_id = Header::new(Algorithm::RS256);
    without_id.kid = None;
    forged.push(encode(&without_id, &claims, &key.secret).unwrap());
    for token in forged {
        let answer = home.bearer(&token).get("/v1/me").await;
        assert_eq!(answer.status.as_u16(), 401, "{token}: {}", answer.told());
    }
    let _ = home.bearer(&good).get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn both_kinds_of_cognitos_tokens_are_good_and_no_third() {
    let key = Key::rsa("one");
    let home = Home::with(&[&key]).await;
    let mut access = home.claims("s");
    access.as_object_mut().unwrap().remove("aud");
    access["token_use"] = json!("access");
    access["client_id"] = json!(AUDIENCE);
    let id = changed(&home.claims("s"), "token_use", json!("id"));
    let _ = home.joins(&key.signs(&access), "bob").await.expect(201);
    for good in [&access, &id] {
        let _ = home.bearer(&key.signs(good)).get("/v1/me").await.expect(200);
    }
    for bad in [
        changed(&access, "client_id", json!("another-app")),
        changed(&access, "token_use", json!("id")),
        changed(&id, "token_use", json!("access")),
        changed(&id, "token_use", json!("refresh")),
        changed(&id, "aud", json!("another-app")),
    ] {
        let answer = home.bearer(&key.signs(&bad)).get("/v1/me").await;
        assert_eq!(answer.status.as_u16(), 401, "{bad}: {}", answer.told());
    }
}

#[tokio::test]
async fn keys_are_rotated_and_taken_back_and_the_issuer_is_asked_once_a_minute() {
    let (old, new) = (Key::ec("old"), Key::rsa("new"));
    let home = Home::with(&[&old]).await;
    let me = async |key: &Key| home.bearer(&key.signs(&home.claims("s"))).get("/v1/me").await;
    let _ = home.joins(&old.signs(&home.claims("s")), "bob").await.expect(201);
    assert_eq!(home.issuer.asked(), 2, "the document and the keys, once");
    home.issuer.publishes(&[&old, &new]);
    for _ in 0..5 {
        let _ = me(&new).await.refuses(401, "unauthenticated");
    }
    assert_eq!(home.issuer.asked(), 2, "whatever comes within the minute");
    home.hub.clock.advance(Duration::seconds(60));
    for key in [&new, &old] {
        let _ = me(key).await.expect(200);
    }
    assert_eq!(home.issuer.asked(), 4);
    // Taken back: refused once the keys are looked at again.
    home.issuer.publishes(&[&new]);
    let _ = me(&old).await.expect(200);
    home.hub.clock.advance(Duration::minutes(10));
    let _ = me(&old).await.refuses(401, "unauthenticated");
    let _ = me(&new).await.expect(200);
}

#[tokio::test]
async fn an_issuer_that_is_away_takes_nobody_with_it_for_a_day() {
    let (key, other) = (Key::ec("one"), Key::ec("other"));
    let home = Home::with(&[&key]).await;
    let me = async |key: &Key| home.bearer(&key.signs(&home.claims("s"))).get("/v1/me").await;
    let _ = home.joins(&key.signs(&home.claims("s")), "bob").await.expect(201);
    for mood in [
        Mood::Hangs,
        Mood::Broken,
        Mood::TooLong,
        Mood::Redirects,
        Mood::OtherIssuer,
    ] {
        home.issuer.is(mood);
        home.hub.clock.advance(Duration::minutes(10));
        let began = Instant::now();
        let _ = me(&key).await.expect(200);
        let refused = me(&other).await.refuses(503, "full");
        assert_eq!(refused.header("retry-after"), Some("60"), "{mood:?}");
        assert!(
            began.elapsed() < Time::from_secs(5),
            "{mood:?}: {:?}",
            began.elapsed()
        );
        let asked = home.issuer.asked();
        let _ = me(&other).await.refuses(503, "full");
        assert_eq!(home.issuer.asked(), asked, "{mood:?}: nobody waits for it twice");
    }
    home.hub.clock.advance(Duration::hours(24));
    let gone = me(&key).await.refuses(503, "full");
    assert!(gone.told().contains("issuer"), "{}", gone.told());
    // Others are none of its concern.
    let ada: String = home
        .hub
        .sql()
        .value("select id::text from hub.users where name = 'ada'")
        .await;
    let ada = home
        .rest
        .signed_in(hub::ids::UserId(ada.parse().unwrap()))
        .await
        .client;
    let _ = ada.get("turns").await.expect(200);
    home.issuer.is(Mood::Well);
    home.hub.clock.advance(Duration::minutes(1));
    let _ = me(&key).await.expect(200);
}

#[tokio::test]
async fn a_user_who_is_disabled_comes_in_by_no_issuer() {
    let key = Key::ec("one");
    let home = Home::with(&[&key]).await;
    let token = key.signs(&home.claims("s"));
    let _ = home.joins(&token, "bob").await.expect(201);
    home.hub
        .sql()
        .execute("update hub.users set disabled_at = now() where name = 'bob'")
        .await;
    for path in ["/v1/me", "turns"] {
        let _ = home
            .bearer(&token)
            .get(path)
            .await
            .refuses(401, "unauthenticated");
    }
    let _ = home.joins(&token, "bob2").await.refuses(401, "unauthenticated");
}

#[tokio::test]
async fn what_is_watched_by_a_token_ends_with_the_token_and_with_its_user() {
    let key = Key::ec("one");
    let home = Home::with(&[&key]).await;
    let served = Served::start(&home.hub).await;
    let claims = home.claims("s");
    let token = key.signs(&claims);
    let _ = home.joins(&token, "bob").await.expect(201);
    let watches = async |token: &str| {
        let mut stream = Listening::to(&served, &home.bearer(token), "events/stream", None).await;
        assert_eq!(stream.next().await.expect("it begins").event, "started");
        stream
    };
    let is_over = async |mut stream: Listening| {
        let over = timeout(Time::from_secs(3), stream.next()).await.expect("it ends");
        let over = over.expect("it says why");
        assert_eq!(
            (over.event.as_str(), over.data["reason"].as_str()),
            ("goodbye", Some("revoked"))
        );
    };
    let stream = watches(&token).await;
    home.hub.clock.advance(Duration::seconds(3_660));
    is_over(stream).await;
    let fresh = key.signs(&home.claims("s"));
    let stream = watches(&fresh).await;
    home.hub
        .sql()
        .execute("update hub.users set disabled_at = now() where name = 'bob'")
        .await;
    is_over(stream).await;
}

#[tokio::test]
async fn two_who_come_at_once_with_one_token_are_one_user() {
    let key = Key::ec("one");
    let home = Home::with(&[&key]).await;
    let token = key.signs(&home.claims("s"));
    let (first, second) = (home.code().await, home.code().await);
    let bob = home.bearer(&token);
    let join = async |code: &str, name: &str| {
        let body = json!({"code": code, "name": name});
        bob.post("/v1/invitations/accept", body).await
    };
    let (one, other) = tokio::join!(join(&first, "bob"), join(&second, "rob"));
    let statuses = [one.status.as_u16(), other.status.as_u16()];
    assert!(statuses.contains(&201), "{}\n{}", one.told(), other.told());
    assert!(
        statuses.contains(&409) || statuses.contains(&422),
        "{}\n{}",
        one.told(),
        other.told()
    );
    assert_eq!(home.hub.sql().count("user_identities", "true").await, 1);
    assert_eq!(home.hub.sql().count("users", "true").await, 2);
}
