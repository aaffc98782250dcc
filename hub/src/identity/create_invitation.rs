//! Inviting somebody: the code is shown once, and lets one user in.

use chrono::Duration;
use secrecy::SecretString;

use super::{
    Caller, Invitation, Role,
    held::own,
    invitation::{DEFAULT_LIFE, LONGEST_LIFE, MAX_NAME, MOST_OPEN},
    membership::{Refusal, may_invite},
};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    events::payload::check_name,
    ids::InvitationId,
    secret,
    storage::Tx,
};

/// Who is invited.
#[derive(Debug)]
pub struct NewInvitation {
    /// What they become.
    pub role: Role,
    /// What the agent will call them; by their login name where nobody says.
    pub name: Option<String>,
    /// How long the code is good, in seconds; [`DEFAULT_LIFE`] when nobody says.
    pub expires_in_s: Option<u32>,
}

/// Makes an invitation with its code.
pub async fn create_invitation(
    tx: &mut Tx,
    caller: &Caller,
    new: NewInvitation,
) -> Result<(Invitation, SecretString)> {
    if let Some(name) = &new.name {
        check_name(name, MAX_NAME).map_err(|detail| Error::invalid("/name", detail))?;
    }
    if matches!(new.role, Role::Owner | Role::Blocked) {
        return Err(Error::invalid("/role", "must be admin, member or guest"));
    }
    let life = life(new.expires_in_s)?;
    let (user, by) = own(tx, caller).await?;
    if !may_invite(by, new.role) {
        return Err(Refusal::OwnersOnly.into());
    }
    if tx.identity().open_invitations_of(user).await? >= MOST_OPEN {
        let detail = format!("{MOST_OPEN} invitations of yours are open: revoke one that nobody needs");
        return Err(Error::conflict("too_many_invitations", detail));
    }
    let code = secret::mint_code();
    let invitation = Invitation {
        id: InvitationId::mint(),
        role: new.role,
        name: new.name.map(|name| name.trim().to_owned()),
        created_by: user,
        created_at: tx.now(),
        expires_at: tx.now() + life,
        accepted_at: None,
        accepted_by: None,
        revoked_at: None,
    };
    tx.identity()
        .insert_invitation(&invitation, &secret::hash(&code))
        .await?;
    tx.record(
        Record::of("create_invitation")
            .on("invitation", invitation.id.0)
            .with("role", new.role.as_str())
            .with("expires_at", invitation.expires_at.to_rfc3339()),
    );
    Ok((invitation, code))
}

fn life(asked_s: Option<u32>) -> Result<Duration> {
    let life = asked_s.map_or(DEFAULT_LIFE, |seconds| Duration::seconds(seconds.into()));
    if life < Duration::minutes(1) || life > LONGEST_LIFE {
        let detail = format!("must be between 60 and {}", LONGEST_LIFE.num_seconds());
        return Err(Error::invalid("/expires_in_s", detail));
    }
    Ok(life)
}
