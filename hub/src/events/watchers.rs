//! Those who watch on this node, and what each one's watching stands on: a sign-in, a role, a credential. Twice a second one look
//! asks for all of them whether it still stands, so that what is revoked ends within a second.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, OnceLock},
    time::Duration,
};

use tokio::sync::Notify;

use crate::{
    delegations::{chain::Power, standing::powers_now},
    error::{Error, Result},
    hub::Hub,
    identity::{Role, Scope, Watcher},
    ids::{AgentId, PersonId, TokenId},
    storage::{DeviceStanding, Tx, UserStanding, bounded},
};

/// How often it is asked: what is revoked must end within a second.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// What is needed to watch.
pub const NEEDS: Scope = Scope::EventsRead;

/// Why somebody may not watch any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallen {
    /// The sign-in or the credential has ended.
    Revoked,
    /// They are still somebody, but belong to this agent no more.
    Left,
    /// They are still somebody here, but may not read events any more.
    MayNot,
    /// They are another person to the agent than before, and see other things.
    Changed,
}

impl From<Fallen> for Error {
    fn from(fallen: Fallen) -> Self {
        match fallen {
            Fallen::Revoked => Self::Unauthenticated("the credential has ended"),
            Fallen::Left => Self::NotFound { what: "agent" },
            Fallen::MayNot => Self::Forbidden {
                scope: NEEDS.as_str(),
            },
            Fallen::Changed => Self::conflict(
                "person_changed",
                "who you are to the agent has changed: subscribe again",
            ),
        }
    }
}

/// The watchers of this process.
#[derive(Debug, Clone, Default)]
pub struct Watchers(Arc<Mutex<Standings>>);

#[derive(Debug, Default)]
struct Standings {
    all: HashMap<u64, Entry>,
    next: u64,
}

#[derive(Debug, Clone)]
struct Entry {
    who: Watcher,
    bell: Arc<Notify>,
    fallen: Arc<OnceLock<Fallen>>,
}

/// That somebody watches. Dropping it ends the asking.
#[derive(Debug)]
pub struct Standing {
    watchers: Watchers,
    number: u64,
    fallen: Arc<OnceLock<Fallen>>,
}

impl Standing {
    /// Refuses who may not watch any more.
    pub fn check(&self) -> Result<()> {
        self.fallen.get().map_or(Ok(()), |fallen| Err((*fallen).into()))
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.watchers.lock().all.remove(&self.number);
    }
}

impl Watchers {
    /// From now on it is asked for somebody; the bell rings when it does not stand any more.
    pub fn stand(&self, who: Watcher, bell: &Arc<Notify>) -> Standing {
        let mut standings = self.lock();
        standings.next += 1;
        let number = standings.next;
        let entry = Entry {
            who,
            bell: Arc::clone(bell),
            fallen: Arc::default(),
        };
        let fallen = Arc::clone(&entry.fallen);
        standings.all.insert(number, entry);
        Standing {
            watchers: self.clone(),
            number,
            fallen,
        }
    }

    /// A device goes on with another credential: what it watches stands on that one from now on.
    pub fn renewed(&self, before: TokenId, now: TokenId) {
        for entry in self.lock().all.values_mut() {
            if let Watcher::Device { token, .. } = &mut entry.who
                && *token == before
            {
                *token = now;
            }
        }
    }

    fn all(&self) -> Vec<Entry> {
        self.lock().all.values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Standings> {
        self.0.lock().expect("no panic while held")
    }
}

/// Starts the looks of this process.
pub fn start(hub: &Hub) {
    let looking = hub.clone();
    hub.lifecycle.spawn(async move {
        let mut failed = 0;
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = looking.lifecycle.closing() => return,
            }
            match bounded(look(&looking)).await {
                Ok(()) => failed = 0,
                Err(error) => {
                    failed += 1;
                    cannot_look(&error, failed);
                }
            }
        }
    });
}

