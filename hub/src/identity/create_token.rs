//! Making a personal access token, which is shown once.

use chrono::Duration;
use secrecy::SecretString;

use super::{
    Caller, Principal, Scope,
    credentials::PERSONAL_PREFIX,
    held::own,
    personal_token::{DEFAULT_LIFE, LONGEST_LIFE, MAX_NAME, MOST, PersonalToken, may_have, told_unread},
};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    events::payload::check_name,
    ids::TokenId,
    secret,
    storage::Tx,
};

/// What is asked for.
#[derive(Debug)]
pub struct NewToken {
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// How long it lives, in seconds; [`DEFAULT_LIFE`] when nobody says.
    pub expires_in_s: Option<u32>,
}

/// Makes a token of the caller's own.
pub async fn create_token(
    tx: &mut Tx,
    caller: &Caller,
    new: NewToken,
) -> Result<(PersonalToken, SecretString)> {
    let Principal::User { user, role, .. } = &caller.principal else {
        return Err(Error::internal("a device asks for a personal token"));
    };
    check_name(&new.name, MAX_NAME).map_err(|detail| Error::invalid("/name", detail))?;
    let scopes = scopes(&new.scopes)?;
    let beyond = scopes.iter().position(|scope| !role.grants(*scope));
    if let Some(at) = beyond {
        return Err(Error::invalid(
            format!("/scopes/{at}"),
            "is more than you may do yourself",
        ));
    }
    if let Some(at) = told_unread(&scopes, *role) {
        return Err(Error::invalid(
            format!("/scopes/{at}"),
            "is answered from what the agent remembers: give memories:read with it, or leave out what hears the answer",
        ));
    }
    let life = life(new.expires_in_s)?;
    // A membership that ends meanwhile would leave a token behind that it did not end.
    own(tx, caller).await?;
    if tx.identity().live_personal_tokens(*user).await? >= MOST {
        let detail = format!("you have {MOST} tokens: revoke one that nobody uses");
        return Err(Error::conflict("too_many_tokens", detail));
    }
    let secret = secret::mint(PERSONAL_PREFIX);
    let token = PersonalToken {
        id: TokenId::mint(),
        user_id: *user,
        name: new.name.trim().to_owned(),
        scopes: new.scopes,
        created_at: tx.now(),
        expires_at: tx.now() + life,
        revoked_at: None,
    };
    tx.identity()
        .insert_personal_token(&token, &secret::hash(&secret))
        .await?;
    let record = Record::of("create_token").on("access_token", token.id.0);
    tx.record(
        record
            .with("scopes", token.scopes.clone())
            .with("expires_at", token.expires_at.to_rfc3339()),
    );
    Ok((token, secret))
}

/// Each known, none twice, at least one.
fn scopes(words: &[String]) -> Result<Vec<Scope>> {
    if words.is_empty() {
        return Err(Error::invalid("/scopes", "must name at least one scope"));
    }
    let mut scopes = Vec::with_capacity(words.len().min(Scope::ALL.len()));
    for (at, word) in words.iter().enumerate() {
        let pointer = format!("/scopes/{at}");
        let Some(scope) = Scope::parse(word).filter(|scope| may_have(*scope)) else {
            return Err(Error::invalid(pointer, "is not a scope that a token can have"));
        };
        if scopes.contains(&scope) {
            return Err(Error::invalid(pointer, "is there twice"));
        }
        scopes.push(scope);
    }
    Ok(scopes)
}

fn life(asked_s: Option<u32>) -> Result<Duration> {
    let life = asked_s.map_or(DEFAULT_LIFE, |seconds| Duration::seconds(seconds.into()));
    if life < Duration::minutes(1) || life > LONGEST_LIFE {
        let detail = format!("must be between 60 and {}", LONGEST_LIFE.num_seconds());
        return Err(Error::invalid("/expires_in_s", detail));
    }
    Ok(life)
}
