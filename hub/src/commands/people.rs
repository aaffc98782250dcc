//! `hub people`: whom the agent knows, what they are called, and who turns out to be whom.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::{
    remote::{self, Call, Failure, MAX_PAGES, Options, Remote, entries, pick_called, short_ids},
    terminal::one_line,
};
use crate::{
    page::Page,
    people::{Person, merge_person::Merged},
};

/// Where they are.
pub(super) const PATH: &str = "/v1/agents/self/people";

/// Show whom the agent knows, and change it
///
/// Whoever lives here sees them; who runs the household changes them. People are named by what the agent calls them, or by their id.
/// What a device calls somebody who speaks is compared with their names: an alias says whose words those are.
///
/// Two people who turn out to be one are merged, for good. Who has a login is merged by their own word only; and to know somebody
/// without a login by a login, merge them into the one who has it.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
#[group(id = "what", multiple = false)]
pub struct Args {
    /// Make somebody known
    #[arg(long, value_name = "NAME", group = "what")]
    create: Option<String>,

    /// What the one who is made known is to the household, such as "Ada's sister"
    #[arg(long, value_name = "TEXT", requires = "create")]
    relationship: Option<String>,

    /// Call somebody otherwise
    #[arg(long, value_name = "NAME=NEW", group = "what", value_parser = two)]
    rename: Option<Two>,

    /// Give somebody another name beside their own
    #[arg(long, value_name = "NAME=ALIAS", group = "what", value_parser = two)]
    alias: Option<Two>,

    /// Take another name away again
    #[arg(long, value_name = "NAME=ALIAS", group = "what", value_parser = two)]
    unalias: Option<Two>,

    /// Two are one: what is the first one's is the second one's from then on, for good
    #[arg(long, value_name = "NAME=INTO", group = "what", value_parser = two)]
    merge: Option<Two>,

    /// Merge without asking
    #[arg(long, requires = "merge")]
    yes: bool,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "Examples:
  hub people
  hub people --create Nora --relationship \"Ada's sister\"
  hub people --alias Nora=voice-7
  hub people --rename Nora=\"Nora Maria\"
  hub people --merge voice-8=Nora";

/// Somebody, and what of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Two {
    whose: String,
    what: String,
}

fn two(text: &str) -> Result<Two, String> {
    match text.split_once('=') {
        Some((whose, what)) if !whose.trim().is_empty() && !what.trim().is_empty() => Ok(Two {
            whose: whose.trim().to_owned(),
            what: what.trim().to_owned(),
        }),
        _ => Err("must be two names, such as Nora=voice-7".to_owned()),
    }
}

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("people", &args.options, async |hub| people(&args, hub).await).await
}

pub(super) async fn people(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    if let Some(name) = &args.create {
        let body = json!({"name": name, "relationship": args.relationship});
        let call = Call::post(PATH, body).once();
        let done = format!("{} is known now.", one_line(name));
        return hub.send(&call, &done).await;
    }
    if let Some(Two { whose, what }) = &args.rename {
        let person = find(hub, whose).await?;
        let done = format!("{} is called {} now.", called(&person), one_line(what));
        let call = change(&person, json!({"name": what}));
        return hub.send(&call, &done).await;
    }
    if let Some(Two { whose, what }) = &args.alias {
        let person = find(hub, whose).await?;
        let mut aliases = person.aliases.clone();
        aliases.push(what.clone());
        let done = format!("{} is also called {} now.", called(&person), one_line(what));
        let call = change(&person, json!({"aliases": aliases}));
        return hub.send(&call, &done).await;
    }
    if let Some(Two { whose, what }) = &args.unalias {
        return unalias(hub, whose, what).await;
    }
    if let Some(Two { whose, what }) = &args.merge {
        return merge(args, hub, whose, what).await;
    }
    list(hub).await
}

async fn list(hub: &mut Remote) -> Result<ExitCode, Failure> {
    let Some(all) = hub.list::<Person>(&Call::list(PATH), MAX_PAGES).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let lines = entries(&all.items, |person| person.id.0, line);
    hub.show_list(&lines, "The agent knows nobody yet.")
}

async fn unalias(hub: &mut Remote, whose: &str, what: &str) -> Result<ExitCode, Failure> {
    let person = find(hub, whose).await?;
    let is_other = |alias: &&String| one_line(alias).to_lowercase() != one_line(what).to_lowercase();
    let left: Vec<&String> = person.aliases.iter().filter(is_other).collect();
    if left.len() == person.aliases.len() {
        let name = called(&person);
        let detail = format!("{name} is not also called {}\n  see: hub people", one_line(what));
        return Err(Failure::Usage(detail));
    }
    let done = format!("{} is not called {} any more.", called(&person), one_line(what));
    let call = change(&person, json!({"aliases": left}));
    hub.send(&call, &done).await
}

