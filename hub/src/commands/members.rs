//! `hub members`: who belongs to the agent, and what becomes of them.

use std::process::ExitCode;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    invite::role,
    login::{Who, ask_password},
    remote::{self, Call, Failure, MAX_PAGES, Options, Remote, entries, pick_called},
    terminal::{ago, one_line},
};
use crate::{
    clock::{Clock, DateTime, SystemClock},
    identity::{Ended, Member, Role},
    page::Page,
};

/// Where they are.
const PATH: &str = "/v1/agents/self/members";

/// Show who belongs to the agent, and change it
///
/// An admin changes, blocks and removes members and guests; the owner admins, too, and lets the blocked back in. With whom you remove
/// or block go their tokens and their own devices, for good. Invite people with `hub invite`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
#[group(id = "what", multiple = false)]
pub struct Args {
    /// Give somebody another role: guest, member or admin
    #[arg(long, value_name = "NAME=ROLE", group = "what", value_parser = wanted)]
    role: Option<Wanted>,

    /// Block somebody: they may do nothing, and come back by no admin's invitation
    #[arg(long, value_name = "NAME", group = "what")]
    block: Option<String>,

    /// Remove somebody; they may be invited again
    #[arg(long, value_name = "NAME", group = "what")]
    remove: Option<String>,

    /// Leave the household yourself
    #[arg(long, group = "what")]
    leave: bool,

    /// Make this member the owner in your place; asks for your password
    #[arg(long, value_name = "NAME", group = "what")]
    transfer: Option<String>,

    /// Do it without asking
    #[arg(long)]
    yes: bool,

    /// Read your password from the first line of standard input
    #[arg(long, requires = "transfer")]
    password_stdin: bool,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "Examples:
  hub members
  hub members --role Bob=guest
  hub members --block Bob
  hub members --remove Bob --yes
  hub members --leave
  hub members --transfer Eva";

/// Whom to give which role.
#[derive(Debug, Clone)]
pub struct Wanted {
    name: String,
    role: Role,
}

fn wanted(text: &str) -> Result<Wanted, String> {
    let (name, word) = text
        .rsplit_once('=')
        .ok_or_else(|| "must be NAME=ROLE, such as Bob=guest".to_owned())?;
    let name = name.to_owned();
    Ok(Wanted {
        name,
        role: role(word)?,
    })
}

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("members", &args.options, async |hub| members(&args, hub).await).await
}

pub(super) async fn members(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    if let Some(name) = &args.transfer {
        return transfer(args, hub, name).await;
    }
    if args.leave {
        let call = Call::bare_post(format!("{PATH}/leave"));
        let question = "Leave the household? Your tokens and your own devices end, for good.";
        return act(args, hub, &call, question, "You have left.").await;
    }
    if let Some(Wanted { name, role }) = &args.role {
        let (id, name) = find(hub, name).await?;
        let call = Call::patch(format!("{PATH}/{id}"), json!({"role": role}));
        return send(hub, &call, &format!("{name} is {} now.", role.as_str())).await;
    }
    if let Some(name) = &args.block {
        let (id, name) = find(hub, name).await?;
        let call = Call::patch(format!("{PATH}/{id}"), json!({"role": Role::Blocked}));
        let question = format!("Block {name}? Their tokens and their own devices end, for good.");
        return act(args, hub, &call, &question, &format!("{name} is blocked.")).await;
    }
    if let Some(name) = &args.remove {
        let (id, name) = find(hub, name).await?;
        let call = Call::delete(format!("{PATH}/{id}"));
        let question = format!("Remove {name}? Their tokens and their own devices end, for good.");
        return act(args, hub, &call, &question, &format!("{name} is removed.")).await;
    }
    list(hub).await
}

