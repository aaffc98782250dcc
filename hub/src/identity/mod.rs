//! Who is calling, and what they may do.

mod actor;
pub mod attempt;
pub mod authorize;
pub mod claim;
pub mod create_token;
pub mod credentials;
mod network;
pub mod password;
pub mod personal_token;
mod principal;
pub mod refresh;
mod refresh_token;
pub mod refusals;
pub mod revoke_token;
mod role;
mod scope;
pub mod sign_in;
pub mod sign_out;
pub mod throttle;
pub mod tokens;
pub mod update_agent;
mod watcher;

pub use actor::{Actor, ActorKind, Origin};
pub use network::network;
pub use personal_token::PersonalToken;
pub use principal::{Caller, Principal, Proof, SignedIn, Trust};
pub use role::Role;
pub use scope::Scope;
pub use watcher::Watcher;