/// Said aloud once, after the second failure in a row: until a look succeeds, what is revoked goes on being told.
fn cannot_look(error: &Error, failed: u32) {
    let error = error.chain();
    if failed == 2 {
        tracing::warn!(error, "it cannot be looked who may still watch");
    } else {
        tracing::debug!(error, "it could not be looked who may still watch");
    }
}

/// Tells those whose watching does not stand any more.
pub async fn look(hub: &Hub) -> Result<()> {
    let all = hub.watchers.all();
    if all.is_empty() {
        return Ok(());
    }
    let who = once_each(&all);
    let mut tx = hub.db.begin_system().await?;
    let users = tx.identity().standing_of_users(&who).await?;
    let devices = tx.identity().standing_of_devices(&who, NEEDS).await?;
    let delegates = powers(&mut tx, &who).await?;
    drop(tx);
    let judge = |(number, who): (usize, &Watcher)| {
        let fallen = match *who {
            Watcher::User { proof, at, .. } => users
                .get(&number)
                .map_or(Some(Fallen::Revoked), |now| judge_user(proof.is_some(), at, now)),
            Watcher::Device { person, .. } => devices
                .get(&number)
                .map_or(Some(Fallen::Revoked), |now| judge_device(person, now)),
            Watcher::Delegate { .. } => judge_delegate(delegates.get(&number)),
        };
        fallen.map(|fallen| (*who, fallen))
    };
    let fallen: HashMap<Watcher, Fallen> = who.iter().enumerate().filter_map(judge).collect();
    for entry in all {
        if let Some(fallen) = fallen.get(&entry.who) {
            let _ = entry.fallen.set(*fallen);
            entry.bell.notify_one();
        }
    }
    Ok(())
}

/// What the delegates among these may do, by the number of each.
async fn powers(tx: &mut Tx, all: &[Watcher]) -> Result<HashMap<usize, Power>> {
    let delegate = |(number, watcher): (usize, &Watcher)| match *watcher {
        Watcher::Delegate {
            agent,
            delegation,
            by,
        } => Some((number, (agent, delegation, by))),
        Watcher::User { .. } | Watcher::Device { .. } => None,
    };
    let (numbers, asked): (Vec<_>, Vec<_>) = all.iter().enumerate().filter_map(delegate).unzip();
    let powers = powers_now(tx, &asked).await?;
    let numbered = numbers.into_iter().zip(powers);
    Ok(numbered
        .filter_map(|(number, power)| Some((number, power?)))
        .collect())
}

/// Each of them once: somebody watches several things on one socket.
fn once_each(all: &[Entry]) -> Vec<Watcher> {
    let who: HashSet<Watcher> = all.iter().map(|entry| entry.who).collect();
    who.into_iter().collect()
}

fn judge_user(
    needs_proof: bool,
    at: Option<(AgentId, Option<PersonId>)>,
    now: &UserStanding,
) -> Option<Fallen> {
    if needs_proof && !now.is_proven {
        return Some(Fallen::Revoked);
    }
    let (_, person) = at?;
    match now.role {
        None | Some(Role::Blocked) => Some(Fallen::Left),
        Some(role) if !role.grants(NEEDS) => Some(Fallen::MayNot),
        Some(_) => (now.person != person).then_some(Fallen::Changed),
    }
}

fn judge_device(person: Option<PersonId>, now: &DeviceStanding) -> Option<Fallen> {
    if !now.is_alive {
        Some(Fallen::Revoked)
    } else if !now.may {
        Some(Fallen::MayNot)
    } else {
        (now.person != person).then_some(Fallen::Changed)
    }
}

