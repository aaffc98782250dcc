//! Somebody who comes with a one-time code: a new user, one who exists, or one who is signed in.

use secrecy::SecretString;

use super::{Actor, ActorKind, Origin, attempt, password};
use crate::{
    error::{Error, Result},
    hub::Hub,
    ids::UserId,
    storage::{StoredUser, Tx},
};

/// Who comes by name and password.
#[derive(Debug)]
pub struct Newcomer {
    /// The login name.
    pub name: String,
    /// The password, of a new user or of the one who has that name.
    pub password: SecretString,
    /// Where they come from.
    pub from: Origin,
}

/// A user who has proved who they are, though they may not be one yet.
pub(super) struct Proved {
    pub(super) id: UserId,
    /// The hash of a user who does not exist yet.
    new_hash: Option<String>,
}

impl Proved {
    /// One who is signed in.
    pub(super) const fn known(id: UserId) -> Self {
        Self { id, new_hash: None }
    }

    /// They themselves, in the request.
    pub(super) fn actor(&self, from: &Origin) -> Actor {
        Actor {
            kind: ActorKind::User,
            id: Some(self.id.0),
            access_token: None,
            request_id: from.request_id.clone(),
        }
    }

    /// Makes the user where there is none yet.
    pub(super) async fn settle(&self, tx: &mut Tx, name: &str) -> Result<()> {
        if let Some(hash) = &self.new_hash
            && !tx.identity().insert_user(self.id, name, hash).await?
        {
            return Err(Error::conflict(
                "name_taken",
                "the login name was taken in this moment",
            ));
        }
        Ok(())
    }
}

/// An existing user must know their password; a new one gets it. To be asked only of who has a good code: it says whether a name
/// exists.
pub(super) async fn prove(hub: &Hub, who: &Newcomer) -> Result<Proved> {
    let existing = hub
        .db
        .begin_system()
        .await?
        .identity()
        .user_by_name(&who.name)
        .await?;
    let Some(existing) = existing else {
        password::check(&who.password, "/password")?;
        let new_hash = Some(hub.passwords.hash(who.password.clone()).await?);
        return Ok(Proved {
            id: UserId::mint(),
            new_hash,
        });
    };
    let work = with_password(hub, who, existing);
    attempt::with_password(hub, &who.name, &who.from, work).await
}

async fn with_password(hub: &Hub, who: &Newcomer, existing: StoredUser) -> Result<Proved> {
    let typed = who.password.clone();
    let is_right = hub.passwords.verify(typed, Some(existing.password_hash)).await?;
    if !is_right || existing.is_disabled {
        return Err(Error::Unauthenticated(
            "there is a user of this name, and the password is not theirs",
        ));
    }
    Ok(Proved::known(existing.id))
}
