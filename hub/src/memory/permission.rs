//! Whether what was said may be remembered: those who said it are asked, each as they think now.

use uuid::Uuid;

use crate::{
    error::Result,
    ids::{ConsentId, DeviceId, PersonId},
    places::{
        Closed,
        gate::{Answer, Matter, Purpose, ask},
    },
    storage::{TurnRow, Tx},
};

/// What they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Nobody minds; the grant of the turn's own person, where there is one.
    Given(Option<ConsentId>),
    /// Somebody does, or something else is in the way.
    Refused(Closed),
}

/// Asks everybody of whom something was heard, and the one for whom the turn runs.
pub async fn permission(
    tx: &mut Tx,
    turn: &TurnRow,
    device: Option<DeviceId>,
    inputs: &[Uuid],
) -> Result<Permission> {
    let mut people: Vec<Option<PersonId>> = tx
        .events()
        .people_of(inputs)
        .await?
        .into_iter()
        .map(Some)
        .collect();
    // Last, so that theirs is the grant that counts.
    people.retain(|person| *person != turn.audience);
    people.push(turn.audience);
    let mut grant = None;
    for person in people {
        let matter = Matter {
            device,
            person,
            purpose: Purpose::Remember,
            ..Matter::of_turn(turn)
        };
        match ask(tx, matter).await? {
            Answer::Open(by) => grant = by.or(grant),
            Answer::Closed(why) => return Ok(Permission::Refused(why)),
        }
    }
    Ok(Permission::Given(grant))
}
