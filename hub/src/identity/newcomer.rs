//! Somebody who comes with a one-time code: a new user, one who exists, or one for whom an issuer vouches.

use secrecy::{ExposeSecret, SecretString};

use super::{Actor, ActorKind, Origin, attempt, issued::Issued, password};
use crate::{
    error::{Error, Result},
    hub::Hub,
    ids::UserId,
    storage::{StoredUser, Tx},
};

const WRONG: Error = Error::Unauthenticated("there is a user of this name, and the password is not theirs");

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

/// Who comes, and how they prove it.
#[derive(Debug)]
pub enum Arriving {
    /// By name and password.
    ByPassword(Newcomer),
    /// A user who sent a good access token.
    Known(UserId, Origin),
    /// Nobody yet; an issuer vouches for them, and this is to be their name.
    Vouched(Issued, String, Origin),
}

impl From<Newcomer> for Arriving {
    fn from(newcomer: Newcomer) -> Self {
        Self::ByPassword(newcomer)
    }
}

impl Arriving {
    /// Where they come from.
    pub(super) const fn from(&self) -> &Origin {
        match self {
            Self::ByPassword(newcomer) => &newcomer.from,
            Self::Known(_, from) | Self::Vouched(_, _, from) => from,
        }
    }

    /// Whether a sign-in begins with it.
    pub(super) const fn signs_in(&self) -> bool {
        matches!(self, Self::ByPassword(_))
    }
}

/// A user who has proved who they are, though they may not be one yet.
pub(super) struct Proved {
    pub(super) id: UserId,
    new: Option<New>,
    /// What their password was, of who typed it.
    typed: Option<SecretString>,
}

/// What makes a user who does not exist yet.
struct New {
    name: String,
    proof: NewProof,
}

enum NewProof {
    Password(String),
    Issuer(Issued),
}

impl Proved {
    const fn known(id: UserId) -> Self {
        Self {
            id,
            new: None,
            typed: None,
        }
    }

    fn new(name: &str, proof: NewProof) -> Self {
        let name = name.to_owned();
        Self {
            id: UserId::mint(),
            new: Some(New { name, proof }),
            typed: None,
        }
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

    /// Makes the user where there is none yet. Returns the login name.
    pub(super) async fn settle(&self, tx: &mut Tx) -> Result<String> {
        if let Some(typed) = &self.typed {
            // Held until the end: whoever changes it ends the sign-ins by the old one, this one too.
            let hash = tx.identity().hold_password(self.id).await?;
            if hash.as_deref() != Some(typed.expose_secret()) {
                return Err(WRONG);
            }
        }
        let Some(New { name, proof }) = &self.new else {
            let name = tx.identity().user_name(self.id).await?;
            return name.ok_or(Error::NotFound { what: "user" });
        };
        let hash = match proof {
            NewProof::Password(hash) => Some(hash.as_str()),
            NewProof::Issuer(_) => None,
        };
        if !tx.identity().insert_user(self.id, name, hash).await? {
            return Err(Error::conflict(
                "name_taken",
                "the login name is taken: choose another",
            ));
        }
        if let NewProof::Issuer(issued) = proof
            && !tx.identity().insert_identity(self.id, issued).await?
        {
            return Err(Error::conflict(
                "known_already",
                "you became a user in this moment: send it again without a name",
            ));
        }
        Ok(name.clone())
    }
}

/// An existing user must know their password; a new one gets it. To be asked only of who has a good code: it says whether a name
/// exists.
pub(super) async fn prove(hub: &Hub, who: &Arriving) -> Result<Proved> {
    let who = match who {
        Arriving::Known(user, _) => return Ok(Proved::known(*user)),
        Arriving::Vouched(issued, name, _) => {
            return Ok(Proved::new(name, NewProof::Issuer(issued.clone())));
        }
        Arriving::ByPassword(newcomer) => newcomer,
    };
    let mut tx = hub.db.begin_system().await?;
    let existing = tx.identity().user_by_name(&who.name).await?;
    drop(tx);
    let Some(existing) = existing else {
        password::check(&who.password, "/password")?;
        let hash = hub.passwords.hash(who.password.clone()).await?;
        return Ok(Proved::new(&who.name, NewProof::Password(hash)));
    };
    let work = with_password(hub, who, existing);
    attempt::with_password(hub, &who.name, &who.from, work).await
}

async fn with_password(hub: &Hub, who: &Newcomer, existing: StoredUser) -> Result<Proved> {
    let typed = who.password.clone();
    let hash = existing.password_hash;
    let is_right = hub.passwords.verify(typed, hash.clone()).await?;
    if !is_right || existing.is_disabled {
        return Err(WRONG);
    }
    Ok(Proved {
        typed: hash,
        ..Proved::known(existing.id)
    })
}
