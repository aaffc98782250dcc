//! What there is to say of the way to the database and of who logs in there. On one machine both are its owner's; over a network
//! others could be between, and a login that may undo row-level security would give an intruder every agent.

use crate::{
    error::Result,
    storage::{Db, Login, Way},
};

/// What was found, in words.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// As it should be.
    Well(String),
    /// Works, and could be safer.
    Note(String),
    /// Somebody should mend it.
    Wrong(String),
}

/// Warns of what could be safer. It stops nothing: a hub that served before goes on.
pub(super) async fn warn(db: &Db) -> Result<()> {
    for said in [way(db.way()), login(db.way(), db.login().await?)] {
        match said {
            Said::Well(_) => {}
            Said::Note(text) | Said::Wrong(text) => tracing::warn!("{text}"),
        }
    }
    Ok(())
}

/// What others on the way could do.
pub(super) fn way(way: Way) -> Said {
    match way {
        Way::Local => Said::Well("stays on this machine".to_owned()),
        Way::Verified => Said::Well("encrypted, and the database's certificate is verified".to_owned()),
        Way::Unverified => Said::Note(
            "the connection to the database is encrypted, but whoever answers is believed: name its authority in \
             database.ca_file, or say sslmode=verify-full"
                .to_owned(),
        ),
        Way::Open => Said::Note(
            "the connection to the database may be in the clear: name its authority in database.ca_file, or say \
             sslmode=verify-full, unless nobody else is in that network"
                .to_owned(),
        ),
    }
}

/// What the login could do beyond serving.
pub(super) fn login(way: Way, Login { name, excess, .. }: Login) -> Said {
    match (excess, way) {
        (None, _) => Said::Well(format!(
            "{name} may become hub_app and hub_system, and nothing else"
        )),
        (Some(excess), Way::Local) => {
            Said::Well(format!("{name} {excess}, as whoever owns this machine could"))
        }
        (Some(excess), _) => Said::Wrong(format!(
            "the login {name} of the database {excess}: have `hub migrate` make one that only serves, with \
             database.owner_url"
        )),
    }
}
