//! What a token of an issuer must say, once its signature is good: who issued it, for whom, and that now is its time.

use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::Value;

use crate::clock::DateTime;

/// How far an issuer's clock may be from the hub's.
pub const LEEWAY: TimeDelta = TimeDelta::seconds(60);
/// A token may live this long at most: nothing but its end takes it back.
pub const LONGEST_LIFE: TimeDelta = TimeDelta::hours(24);
/// What is said of one that was good.
pub const EXPIRED: &str = "the token has expired: get a new one from its issuer";
/// Characters of a subject at most.
const MAX_SUBJECT: usize = 255;

/// Who an issuer says that somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The issuer's URL.
    pub issuer: String,
    /// Whom it means, in its own words.
    pub subject: String,
    /// When the hub believes the token no more: its end, and [`LEEWAY`].
    pub expires_at: DateTime,
    /// When they signed in there, or else when the token was made.
    pub began_at: DateTime,
    /// When they signed in there, where the issuer says so (`auth_time`). A token may be renewed without anybody being there.
    pub signed_in_at: Option<DateTime>,
}

/// The claims of a token. Cognito's access tokens name a client in the place of an audience.
#[derive(Debug, Clone, Deserialize)]
pub struct Claims {
    iss: String,
    sub: String,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
    /// Nothing but passing an agent on needs it: one that cannot be read is none.
    auth_time: Option<Value>,
    aud: Option<OneOrMany>,
    client_id: Option<String>,
    token_use: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn has(&self, audiences: &[String]) -> bool {
        match self {
            Self::One(one) => audiences.contains(one),
            Self::Many(many) => many.iter().any(|one| audiences.contains(one)),
        }
    }
}

/// Who a token is about, or what is wrong with it.
pub fn check(
    claims: Claims,
    issuer: &str,
    audiences: &[String],
    now: DateTime,
) -> Result<Issued, &'static str> {
    if claims.iss != issuer {
        return Err("the token is of another issuer");
    }
    if !is_for_us(&claims, audiences) {
        return Err("the token is for somebody else");
    }
    if claims.sub.is_empty() || claims.sub.chars().count() > MAX_SUBJECT || claims.sub.contains('\0') {
        return Err("the token does not say whom it is about");
    }
    let time = |seconds: i64| DateTime::from_timestamp(seconds, 0).ok_or("the token's times are none");
    let (ends_at, issued_at) = (time(claims.exp)?, time(claims.iat)?);
    if ends_at.signed_duration_since(issued_at) > LONGEST_LIFE {
        return Err("the token lives for more than 24 hours");
    }
    let expires_at = ends_at + LEEWAY;
    let begins_at = claims.nbf.map(time).transpose()?.unwrap_or(issued_at);
    if now >= expires_at {
        return Err(EXPIRED);
    }
    if begins_at.max(issued_at) > now + LEEWAY {
        return Err("the token is not good yet");
    }
    let signed_in_at = claims
        .auth_time
        .and_then(|at| DateTime::from_timestamp(at.as_i64()?, 0));
    Ok(Issued {
        issuer: claims.iss,
        subject: claims.sub,
        expires_at,
        began_at: signed_in_at.unwrap_or(issued_at),
        signed_in_at,
    })
}

fn is_for_us(claims: &Claims, audiences: &[String]) -> bool {
    let by_audience = || claims.aud.as_ref().is_some_and(|aud| aud.has(audiences));
    match claims.token_use.as_deref() {
        Some("access") => claims.client_id.as_ref().is_some_and(|id| audiences.contains(id)),
        Some("id") | None => by_audience(),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Utc};
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn judge(change: &[(&str, Value)]) -> Result<Issued, &'static str> {
        let mut claims =
            json!({"iss": "https://i.example", "sub": "s", "aud": "hub", "iat": NOW - 10, "exp": NOW + 600});
        for (name, value) in change {
            claims[*name] = value.clone();
        }
        let claims = serde_json::from_value(claims).unwrap();
        let now = Utc.timestamp_opt(NOW, 0).unwrap();
        check(
            claims,
            "https://i.example",
            &["hub".to_owned(), "client".to_owned()],
            now,
        )
    }

    #[test]
    fn a_token_is_of_the_issuer_for_us_and_of_now() {
        assert_eq!(judge(&[]).unwrap().subject, "s");
        for good in [
            ("aud", json!(["other", "client"])),
            ("exp", json!(NOW - 59)),
            ("iat", json!(NOW + 60)),
            ("nbf", json!(NOW + 60)),
            ("token_use", json!("id")),
        ] {
            assert!(judge(std::slice::from_ref(&good)).is_ok(), "{good:?}");
        }
        for bad in [
            ("iss", json!("https://i.example/")),
            ("aud", json!("other")),
            ("aud", json!([])),
            ("aud", Value::Null),
            ("exp", json!(NOW - 60)),
            ("exp", json!(NOW - 10 + 86_401)),
            ("exp", json!(i64::MAX)),
            ("iat", json!(NOW + 61)),
            ("nbf", json!(NOW + 61)),
            ("sub", json!("")),
            ("sub", json!("x".repeat(256))),
            ("token_use", json!("refresh")),
            // A client is no audience, and an audience no client.
            ("token_use", json!("access")),
        ] {
            assert!(judge(std::slice::from_ref(&bad)).is_err(), "{bad:?}");
        }
        let access = [
            ("token_use", json!("access")),
            ("client_id", json!("client")),
            ("aud", Value::Null),
        ];
        assert!(judge(&access).is_ok());
        assert!(judge(&[access[0].clone(), ("client_id", json!("other"))]).is_err());
        assert!(judge(&[access[1].clone(), ("aud", Value::Null)]).is_err());
    }
}
