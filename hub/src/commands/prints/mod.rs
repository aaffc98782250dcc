//! `hub prints`: by which voices and faces the agent knows somebody.

mod vector;

use std::process::ExitCode;

use serde_json::json;

use super::{
    people,
    remote::{self, Call, Failure, MAX_PAGES, Names, Options, Remote, entries, pick_from, short_ids},
    terminal::{ago, one_line},
};
use crate::{
    clock::{Clock, DateTime, SystemClock},
    page::Page,
    people::Person,
    recognition::{Modality, Print},
};

/// Show by which voices and faces the agent knows you, add one, or delete one
///
/// A print is what a model of yours makes of a voice or a face: 256 or 512 numbers. It is compared with what your workers hear and
/// see. The numbers come from a file, are never shown, and are never given out again. It takes the person's own consent
/// (`hub consent`), and goes when that ends.
///
/// Whoever runs the household adds prints, of themself and of anybody who allows it, and sees and deletes those of all; everybody sees
/// and deletes their own. The audit log says that you looked.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Of somebody else, by their name
    #[arg(long = "for", value_name = "PERSON")]
    person: Option<String>,

    /// Add one: voice or face
    #[arg(long, value_name = "MODALITY", value_parser = modality, requires_all = ["model", "vector"])]
    add: Option<Modality>,

    /// What made the numbers: only those of one model are compared, so a new version has a new name
    #[arg(long, value_name = "NAME", requires = "add")]
    model: Option<String>,

    /// A file with the numbers as a JSON array, 256 of a voice or 512 of a face; `-` for standard input
    #[arg(long, value_name = "FILE", requires = "add")]
    vector: Option<String>,

    /// The space where it was taken, for whom it is allowed in one space only
    #[arg(long, value_name = "NAME", requires = "add")]
    space: Option<String>,

    /// The device in that space that took it, for whom it is allowed by one device only
    #[arg(long, value_name = "NAME", requires = "space")]
    device: Option<String>,

    /// Delete the one of this id, with all that was recognised of them by voice or by face
    #[arg(long, value_name = "ID", conflicts_with = "add")]
    delete: Option<String>,

    /// Delete without asking
    #[arg(long, requires = "delete")]
    yes: bool,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "Examples:
  hub prints
  hub consent --grant voice              # first: you allow it
  hub prints --add voice --model speaker-net-2 --vector me.json
  my-model nora.wav | hub prints --for Nora --add voice --model speaker-net-2 --vector -
  hub prints --for Nora
  hub prints --for Nora --delete 3f9a1c";

fn modality(word: &str) -> Result<Modality, String> {
    let all = Modality::ALL.map(Modality::as_str).join(" or ");
    Modality::parse(word).ok_or_else(|| format!("must be {all}"))
}

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("prints", &args.options, async |hub| prints(&args, hub).await).await
}

pub(super) async fn prints(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    let whose = match &args.person {
        Some(name) => Some(people::find(hub, name).await?),
        None => None,
    };
    let id = whose
        .as_ref()
        .map_or_else(|| "self".to_owned(), |person| person.id.to_string());
    let path = format!("{}/{id}/prints", people::PATH);
    let whose = whose.as_ref();
    match (args.add, &args.delete) {
        (Some(modality), _) => add(args, hub, &path, whose, modality).await,
        (None, Some(typed)) => delete(args, hub, &path, whose, typed).await,
        (None, None) => list(hub, &path, whose).await,
    }
}

