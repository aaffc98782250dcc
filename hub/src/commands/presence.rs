//! `hub presence`: who is where, who was, and that somebody is not there.

use std::process::ExitCode;

use uuid::Uuid;

use super::{
    known::{Known, clock, sensed},
    remote::{self, Call, Failure, MAX_PAGES, Names, Options, Remote, entries, pick_called},
    terminal::{ago, one_line, span},
};
use crate::{
    clock::{Clock, DateTime, SystemClock},
    page::Page,
    recognition::{PastPresence, Presence, PresenceEnd},
};

/// Where they are.
const PATH: &str = "/v1/agents/self/presence";

/// Show who is where, and who was, or say that somebody is not there
///
/// Somebody is in a space once it was confirmed that it is them who was heard or seen there (`hub recognise`), until they are not heard
/// or seen for a while, say that they left, or the space goes private. Only who allows it is known at all: see `hub consent`.
///
/// The past is your own; whoever runs the household sees everybody's. The audit log says that you looked.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Show who was where instead, newest first
    #[arg(long, conflicts_with = "end")]
    past: bool,

    /// Say that somebody is not there: by their name, or by the id that is shown
    #[arg(long, value_name = "PERSON|ID")]
    end: Option<String>,

    /// In this space only
    #[arg(long, value_name = "NAME")]
    space: Option<String>,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "Examples:
  hub presence
  hub presence --space kitchen
  hub presence --past
  hub presence --end Nora                # she is not there
  hub presence --end Nora --space kitchen";

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("presence", &args.options, async |hub| presence(&args, hub).await).await
}

pub(super) async fn presence(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    let space = match &args.space {
        Some(name) => Some(Names::of_spaces(&hub.client).await?.space(name)?),
        None => None,
    };
    if let Some(who) = &args.end {
        return end(hub, who, space).await;
    }
    let none = match &args.space {
        Some(name) if args.past => format!("Nobody is known to have been in {}.", one_line(name)),
        Some(name) => format!("Nobody is known to be in {}.", one_line(name)),
        None if args.past => "Nobody is known to have been anywhere.".to_owned(),
        None => "Nobody is known to be anywhere.".to_owned(),
    };
    if args.past {
        past(hub, space, &none).await
    } else {
        show(hub, space, &none).await
    }
}

fn list(path: &str, space: Option<Uuid>) -> Call {
    let call = Call::list(path);
    match space {
        Some(space) => call.query("space_id", &space),
        None => call,
    }
}

async fn show(hub: &mut Remote, space: Option<Uuid>, none: &str) -> Result<ExitCode, Failure> {
    let Some(all) = hub.list::<Presence>(&list(PATH, space), MAX_PAGES).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let (known, now) = (Known::of(&hub.client).await?, SystemClock.now());
    let lines = entries(
        &all.items,
        |there| there.id.0,
        |there, id| line(there, id, &known, now),
    );
    hub.show_list(&lines, none)
}

async fn past(hub: &mut Remote, space: Option<Uuid>, none: &str) -> Result<ExitCode, Failure> {
    let path = format!("{PATH}/history");
    let Some(all) = hub.list::<PastPresence>(&list(&path, space), MAX_PAGES).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let (known, now) = (Known::of(&hub.client).await?, SystemClock.now());
    let lines: Vec<String> = all.items.iter().map(|was| past_line(was, &known, now)).collect();
    let shown = hub.show_list(&lines, none)?;
    if all.next_cursor.is_some() {
        hub.terminal.remark("There are more; these are the newest.");
    }
    Ok(shown)
}

async fn end(hub: &mut Remote, who: &str, space: Option<Uuid>) -> Result<ExitCode, Failure> {
    let all: Page<Presence> = hub.client.pages(&list(PATH, space), MAX_PAGES).await?;
    let known = Known::of(&hub.client).await?;
    let there = pick(&all.items, &known, who)?;
    let call = Call::delete(format!("{PATH}/{}", there.id));
    let done = format!(
        "{} is not {} any more.",
        known.person(there.person_id),
        known.space(there.space_id)
    );
    let sent = hub.send(&call, &done).await;
    sent.map_err(|failure| {
        failure.advised(
            "not_found",
            "you say it of yourself; an owner or admin says it of anybody",
        )
    })
}

