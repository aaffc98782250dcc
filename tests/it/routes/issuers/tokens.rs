//! Which tokens are believed.

use super::*;

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
    // Each is in the log, but for the one that was good and is over; and so is who comes with a good one, once.
    let refused = "body::jsonb ->> 'outcome' = 'refused' and body::jsonb #>> '{details,tried}' = 'token'";
    assert_eq!(home.hub.sql().count("audit_entries", refused).await, 10);
    for _ in 0..2 {
        let _ = home.bearer(&key.signs(&good)).get("/v1/me").await.expect(200);
    }
    let told = "operation = 'sign_in' and body::jsonb #>> '{details,issuer}' is not null";
    assert_eq!(home.hub.sql().count("audit_entries", told).await, 1);
    // A later token, of which nothing says that it is of the same sign-in.
    home.hub.clock.advance(chrono::Duration::seconds(1));
    let later = key.signs(&home.claims("s"));
    let _ = home.bearer(&later).get("/v1/me").await.expect(200);
    assert_eq!(home.hub.sql().count("audit_entries", told).await, 2);
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