async fn merge(args: &Args, hub: &mut Remote, from: &str, into: &str) -> Result<ExitCode, Failure> {
    let (from, into) = (find(hub, from).await?, find(hub, into).await?);
    let body = json!({"into": into.id});
    let call = Call::post(format!("{PATH}/{}/merge", from.id), body).once();
    if hub.is_curl() {
        return hub.show_curl(&call);
    }
    let question = format!(
        "Are {} and {} one person? What is the first one's is the second one's then, for good.",
        meant(&from),
        meant(&into)
    );
    if !args.yes && !hub.agreed(&question, "nobody is here to be asked: add --yes to do it")? {
        hub.terminal.remark("Nothing was done.");
        return Ok(ExitCode::FAILURE);
    }
    let Some(merged) = hub.ask::<Merged>(&call).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    hub.show(told(&called(&from), &merged))?;
    Ok(ExitCode::SUCCESS)
}

fn change(person: &Person, body: Value) -> Call {
    Call::patch(format!("{PATH}/{}", person.id), body)
}

/// The one whom the agent calls this, or of this id.
pub(super) async fn find(hub: &Remote, typed: &str) -> Result<Person, Failure> {
    let all: Page<Person> = hub.client.pages(&Call::list(PATH), MAX_PAGES).await?;
    pick(&all.items, typed).cloned()
}

fn pick<'a>(all: &'a [Person], typed: &str) -> Result<&'a Person, Failure> {
    let names = |person: &Person| {
        let names = person.name.iter().chain(&person.aliases);
        names.map(|name| one_line(name)).collect()
    };
    let otherwise = ["nobody whom the agent knows", "see whom it knows: hub people"];
    pick_called(all, |person| person.id.0, names, typed, otherwise)
}

/// What the agent calls somebody.
pub(super) fn called(person: &Person) -> String {
    let name = person.name.as_deref();
    name.map_or_else(|| "somebody".to_owned(), one_line)
}

/// Of two with one name, which.
fn meant(person: &Person) -> String {
    format!("{} ({})", called(person), short_ids(&[person.id.0]).concat())
}

fn line(person: &Person, id: &str) -> String {
    let mut facts = Vec::new();
    facts.extend(person.relationship.as_deref().map(one_line));
    if !person.aliases.is_empty() {
        let aliases: Vec<String> = person.aliases.iter().map(|alias| one_line(alias)).collect();
        facts.push(format!("also {}", aliases.join(", ")));
    }
    if person.user_id.is_some() {
        facts.push("has a login".to_owned());
    }
    let name = called(person);
    if facts.is_empty() {
        format!("{id}  {name}")
    } else {
        format!("{id}  {name}  {}", facts.join(" · "))
    }
}

fn told(from: &str, merged: &Merged) -> String {
    let into = called(&merged.person);
    let done = format!("{from} is {into} now.");
    if merged.ended_consents.is_empty() {
        return done;
    }
    let ended: Vec<&str> = merged.ended_consents.iter().map(|one| one.as_str()).collect();
    let ended = ended.join(", ");
    format!(
        "{done}\nTo be allowed anew, for neither allowed more than they did: {ended}. See hub consent --help."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{consents::ConsentPurpose, ids::PersonId, people};

    fn person(id: &str, name: &str, aliases: &[&str]) -> Person {
        Person {
            id: PersonId(id.parse().unwrap()),
            ..people::testing::person(name, aliases)
        }
    }

    #[test]
    fn somebody_is_meant_by_a_name_and_of_two_by_id() {
        let all = [
            person("0198aaaa-0000-7000-8000-000001abcdef", "Nora", &["voice-7"]),
            person("0198aaaa-0000-7000-8000-000002abcdef", "nora", &[]),
        ];
        let id = |typed| pick(&all, typed).map(|person| person.id);
        assert_eq!(id("VOICE-7").unwrap(), all[0].id);
        assert_eq!(id("2abcdef").unwrap(), all[1].id);
        let two = id("Nora").unwrap_err().to_string();
        assert!(two.starts_with("2 are called nora: give the id"), "{two}");
        assert!(id("max").unwrap_err().to_string().contains("hub people"));
    }

    #[test]
    fn two_names_are_typed_around_a_sign() {
        let read = two("Nora = the one=who hums").unwrap();
        assert_eq!((&*read.whose, &*read.what), ("Nora", "the one=who hums"));
        assert!(two("Nora").is_err() && two("Nora=").is_err() && two("=x").is_err());
    }

    #[test]
    fn a_line_says_who_somebody_is_and_looks_like_no_two() {
        let mut nora = person(
            "0198aaaa-0000-7000-8000-000001abcdef",
            "Nora\n2abcdef  Max",
            &["voice-7"],
        );
        assert_eq!(line(&nora, "1abcdef"), "1abcdef  Nora 2abcdef Max  also voice-7");
        nora.relationship = Some("Ada's sister".to_owned());
        nora.name = Some("Nora".to_owned());
        assert_eq!(
            line(&nora, "1abcdef"),
            "1abcdef  Nora  Ada's sister · also voice-7"
        );
        let merged = Merged {
            person: nora,
            ended_consents: vec![ConsentPurpose::Voice, ConsentPurpose::Memory],
        };
        let text = told("voice-8", &merged);
        assert!(
            text.starts_with("voice-8 is Nora now.\n") && text.contains("voice, memory"),
            "{text}"
        );
    }
}
