//! What Postgres says, as the hub's one error.

use crate::{error::Error, tls};

/// SQLSTATE codes that mean "later": lock and statement time-outs, shutdown, too many connections, idle time-out.
const LATER: [&str; 8] = [
    "55P03", "57014", "57P01", "57P02", "57P03", "53300", "25P03", "08006",
];
/// SQLSTATE codes that mean "the same again may pass": serialization failure and deadlock.
const CLASH: [&str; 2] = ["40001", "40P01"];

/// Our own: the person for whom this worked was merged into another by the time of the commit (`migrations/0038`).
const MERGED: &str = "HB002";
/// The same of a session that begins in a conversation which a merge takes away.
const TALK: &str = "sessions_agent_id_conversation_id_fkey";

/// The database's certificate is not one that counts. Whoever answers is not the database, so that this is said as one that is
/// away: it may come back, and nothing that was configured is taken for wrong at the first sight of somebody between.
#[derive(Debug, thiserror::Error)]
#[error("{0} (see database.url and database.ca_file)")]
struct Distrusted(String);

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if let Some(why) = tls::distrust_of(&error, "in database.ca_file") {
            return Self::Unavailable {
                what: "the database",
                source: Some(Distrusted(why).into()),
            };
        }
        let is_merged = matches!(&error, sqlx::Error::Database(database)
            if database.code().as_deref() == Some(MERGED) || database.constraint() == Some(TALK));
        if is_merged {
            return Self::Unavailable {
                what: "a person who is not becoming another in this moment",
                source: Some(error.into()),
            };
        }
        let is_away = match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::BeginFailed => true,
            sqlx::Error::Database(database) => database
                .code()
                .is_some_and(|code| LATER.contains(&&*code) || CLASH.contains(&&*code)),
            _ => false,
        };
        if is_away {
            Self::Unavailable {
                what: "the database",
                source: Some(error.into()),
            }
        } else {
            Self::Internal("the database refused".into(), Some(error.into()))
        }
    }
}
