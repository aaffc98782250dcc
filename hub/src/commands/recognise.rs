//! `hub recognise`: who may have been heard or seen, and somebody's word whether that is right.

use std::process::ExitCode;

use super::{
    known::{Known, sensed},
    prints,
    remote::{self, Call, Failure, MAX_PAGES, Options, Remote, entries, pick_called},
    terminal::ago,
};
use crate::{
    clock::{Clock, DateTime, SystemClock},
    page::Page,
    recognition::{Hypothesis, HypothesisState},
};

/// Where they are.
const PATH: &str = "/v1/agents/self/hypotheses";

/// Show who may have been heard or seen, and say whether it is them
///
/// What a worker heard or saw was near a print of somebody: that is shown here, and counts for nothing until you say that it is right.
/// Then they are there (`hub presence`). A score near 1 says that the two are alike; a recording is as alike as a person.
///
/// You say it of yourself; whoever runs the household says it of anybody. The audit log says that you looked.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
#[group(id = "what", multiple = false)]
pub struct Args {
    /// It is them: by their name, or by the id that is shown
    #[arg(long, value_name = "PERSON|ID", group = "what")]
    confirm: Option<String>,

    /// It is not them: they are not suggested there again for a while. One that was confirmed is named by the id that `--all` shows
    #[arg(long, value_name = "PERSON|ID", group = "what")]
    reject: Option<String>,

    /// Show those, too, that were confirmed or rejected; those that wait for you come first
    #[arg(long, group = "what")]
    all: bool,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "Examples:
  hub recognise
  hub recognise --confirm Nora
  hub recognise --reject 3f9a1c
  hub recognise --all";

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("recognise", &args.options, async |hub| {
        recognise(&args, hub).await
    })
    .await
}

pub(super) async fn recognise(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    if let Some(who) = &args.confirm {
        return confirm(hub, who).await;
    }
    if let Some(who) = &args.reject {
        return reject(hub, who).await;
    }
    show(hub, args.all).await
}

fn list(is_all: bool) -> Call {
    let call = Call::list(PATH);
    if is_all {
        call
    } else {
        call.query("state", &HypothesisState::Open.as_str())
    }
}

async fn show(hub: &mut Remote, is_all: bool) -> Result<ExitCode, Failure> {
    let Some(mut all) = hub.list::<Hypothesis>(&list(is_all), MAX_PAGES).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let (known, now) = (Known::of(&hub.client).await?, SystemClock.now());
    let is_open = |one: &Hypothesis| one.state == HypothesisState::Open;
    all.items.sort_by_key(|one| !is_open(one));
    let lines = entries(&all.items, |one| one.id.0, |one, id| line(one, id, &known, now));
    let none = if is_all {
        "Nobody was recognised."
    } else {
        "Nobody waits to be recognised."
    };
    let shown = hub.show_list(&lines, none)?;
    if all.items.first().is_some_and(is_open) {
        let how = "Is it them? hub recognise --confirm ID; if it is not, --reject ID.";
        hub.terminal.remark(how);
    }
    Ok(shown)
}

async fn confirm(hub: &mut Remote, who: &str) -> Result<ExitCode, Failure> {
    let all: Page<Hypothesis> = hub.client.pages(&list(false), MAX_PAGES).await?;
    let known = Known::of(&hub.client).await?;
    let meant = pick(&all.items, &known, who, "hub recognise")?;
    let (person, space) = (known.person(meant.person_id), known.space(meant.space_id));
    let call = Call::bare_post(format!("{PATH}/{}/confirm", meant.id));
    let sent = hub.send(&call, &format!("{person} is {space}.")).await;
    sent.map_err(|failure| {
        let advice = prints::allow_first(known.find(meant.person_id), meant.modality);
        let again = "it is too late for this one; wait until they are heard or seen again";
        failure
            .advised("no_consent", &advice)
            .advised("privacy_mode", "see hub privacy")
            .advised("too_late", again)
    })
}

async fn reject(hub: &mut Remote, who: &str) -> Result<ExitCode, Failure> {
    let all: Page<Hypothesis> = hub.client.pages(&list(true), MAX_PAGES).await?;
    let known = Known::of(&hub.client).await?;
    let meant = pick(&all.items, &known, who, "hub recognise --all")?;
    let (person, space) = (known.person(meant.person_id), known.space(meant.space_id));
    let call = Call::bare_post(format!("{PATH}/{}/reject", meant.id));
    let done = format!("It is not {person} {space}; for a while they are not suggested there.");
    hub.send(&call, &done).await
}