fn pick<'a>(all: &'a [Presence], known: &Known, who: &str) -> Result<&'a Presence, Failure> {
    let names = |there: &Presence| known.names(there.person_id);
    let otherwise = ["nobody who is there", "see who is where: hub presence"];
    pick_called(all, |there| there.id.0, names, who, otherwise)
}

fn line(there: &Presence, id: &str, known: &Known, now: DateTime) -> String {
    format!(
        "{id}  {}  {} · since {} ({}) · by {}, last {} {}",
        known.person(there.person_id),
        known.space(there.space_id),
        clock(there.since, now),
        span(there.since, now),
        there.modality.as_str(),
        sensed(there.modality),
        ago(there.seen_at, now),
    )
}

fn past_line(was: &PastPresence, known: &Known, now: DateTime) -> String {
    let why = match was.reason {
        PresenceEnd::AgedOut => format!("not {} any more", sensed(was.modality)),
        PresenceEnd::Removed => "somebody said so".to_owned(),
        PresenceEnd::PrivacyMode => "the space went private".to_owned(),
    };
    format!(
        "{}  {} · {} to {} ({}) · by {} · ended: {why}",
        known.person(was.person_id),
        known.space(was.space_id),
        clock(was.since, now),
        clock(was.until, was.since),
        span(was.since, was.until),
        was.modality.as_str(),
    )
}

#[cfg(test)]
mod tests {
    use chrono::{Duration, TimeZone, Utc};

    use super::{
        super::known::testing::{KITCHEN, MAX, NORA, known},
        *,
    };
    use crate::{
        ids::{PersonId, PresenceId, SpaceId},
        recognition::Modality,
    };

    fn noon() -> DateTime {
        Utc.with_ymd_and_hms(2026, 3, 4, 12, 0, 0).unwrap()
    }

    fn there(person: &str, space: SpaceId) -> Presence {
        Presence {
            id: PresenceId::mint(),
            person_id: PersonId(person.parse().unwrap()),
            space_id: space,
            modality: Modality::Voice,
            device_id: None,
            since: noon() - Duration::minutes(12),
            seen_at: noon() - Duration::seconds(20),
        }
    }

    fn kitchen() -> SpaceId {
        SpaceId(KITCHEN.parse().unwrap())
    }

    #[test]
    fn a_line_says_who_is_where_since_when_and_by_what() {
        let nora = there(NORA, kitchen());
        let since = clock(nora.since, noon());
        assert_eq!(
            line(&nora, "3f9a1c", &known(), noon()),
            format!("3f9a1c  Nora  in kitchen · since {since} (12 min) · by voice, last heard 20 s ago")
        );
        // A name is one line, and looks like no other entry.
        let max = line(&there(MAX, kitchen()), "77ab0e", &known(), noon());
        assert!(max.starts_with("77ab0e  Max 3f9a1c  in kitchen"), "{max}");
    }

    #[test]
    fn the_past_says_from_when_to_when_and_why_it_ended() {
        let was = |reason| PastPresence {
            id: PresenceId::mint(),
            person_id: PersonId(NORA.parse().unwrap()),
            space_id: kitchen(),
            modality: Modality::Face,
            since: noon() - Duration::minutes(50),
            until: noon() - Duration::minutes(20),
            reason,
        };
        let aged = was(PresenceEnd::AgedOut);
        let (from, to) = (clock(aged.since, noon()), clock(aged.until, aged.since));
        assert_eq!(
            past_line(&aged, &known(), noon()),
            format!("Nora  in kitchen · {from} to {to} (30 min) · by face · ended: not seen any more")
        );
        assert!(past_line(&was(PresenceEnd::Removed), &known(), noon()).ends_with("somebody said so"));
        assert!(past_line(&was(PresenceEnd::PrivacyMode), &known(), noon()).ends_with("went private"));
    }

    #[test]
    fn of_somebody_who_is_in_two_spaces_the_id_is_asked() {
        let all = [there(NORA, kitchen()), there(NORA, SpaceId::mint())];
        let two = pick(&all, &known(), "voice-7").unwrap_err().to_string();
        assert!(two.starts_with("2 are called voice-7: give the id"), "{two}");
        assert_eq!(pick(&all[..1], &known(), "NORA").unwrap(), &all[0]);
        assert_eq!(pick(&all, &known(), &all[1].id.to_string()).unwrap(), &all[1]);
        let none = pick(&all, &known(), "max").unwrap_err().to_string();
        assert!(
            none.contains("nobody who is there is called max") && none.contains("hub presence"),
            "{none}"
        );
    }
}