fn judge_delegate(power: Option<&Power>) -> Option<Fallen> {
    match power {
        None => Some(Fallen::Revoked),
        Some(power) => (!power.scopes.contains(&NEEDS)).then_some(Fallen::MayNot),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::DeviceId;

    #[test]
    fn a_user_watches_while_the_sign_in_the_role_and_the_person_stand() {
        let (person, agent) = (Some(PersonId::mint()), AgentId::mint());
        let at = Some((agent, person));
        let good = UserStanding {
            is_proven: true,
            role: Some(Role::Member),
            person,
        };
        let with = |change: fn(&mut UserStanding)| {
            let mut now = good;
            change(&mut now);
            judge_user(true, at, &now)
        };
        assert_eq!(with(|_| {}), None);
        assert_eq!(with(|now| now.role = Some(Role::Owner)), None);
        assert_eq!(with(|now| now.is_proven = false), Some(Fallen::Revoked));
        assert_eq!(with(|now| now.role = None), Some(Fallen::Left));
        assert_eq!(with(|now| now.role = Some(Role::Blocked)), Some(Fallen::Left));
        assert_eq!(with(|now| now.role = Some(Role::Guest)), Some(Fallen::MayNot));
        assert_eq!(with(|now| now.person = None), Some(Fallen::Changed));
        let nobody = UserStanding { role: None, ..good };
        assert_eq!(
            judge_user(true, None, &nobody),
            None,
            "at no agent the sign-in is enough"
        );
    }

    #[test]
    fn what_a_device_watches_stands_on_the_credential_that_it_renewed() {
        let (watchers, bell) = (Watchers::default(), Arc::default());
        let (before, now, other) = (TokenId::mint(), TokenId::mint(), TokenId::mint());
        let device = |token| Watcher::Device {
            agent: AgentId::mint(),
            device: DeviceId::mint(),
            token,
            person: None,
        };
        let _standings = [before, other].map(|token| watchers.stand(device(token), &bell));
        watchers.renewed(before, now);
        let tokens = watchers.all().into_iter().map(|entry| match entry.who {
            Watcher::Device { token, .. } => token,
            Watcher::User { .. } | Watcher::Delegate { .. } => unreachable!("only devices watch"),
        });
        let tokens: HashSet<TokenId> = tokens.collect();
        assert_eq!(tokens, HashSet::from([now, other]));
    }

    #[test]
    fn it_is_asked_once_for_each_whatever_they_watch() {
        let (watchers, bell) = (Watchers::default(), Arc::default());
        let device = |token| Watcher::Device {
            agent: AgentId::mint(),
            device: DeviceId::mint(),
            token,
            person: None,
        };
        let (one, other) = (device(TokenId::mint()), device(TokenId::mint()));
        let _standings = [one, other, one, one].map(|who| watchers.stand(who, &bell));
        let asked = once_each(&watchers.all());
        assert_eq!(asked.len(), 2);
        assert!(asked.contains(&one) && asked.contains(&other));
    }

    #[test]
    fn a_delegate_watches_while_the_delegation_and_its_scope_stand() {
        let with = |scopes: &[Scope]| Power {
            scopes: scopes.to_vec(),
            within: None,
        };
        assert_eq!(judge_delegate(None), Some(Fallen::Revoked));
        assert_eq!(
            judge_delegate(Some(&with(&[Scope::TurnsRead]))),
            Some(Fallen::MayNot)
        );
        assert_eq!(judge_delegate(Some(&with(&[Scope::TurnsRead, NEEDS]))), None);
    }

    #[test]
    fn a_device_watches_while_its_credential_its_scope_and_its_person_stand() {
        let now = |is_alive, may, person| DeviceStanding {
            is_alive,
            may,
            person,
        };
        assert_eq!(judge_device(None, &now(true, true, None)), None);
        assert_eq!(judge_device(None, &now(false, true, None)), Some(Fallen::Revoked));
        assert_eq!(judge_device(None, &now(true, false, None)), Some(Fallen::MayNot));
        let given = now(true, true, Some(PersonId::mint()));
        assert_eq!(judge_device(None, &given), Some(Fallen::Changed));
    }
}