/// Names mean those that wait only: what was decided is undone by its id, so that nobody undoes another than they meant.
fn pick<'a>(all: &'a [Hypothesis], known: &Known, who: &str, see: &str) -> Result<&'a Hypothesis, Failure> {
    let names = |one: &Hypothesis| match one.state {
        HypothesisState::Open => known.names(one.person_id),
        HypothesisState::Confirmed | HypothesisState::Rejected => Vec::new(),
    };
    let see = format!("see who may have been: {see}");
    let otherwise = ["nobody who waits to be recognised", &*see];
    pick_called(all, |one| one.id.0, names, who, otherwise)
}

fn line(one: &Hypothesis, id: &str, known: &Known, now: DateTime) -> String {
    let (person, space) = (known.person(one.person_id), known.space(one.space_id));
    let sensed = sensed(one.modality);
    let times = match one.observations {
        1 => format!("{sensed} once"),
        count => format!("{sensed} {count} times, last"),
    };
    let decided = one.decided_at.map_or_else(String::new, |at| ago(at, now));
    let state = match (one.state, one.decided_by_user_id) {
        (HypothesisState::Open, _) => String::new(),
        (HypothesisState::Confirmed, None) => format!(" · confirmed by its score {decided}"),
        (HypothesisState::Confirmed, Some(_)) => format!(" · confirmed {decided}"),
        (HypothesisState::Rejected, _) => format!(" · rejected {decided}"),
    };
    let mark = if one.state == HypothesisState::Open {
        "?"
    } else {
        ""
    };
    format!(
        "{id}  {person}{mark}  {space} · by {}, score {:.2} · {times} {}{state}",
        one.modality.as_str(),
        one.score,
        ago(one.last_seen_at, now),
    )
}

#[cfg(test)]
mod tests {
    use chrono::{Duration, TimeZone, Utc};

    use super::{
        super::known::testing::{KITCHEN, NORA, known},
        *,
    };
    use crate::{
        ids::{ConsentId, HypothesisId, PersonId, SpaceId, UserId},
        recognition::Modality,
    };

    fn noon() -> DateTime {
        Utc.with_ymd_and_hms(2026, 3, 4, 12, 0, 0).unwrap()
    }

    fn nora(state: HypothesisState, by: Option<UserId>) -> Hypothesis {
        let is_open = state == HypothesisState::Open;
        Hypothesis {
            id: HypothesisId::mint(),
            person_id: PersonId(NORA.parse().unwrap()),
            modality: Modality::Face,
            space_id: SpaceId(KITCHEN.parse().unwrap()),
            device_id: None,
            consent_id: ConsentId::mint(),
            score: 0.9,
            margin: None,
            state,
            observations: 3,
            first_seen_at: noon() - Duration::minutes(9),
            last_seen_at: noon() - Duration::minutes(2),
            decided_at: (!is_open).then(|| noon() - Duration::minutes(1)),
            decided_by_user_id: by,
        }
    }

    #[test]
    fn a_line_asks_about_what_is_open_and_says_how_the_rest_was_decided() {
        let said = |state, by| line(&nora(state, by), "3f9a1c", &known(), noon());
        assert_eq!(
            said(HypothesisState::Open, None),
            "3f9a1c  Nora?  in kitchen · by face, score 0.90 · seen 3 times, last 2 min ago"
        );
        let ada = Some(UserId::mint());
        let confirmed = said(HypothesisState::Confirmed, ada);
        assert!(confirmed.starts_with("3f9a1c  Nora  in kitchen"), "{confirmed}");
        assert!(confirmed.ends_with(" · confirmed 1 min ago"), "{confirmed}");
        let confirmed = said(HypothesisState::Confirmed, None);
        assert!(
            confirmed.ends_with(" · confirmed by its score 1 min ago"),
            "{confirmed}"
        );
        assert!(said(HypothesisState::Rejected, ada).ends_with(" · rejected 1 min ago"));
        let once = Hypothesis {
            observations: 1,
            ..nora(HypothesisState::Open, None)
        };
        assert!(line(&once, "3f9a1c", &known(), noon()).ends_with(" · seen once 2 min ago"));
    }

    #[test]
    fn a_name_means_what_waits_and_an_id_means_anything() {
        let open = nora(HypothesisState::Open, None);
        let confirmed = nora(HypothesisState::Confirmed, None);
        let all = [confirmed.clone(), open.clone()];
        let id =
            |all: &[Hypothesis], typed: &str| pick(all, &known(), typed, "hub recognise").map(|one| one.id);
        assert_eq!(id(&all, "nora").unwrap(), open.id);
        assert_eq!(id(&all, &confirmed.id.to_string()).unwrap(), confirmed.id);
        let none = id(&all[..1], "nora").unwrap_err().to_string();
        assert!(
            none.starts_with("nobody who waits to be recognised is called nora"),
            "{none}"
        );
        let two = id(&[open.clone(), nora(HypothesisState::Open, None)], "nora");
        assert!(
            two.unwrap_err()
                .to_string()
                .starts_with("2 are called nora: give the id")
        );
    }
}