async fn add(
    args: &Args,
    hub: &mut Remote,
    path: &str,
    whose: Option<&Person>,
    modality: Modality,
) -> Result<ExitCode, Failure> {
    let file = args.vector.as_deref().expect("clap asks for it beside --add");
    let mut body = json!({"modality": modality, "model": args.model});
    // What `--curl` prints reads the file by itself.
    if !hub.is_curl() {
        body["vector"] = json!(vector::read(modality, file)?);
    }
    if let Some(name) = &args.space {
        body["space_id"] = json!(Names::of_spaces(&hub.client).await?.space(name)?);
    }
    if let Some(name) = &args.device {
        let found = Names::of_devices(&hub.client).await?.find(name);
        let missing = || Failure::Usage(format!("there is no device {}; see hub devices", one_line(name)));
        body["device_id"] = json!(found.ok_or_else(missing)?.0);
    }
    let call = Call::post(path, body).from_file("vector", file);
    let asked = hub.ask::<Print>(&call).await;
    let Some(print) = asked.map_err(|failure| advised(failure, args, whose, modality))? else {
        return Ok(ExitCode::SUCCESS);
    };
    let id = short_ids(&[print.id.0]).concat();
    let (who, whom) = match whose {
        Some(person) => (format!("{} is", people::called(person)), for_whom(person)),
        None => ("You are".to_owned(), String::new()),
    };
    let (of, model) = (modality.as_str(), one_line(&print.model));
    hub.show(format!(
        "{who} known by {of} now ({model}). To delete it: hub prints{whom} --delete {id}"
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn advised(failure: Failure, args: &Args, whose: Option<&Person>, of: Modality) -> Failure {
    let mut allow = allow_first(whose, of);
    if args.space.is_none() {
        allow.push_str("\n  if it is allowed in one space only, name that: --space NAME");
    }
    let whom = whose.map_or_else(String::new, for_whom);
    failure
        .advised("no_consent", &allow)
        .advised("privacy_mode", "see hub privacy")
        .advised("too_many", &format!("see them: hub prints{whom}"))
}

/// What it takes before somebody is known by their voice or face.
pub(super) fn allow_first(whose: Option<&Person>, of: Modality) -> String {
    let purpose = of.purpose().as_str();
    match whose {
        None => format!("allow it first: hub consent --grant {purpose}"),
        Some(person) if person.user_id.is_some() => format!(
            "{} allows it first, where they are signed in: hub consent --grant {purpose}",
            people::called(person)
        ),
        Some(person) => format!(
            "when {} has allowed it, write that down: hub consent{} --grant {purpose} --evidence \"said so\"",
            people::called(person),
            for_whom(person)
        ),
    }
}

fn for_whom(person: &Person) -> String {
    format!(" --for {}", remote::quote(&people::called(person)))
}

async fn delete(
    args: &Args,
    hub: &mut Remote,
    path: &str,
    whose: Option<&Person>,
    typed: &str,
) -> Result<ExitCode, Failure> {
    let all: Page<Print> = hub.client.pages(&Call::list(path), MAX_PAGES).await?;
    let whom = whose.map_or_else(String::new, for_whom);
    let see = format!("see the prints: hub prints{whom}");
    let print = pick_from(&all.items, |print| print.id.0, typed, &see)?;
    let call = Call::delete(format!("{path}/{}", print.id));
    if hub.is_curl() {
        return hub.show_curl(&call);
    }
    let (of, model) = (print.modality.as_str(), one_line(&print.model));
    let name = whose.map_or_else(|| "you".to_owned(), people::called);
    let question = format!(
        "Delete this {of} print of {name} ({model})? What was recognised of {name} by {of} goes, too, for good."
    );
    if !args.yes && !hub.agreed(&question, "nobody is here to be asked: add --yes to do it")? {
        hub.terminal.remark("Nothing was done.");
        return Ok(ExitCode::FAILURE);
    }
    let done = format!("This {of} print of {name} is deleted, with what was recognised by {of}.");
    hub.send(&call, &done).await
}

async fn list(hub: &mut Remote, path: &str, whose: Option<&Person>) -> Result<ExitCode, Failure> {
    let listed = hub.list::<Print>(&Call::list(path), MAX_PAGES).await;
    let own = "you see your own; an owner or admin sees those of all";
    let Some(all) = listed.map_err(|failure| failure.advised("not_found", own))? else {
        return Ok(ExitCode::SUCCESS);
    };
    let now = SystemClock.now();
    let lines = entries(&all.items, |print| print.id.0, |print, id| line(print, id, now));
    let name = whose.map_or_else(|| "you".to_owned(), people::called);
    hub.show_list(&lines, &format!("The agent has no print of {name}."))
}

fn line(print: &Print, id: &str, now: DateTime) -> String {
    let (of, model) = (print.modality.as_str(), one_line(&print.model));
    format!("{id}  {of}  {model} · added {}", ago(print.created_at, now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::{ConsentId, PersonId, PrintId, UserId},
        people::testing::person,
    };

    #[test]
    fn a_line_says_of_what_by_which_model_and_when() {
        let now = SystemClock.now();
        let print = Print {
            id: PrintId::mint(),
            person_id: PersonId::mint(),
            modality: Modality::Voice,
            model: "net\n77ab0e  face".to_owned(),
            consent_id: ConsentId::mint(),
            made_by_user_id: UserId::mint(),
            created_at: now - chrono::Duration::hours(3),
        };
        assert_eq!(
            line(&print, "3f9a1c", now),
            "3f9a1c  voice  net 77ab0e face · added 3 h ago"
        );
    }

    #[test]
    fn who_has_to_allow_it_is_told_with_the_command() {
        assert_eq!(
            allow_first(None, Modality::Face),
            "allow it first: hub consent --grant face"
        );
        let mut nora = person("Nora Maria", &[]);
        nora.user_id = None;
        let advice = allow_first(Some(&nora), Modality::Voice);
        assert!(
            advice.ends_with(r#": hub consent --for 'Nora Maria' --grant voice --evidence "said so""#),
            "{advice}"
        );
        nora.user_id = Some(UserId::mint());
        let advice = allow_first(Some(&nora), Modality::Voice);
        assert!(
            advice.starts_with("Nora Maria allows it first")
                && advice.ends_with(": hub consent --grant voice"),
            "{advice}"
        );
    }
}
