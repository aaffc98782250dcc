//! `hub consent`: what somebody allows to be done with what they say, and with how they look and sound.

use std::process::ExitCode;

use chrono::{Duration, Local};
use serde_json::json;

use super::{
    people,
    remote::{self, Call, Failure, MAX_PAGES, Names, Options, Remote, pick_from, short_ids},
    terminal::{ago, one_line, span},
};
use crate::{
    clock::{Clock, DateTime, SystemClock},
    consents::{Consent, ConsentPurpose, Decision, EvidenceKind},
    page::Page,
};

/// Show what you allow, allow something, or take it back
///
/// To remember what you say is allowed until you withdraw it; to know your voice or face, to keep recordings and to pass on what is yours
/// (voice, face, recording, sharing) is not until you grant it. A withdrawal counts at once. Nothing in the history is ever changed.
///
/// Who runs the household sees what others allow, and writes down what people without a login have said.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Allow this: voice, face, recording, memory or sharing
    #[arg(long, value_name = "PURPOSE", value_parser = purpose)]
    grant: Option<ConsentPurpose>,

    /// Take this back: a purpose, with all that was granted for it; or one grant, by the id that is shown
    #[arg(long, value_name = "PURPOSE|ID", conflicts_with_all = ["grant", "space", "days", "evidence"])]
    withdraw: Option<String>,

    /// Of somebody else, by their name
    #[arg(long = "for", value_name = "PERSON")]
    person: Option<String>,

    /// In this space only
    #[arg(long, value_name = "SPACE", requires = "grant")]
    space: Option<String>,

    /// For so many days, up to ten years; else until it is withdrawn
    #[arg(long, value_name = "DAYS", requires = "grant", value_parser = clap::value_parser!(i64).range(1..=3_660))]
    days: Option<i64>,

    /// How it is known that they said so; needed for somebody without a login
    #[arg(long, value_name = "TEXT", requires = "grant")]
    evidence: Option<String>,

    /// Show the whole history, newest first
    #[arg(long, conflicts_with_all = ["grant", "withdraw"])]
    history: bool,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "Examples:
  hub consent
  hub consent --grant voice --space kitchen --days 30
  hub consent --withdraw memory          # nothing that you say is remembered from now on
  hub consent --withdraw 3f9a1c          # one grant, by the id that `hub consent` shows
  hub consent --for Nora --grant voice --evidence \"she said so at dinner\"
  hub consent --for Nora --history";

fn purpose(word: &str) -> Result<ConsentPurpose, String> {
    let all: Vec<&str> = ConsentPurpose::ALL.iter().map(|one| one.as_str()).collect();
    ConsentPurpose::parse(word).ok_or_else(|| format!("must be one of {}", all.join(", ")))
}

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("consent", &args.options, async |hub| consent(&args, hub).await).await
}

pub(super) async fn consent(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    let whose = match &args.person {
        Some(name) => people::find(hub, name).await?.id.to_string(),
        None => "self".to_owned(),
    };
    let path = format!("/v1/agents/self/people/{whose}/consents");
    match (args.grant, &args.withdraw) {
        (Some(purpose), _) => grant(args, hub, &path, purpose).await,
        (None, Some(what)) => withdraw(hub, &path, what).await,
        (None, None) => show(args, hub, &path).await,
    }
}

