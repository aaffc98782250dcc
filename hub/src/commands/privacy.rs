//! `hub privacy`: which rooms are private, which talk is not recorded; and switching both.

use std::{fmt::Write, process::ExitCode};

use serde_json::json;

use super::{
    remote::{self, Call, Failure, Options, Remote, no_space},
    terminal::one_line,
};
use crate::{
    page::Page,
    places::{PrivacyMode, Space},
    sessions::{Session, TalkKind},
};

/// Pages read at most: a house has not more rooms than that, nor more talk that goes on.
const MAX_PAGES: usize = 5;
const SPACES: &str = "/v1/agents/self/spaces";
const SESSIONS: &str = "/v1/agents/self/sessions";

/// Show which spaces are private and which talk is not recorded, or switch one
///
/// In a private space nothing is kept, and the agent thinks about nothing that is said there, until you turn that off. What it was thinking about ends at once.
/// What was kept before stays, and is not recalled meanwhile. The same goes for talk that is not recorded.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// `on` or `off`, or the name of the space before it
    #[arg(value_name = "SPACE] [on|off", num_args = 0..=2)]
    words: Vec<String>,

    /// Only the talk that goes on now: in the space, or your own with the agent where none is named
    #[arg(long)]
    session: bool,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "Examples:
  hub privacy
  hub privacy kitchen on
  hub privacy kitchen off
  hub privacy kitchen --session on     # what is said there now is not recorded
  hub privacy --session on             # what you say to the agent is not recorded";

/// What is to be switched.
#[derive(Debug, PartialEq, Eq)]
enum Wish<'a> {
    Show,
    Space(&'a str, bool),
    Session(Option<&'a str>, bool),
}

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("privacy", &args.options, async |hub| privacy(&args, hub).await).await
}

pub(super) async fn privacy(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    let words: Vec<&str> = args.words.iter().map(String::as_str).collect();
    match wish(&words, args.session)? {
        Wish::Show => show(hub).await,
        Wish::Space(name, on) => switch_space(hub, name, on).await,
        Wish::Session(name, on) => switch_session(hub, name, on).await,
    }
}

fn wish<'a>(words: &[&'a str], session: bool) -> Result<Wish<'a>, Failure> {
    let on = |word: &str| match word {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(Failure::Usage(format!("say on or off, not {}", one_line(other)))),
    };
    match (words, session) {
        ([], false) => Ok(Wish::Show),
        ([word], true) => Ok(Wish::Session(None, on(word)?)),
        ([name, word], true) => Ok(Wish::Session(Some(*name), on(word)?)),
        ([name, word], false) => Ok(Wish::Space(name, on(word)?)),
        ([_], false) => Err(Failure::Usage(
            "say which space, and on or off: hub privacy kitchen on".to_owned(),
        )),
        _ => Err(Failure::Usage(
            "say on or off: hub privacy --session on".to_owned(),
        )),
    }
}

async fn talk(hub: &Remote) -> Result<Page<Session>, Failure> {
    let open = Call::list(SESSIONS).query("is_open", &true);
    hub.client.pages(&open, MAX_PAGES).await
}

async fn show(hub: &mut Remote) -> Result<ExitCode, Failure> {
    let Some(rooms) = hub.list::<Space>(&Call::list(SPACES), MAX_PAGES).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let talk = talk(hub).await?;
    hub.show(table(&rooms.items, &talk.items).trim_end())?;
    Ok(ExitCode::SUCCESS)
}

fn table(rooms: &[Space], talk: &[Session]) -> String {
    let mut text = String::new();
    for room in rooms {
        let mode = match room.privacy_mode {
            PrivacyMode::Private => "private: nothing is kept",
            PrivacyMode::Normal => "open",
        };
        let silent = |session: &&Session| session.space_id == room.id && !session.is_recorded;
        let note = match talk.iter().find(silent).map(|session| session.kind) {
            Some(TalkKind::Direct) => "; your own talk with the agent is not recorded",
            Some(TalkKind::Space) => "; the talk that goes on is not recorded",
            None => "",
        };
        // A text takes whatever is written to it.
        let _ = writeln!(text, "{}  {mode}{note}", one_line(&room.name));
    }
    text
}

async fn switch_space(hub: &mut Remote, name: &str, on: bool) -> Result<ExitCode, Failure> {
    let space = named(hub, name).await?;
    let mode = if on {
        PrivacyMode::Private
    } else {
        PrivacyMode::Normal
    };
    let call = Call::patch(format!("{SPACES}/{}", space.id), json!({"privacy_mode": mode}));
    if hub.is_curl() {
        return hub.show_curl(&call);
    }
    let space: Space = hub.client.call_for(&call).await?;
    let name = one_line(&space.name);
    let done = if on {
        format!(
            "{name} is private: nothing is kept of it until you turn it off: hub privacy {} off",
            remote::quote(&name)
        )
    } else {
        format!("{name} is open again.")
    };
    hub.tell(&space, done)
}

async fn switch_session(hub: &mut Remote, name: Option<&str>, on: bool) -> Result<ExitCode, Failure> {
    let (kind, space) = match name {
        Some(name) => (TalkKind::Space, Some(named(hub, name).await?)),
        None => (TalkKind::Direct, None),
    };
    let talk = talk(hub).await?;
    let is_meant = |session: &&Session| {
        session.kind == kind && space.as_ref().is_none_or(|space| space.id == session.space_id)
    };
    let Some(session) = talk.items.iter().find(is_meant) else {
        let hint = match &space {
            Some(space) => {
                let name = one_line(&space.name);
                format!(
                    "nobody talks in {name} now; to keep nothing of it at all: hub privacy {} on",
                    remote::quote(&name)
                )
            }
            None => "you have not talked to the agent yet".to_owned(),
        };
        return Err(Failure::Usage(hint));
    };
    let call = Call::patch(format!("{SESSIONS}/{}", session.id), json!({"is_recorded": !on}));
    if hub.is_curl() {
        return hub.show_curl(&call);
    }
    let session: Session = hub.client.call_for(&call).await?;
    let done = if on {
        "Not recorded from now on, and not answered, until you turn that off."
    } else {
        "Recorded again from now on."
    };
    hub.tell(&session, done)
}

async fn named(hub: &Remote, name: &str) -> Result<Space, Failure> {
    let rooms: Page<Space> = hub.client.pages(&Call::list(SPACES), MAX_PAGES).await?;
    let mut rooms = rooms.items.into_iter();
    let found = rooms.find(|room| room.name.to_lowercase() == name.to_lowercase());
    found.ok_or_else(|| no_space(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_one_wish_or_says_how_to_say_it() {
        let said = |words: &[&'static str], session| wish(words, session).map_err(|_| ());
        assert_eq!(said(&[], false), Ok(Wish::Show));
        assert_eq!(said(&["kitchen", "on"], false), Ok(Wish::Space("kitchen", true)));
        assert_eq!(said(&["off"], true), Ok(Wish::Session(None, false)));
        assert_eq!(
            said(&["kitchen", "on"], true),
            Ok(Wish::Session(Some("kitchen"), true))
        );
        for (words, session) in [
            (&["kitchen"][..], false),
            (&[], true),
            (&["kitchen", "yes"], false),
        ] {
            assert_eq!(said(words, session), Err(()), "{words:?}");
        }
    }
}