async fn list(hub: &mut Remote) -> Result<ExitCode, Failure> {
    let Some(all) = hub.list::<Member>(&Call::list(PATH), MAX_PAGES).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let now = SystemClock.now();
    let id = |member: &Member| member.user_id.0;
    let lines = entries(&all.items, id, |member, id| line(member, id, now));
    hub.show(lines.join("\n"))?;
    if all.next_cursor.is_some() {
        hub.terminal.remark("There are more; these are the oldest.");
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks first, unless that was said not to be needed.
async fn act(
    args: &Args,
    hub: &mut Remote,
    call: &Call,
    question: &str,
    done: &str,
) -> Result<ExitCode, Failure> {
    if hub.is_curl() {
        return hub.show_curl(call);
    }
    let unasked = "nobody is here to be asked: add --yes to do it";
    if !args.yes && !hub.agreed(question, unasked)? {
        hub.terminal.remark("Nothing was done.");
        return Ok(ExitCode::FAILURE);
    }
    send(hub, call, done).await
}

async fn send(hub: &mut Remote, call: &Call, done: &str) -> Result<ExitCode, Failure> {
    let Some(answer) = hub.ask::<Value>(call).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let ended = answer.get("ended").unwrap_or(&answer);
    hub.show(told(done, &hub.client.read(ended)?))?;
    Ok(ExitCode::SUCCESS)
}

async fn transfer(args: &Args, hub: &mut Remote, name: &str) -> Result<ExitCode, Failure> {
    // Whoever has the owner's tokens is not the owner.
    hub.client.use_sign_in();
    let (id, name) = find(hub, name).await?;
    let path = format!("{PATH}/{id}/transfer-ownership");
    if hub.is_curl() {
        hub.terminal
            .remark("# put your own password in; it will be in the history of your shell");
        return hub.show_curl(&Call::post(path, json!({"password": "PASSWORD"})).once());
    }
    let question = format!("Make {name} the owner? You become an admin, and only {name} can undo it.");
    if !args.yes && !hub.agreed(&question, "nobody is here to be asked: add --yes to do it")? {
        hub.terminal.remark("Nothing was done.");
        return Ok(ExitCode::FAILURE);
    }
    let who = Who {
        name: None,
        password_stdin: args.password_stdin,
    };
    let password = ask_password(&who, &mut hub.terminal, false)?;
    let body = json!({"password": secrecy::ExposeSecret::expose_secret(&password)});
    let done = format!("{name} owns the agent now; you are an admin.");
    hub.send(&Call::post(path, body).once(), &done).await
}

/// The one whom the agent calls this, or of this id.
async fn find(hub: &Remote, typed: &str) -> Result<(Uuid, String), Failure> {
    let all: Page<Member> = hub.client.pages(&Call::list(PATH), MAX_PAGES).await?;
    pick(&all.items, typed)
}

fn pick(all: &[Member], typed: &str) -> Result<(Uuid, String), Failure> {
    let otherwise = ["nobody here", "see who is here: hub members"];
    let id = |member: &Member| member.user_id.0;
    let member = pick_called(all, id, |member| vec![called(member)], typed, otherwise)?;
    Ok((id(member), called(member)))
}

fn called(member: &Member) -> String {
    member
        .name
        .as_deref()
        .map_or_else(|| "somebody".to_owned(), one_line)
}

fn line(member: &Member, id: &str, now: DateTime) -> String {
    let (name, role) = (called(member), member.role.as_str());
    format!("{id}  {name}  {role} · joined {}", ago(member.joined_at, now))
}

/// What was done, and what ended with it.
fn told(done: &str, ended: &Ended) -> String {
    let mut lines = vec![done.to_owned()];
    for (count, what) in [
        (ended.tokens, "tokens revoked"),
        (ended.invitations, "open invitations revoked"),
        (ended.delegations, "delegations revoked"),
    ] {
        if count > 0 {
            lines.push(format!("  {what}: {count}"));
        }
    }
    if !ended.devices.is_empty() {
        let names: Vec<String> = ended
            .devices
            .iter()
            .map(|device| one_line(&device.name))
            .collect();
        lines.push(format!("  devices revoked: {}", names.join(", ")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{DeviceId, UserId};

    fn member(name: &str, id: &str) -> Member {
        Member {
            user_id: UserId(id.parse().unwrap()),
            person_id: None,
            name: Some(name.to_owned()),
            role: Role::Member,
            joined_at: SystemClock.now(),
        }
    }

    #[test]
    fn somebody_is_meant_by_name_and_of_two_by_id() {
        let all = [
            member("Bob", "0198aaaa-0000-7000-8000-000001abcdef"),
            member("bob", "0198aaaa-0000-7000-8000-000002abcdef"),
            member("Eva Maria", "0198aaaa-0000-7000-8000-000003abcdef"),
        ];
        let id = |typed| pick(&all, typed).map(|(id, _)| id);
        assert_eq!(id("eva  maria").unwrap(), all[2].user_id.0);
        assert_eq!(id("2abcdef").unwrap(), all[1].user_id.0);
        let two = id("BOB").unwrap_err().to_string();
        assert!(two.starts_with("2 are called bob: give the id"), "{two}");
        assert!(
            id("max")
                .unwrap_err()
                .to_string()
                .starts_with("nobody here is called max")
        );
    }

    #[test]
    fn what_ended_is_said() {
        let device = crate::identity::membership::EndedDevice {
            id: DeviceId::mint(),
            name: "bob's\nphone".to_owned(),
        };
        let ended = Ended {
            tokens: 2,
            invitations: 0,
            delegations: 0,
            devices: vec![device],
        };
        assert_eq!(
            told("Bob is removed.", &ended),
            "Bob is removed.\n  tokens revoked: 2\n  devices revoked: bob's phone"
        );
        assert_eq!(told("You have left.", &Ended::default()), "You have left.");
    }

    #[test]
    fn a_role_is_typed_behind_the_name() {
        let read = wanted("Eva=Maria=Guest").unwrap();
        assert_eq!((read.name.as_str(), read.role), ("Eva=Maria", Role::Guest));
        assert!(wanted("Eva").is_err() && wanted("Eva=king").is_err());
    }
}