async fn grant(
    args: &Args,
    hub: &mut Remote,
    path: &str,
    purpose: ConsentPurpose,
) -> Result<ExitCode, Failure> {
    let space = match &args.space {
        Some(name) => Some(Names::of_spaces(&hub.client).await?.space(name)?),
        None => None,
    };
    let expires_at = args.days.map(|days| SystemClock.now() + Duration::days(days));
    let body =
        json!({"purpose": purpose, "space_id": space, "expires_at": expires_at, "evidence": args.evidence});
    let call = Call::post(path, body).once();
    let Some(consent) = hub.ask::<Consent>(&call).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let names = Names::of_spaces(&hub.client).await?;
    let scope = scope(&consent, &names, SystemClock.now());
    hub.show(format!(
        "{} is allowed, {scope}. To take it back: hub consent --withdraw {}{}",
        purpose.as_str(),
        short_ids(&[consent.id.0]).concat(),
        for_whom(args)
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn for_whom(args: &Args) -> String {
    let named = args.person.as_deref().map(one_line);
    named.map_or_else(String::new, |name| format!(" --for {}", remote::quote(&name)))
}

async fn withdraw(hub: &mut Remote, path: &str, what: &str) -> Result<ExitCode, Failure> {
    let (body, told) = if let Some(purpose) = ConsentPurpose::parse(what) {
        let effect = match purpose {
            ConsentPurpose::Memory => ": nothing that is said is remembered from now on",
            _ => "",
        };
        let told = format!("{} is withdrawn{effect}.", purpose.as_str());
        (json!({"purpose": purpose}), told)
    } else {
        let all: Page<Consent> = hub.client.pages(&Call::list(path), MAX_PAGES).await?;
        let open = all.items.iter().filter(|row| row.decision == Decision::Granted);
        let open: Vec<&Consent> = open.collect();
        let see = "say a purpose, or see the grants: hub consent";
        let row = pick_from(&open, |row| row.id.0, what, see)?;
        let told = format!("This grant of {} is withdrawn.", row.purpose.as_str());
        (json!({"purpose": row.purpose, "consent_id": row.id}), told)
    };
    let call = Call::post(format!("{path}/withdraw"), body);
    hub.send(&call, &told).await
}

async fn show(args: &Args, hub: &mut Remote, path: &str) -> Result<ExitCode, Failure> {
    let Some(all) = hub.list::<Consent>(&Call::list(path), MAX_PAGES).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let (names, now) = (Names::of_spaces(&hub.client).await?, SystemClock.now());
    let ids: Vec<uuid::Uuid> = all.items.iter().map(|row| row.id.0).collect();
    let rows: Vec<(&Consent, String)> = all.items.iter().zip(short_ids(&ids)).collect();
    if args.history {
        let lines: Vec<String> = rows.iter().map(|(row, id)| line(row, id, &names, now)).collect();
        return hub.show_list(&lines, "Nothing was granted or withdrawn yet.");
    }
    let lines = ConsentPurpose::ALL
        .iter()
        .flat_map(|&of| standing(of, &rows, &names, now));
    hub.show(lines.collect::<Vec<_>>().join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// What is allowed of a purpose, by a history that begins with the newest.
fn standing(of: ConsentPurpose, rows: &[(&Consent, String)], names: &Names, now: DateTime) -> Vec<String> {
    let rows: Vec<_> = rows.iter().filter(|(row, _)| row.purpose == of).collect();
    let is_all_over = |row: &Consent| row.decision == Decision::Withdrawn && row.withdraws_id.is_none();
    let since = rows.iter().take_while(|(row, _)| !is_all_over(row));
    let is_ended = |grant: &Consent| rows.iter().any(|(row, _)| row.withdraws_id == Some(grant.id));
    let open = since.filter(|(row, _)| {
        let is_over = row.expires_at.is_some_and(|end| end <= now);
        row.decision == Decision::Granted && !is_over && !is_ended(row)
    });
    let lines: Vec<String> = open
        .map(|(row, id)| format!("{:9}  allowed, {} ({id})", of.as_str(), scope(row, names, now)))
        .collect();
    let is_withdrawn = rows.iter().any(|(row, _)| row.decision == Decision::Withdrawn);
    if !lines.is_empty() && (is_withdrawn || !of.is_by_default()) {
        lines
    } else if of.is_by_default() && !is_withdrawn {
        vec![format!("{:9}  allowed, as nobody said otherwise", of.as_str())]
    } else {
        vec![format!("{:9}  not allowed", of.as_str())]
    }
}

/// Where and until when a grant counts.
fn scope(row: &Consent, names: &Names, now: DateTime) -> String {
    let mut facts = Vec::new();
    if let Some(space) = row.space_id {
        let name = names.get(space.0).map_or_else(|| space.to_string(), one_line);
        facts.push(format!("in {name} only"));
    }
    if let Some(device) = row.device_id {
        facts.push(format!("by the device {device} only"));
    }
    if row.starts_at > now {
        facts.push(format!("from {}", day(row.starts_at)));
    }
    facts.push(match row.expires_at {
        Some(end) if end > now => format!("for {}", span(now, end)),
        Some(end) => format!("until {}", day(end)),
        None => "until it is withdrawn".to_owned(),
    });
    facts.join(", ")
}

fn day(at: DateTime) -> String {
    at.with_timezone(&Local).format("%F").to_string()
}

/// One row of the history.
fn line(row: &Consent, id: &str, names: &Names, now: DateTime) -> String {
    let decided = match (row.decision, row.withdraws_id) {
        (Decision::Granted, _) => format!("granted, {}", scope(row, names, now)),
        (Decision::Withdrawn, Some(grant)) => {
            format!("withdrawn: the grant {}", short_ids(&[grant.0]).concat())
        }
        (Decision::Withdrawn, None) => "withdrawn".to_owned(),
    };
    let who = match row.evidence_kind {
        EvidenceKind::OwnWord => "by themself",
        EvidenceKind::RecordedBy => "written down for them",
    };
    let why = row
        .evidence
        .as_deref()
        .map_or_else(String::new, |text| format!(" · “{}”", one_line(text)));
    format!(
        "{id}  {}  {decided}\n        {who}, {}{why}",
        row.purpose.as_str(),
        ago(row.created_at, now)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ConsentId, PersonId, UserId};

    fn row(purpose: ConsentPurpose, decision: Decision) -> Consent {
        let now = SystemClock.now();
        Consent {
            id: ConsentId::mint(),
            person_id: PersonId::mint(),
            purpose,
            decision,
            space_id: None,
            device_id: None,
            starts_at: now,
            expires_at: None,
            withdraws_id: None,
            evidence_kind: EvidenceKind::OwnWord,
            evidence: None,
            given_by_user_id: UserId::mint(),
            request_id: None,
            created_at: now,
        }
    }

    /// What is said of a history, oldest first.
    fn said(of: ConsentPurpose, history: &[&Consent]) -> String {
        let rows: Vec<(&Consent, String)> = history.iter().rev().map(|row| (*row, "id".to_owned())).collect();
        standing(of, &rows, &Names::default(), SystemClock.now()).join("\n")
    }

    #[test]
    fn what_is_shown_is_what_counts() {
        let voice = ConsentPurpose::Voice;
        let (grant, no) = (row(voice, Decision::Granted), row(voice, Decision::Withdrawn));
        let ended = Consent {
            withdraws_id: Some(grant.id),
            ..no.clone()
        };
        let over = Consent {
            expires_at: Some(SystemClock.now() - Duration::days(1)),
            ..grant.clone()
        };
        let allowed = "voice      allowed, until it is withdrawn (id)";
        assert_eq!(said(voice, &[&grant]), allowed);
        assert_eq!(said(voice, &[&no, &grant]), allowed);
        for history in [&[][..], &[&grant, &no], &[&grant, &ended], &[&over]] {
            assert_eq!(said(voice, history), "voice      not allowed");
        }
        let memory = ConsentPurpose::Memory;
        let (grant, no) = (row(memory, Decision::Granted), row(memory, Decision::Withdrawn));
        assert!(said(memory, &[]).contains("as nobody said otherwise"));
        assert!(said(memory, &[&no]).ends_with("not allowed"));
        assert!(said(memory, &[&no, &grant]).contains("until it is withdrawn"));
        // What was granted while it needed no grant narrows nothing.
        assert!(said(memory, &[&grant]).contains("as nobody said otherwise"));
    }
}
