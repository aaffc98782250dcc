//! `hub login`: signs a person in, and before that lets them claim a fresh agent with its one-time code.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    remote::{self, Call, Failure, Options, Remote, Tokens},
    terminal::{Terminal, one_line},
};
use crate::{config, identity::Role, secret::normalize_code};

/// A code has 23 characters; anything much longer is another file.
const MAX_CODE_BYTES: u64 = 256;

/// Sign in, and claim a fresh agent with its one-time code
///
/// Whoever claims an agent becomes its owner; name and password are those of a new user, or of one who exists. The first
/// start of a hub leaves the code in `.hub/claim-code`, and on a terminal this command offers to use it.
///
/// The sign-in is kept in `.hub/login.json`, which only you can read, until `hub logout` or 30 days without use.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The one-time code of a fresh agent: claims it
    #[arg(long, value_name = "CODE")]
    code: Option<SecretString>,

    #[command(flatten)]
    who: Who,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "Examples:
  hub login
  hub login --url https://hub.example.com
  hub login --code ABCDE-FGHJK-LMNPQ-RSTUV --name ada
  printf %s \"$PASSWORD\" | hub login --name ada --password-stdin";

/// Who signs in.
pub(super) struct Person {
    pub(super) name: String,
    pub(super) password: SecretString,
}

/// How a command is told who signs in.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Who {
    /// Your login name [default: asked for]
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,

    /// Read the password from the first line of standard input
    #[arg(long)]
    pub(super) password_stdin: bool,
}

/// What `GET /v1/me` answers.
#[derive(Debug, Deserialize)]
struct Me {
    name: String,
    agents: Vec<MyAgent>,
}

#[derive(Debug, Deserialize)]
struct MyAgent {
    name: String,
    role: Role,
}

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("login", &args.options, async |hub| login(&args, hub).await).await
}

pub(super) async fn login(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    hub.client.use_sign_in();
    if hub.is_curl() {
        return curl(args, hub);
    }
    warn_if_open(hub);
    let code = match &args.code {
        Some(code) => Some(normalize_code(code)),
        None => offered_code(hub).await?,
    };
    let known = hub.client.file().read()?.map(|sign_in| sign_in.name);
    let person = ask_who(&args.who, hub, known, code.is_some())?;
    enter(hub, code.as_ref(), person).await
}

/// Says who could read along.
pub(super) fn warn_if_open(hub: &mut Remote) {
    if !hub.client.base().is_private() {
        hub.terminal
            .remark("Note: http to another machine shows your password, and what you say, to whoever is on the way; use https.");
    }
}

/// Claims the agent where there is a code, signs in, and keeps the sign-in.
pub(super) async fn enter(
    hub: &mut Remote,
    code: Option<&SecretString>,
    person: Person,
) -> Result<ExitCode, Failure> {
    let call = request(code, &person.name, &person.password);
    keep(hub, &call, person.name).await?;
    if let Some(code) = code {
        remove_used(hub, code);
    }
    greet(
        hub,
        if code.is_some() {
            "The agent is yours. "
        } else {
            ""
        },
    )
    .await
}

/// Asks for tokens, and keeps them as this person's sign-in.
pub(super) async fn keep(hub: &mut Remote, call: &Call, name: String) -> Result<(), Failure> {
    let tokens: Tokens = hub.client.read(&hub.client.call_openly(call).await?)?;
    let sign_in = tokens.sign_in(
        hub.client.base().clone(),
        hub.client.ca_file().map(Path::to_owned),
        name,
    );
    hub.client.file().lock().await?.write(&sign_in)?;
    Ok(())
}

/// What came of it, who the person is now, and what they may try.
pub(super) async fn greet(hub: &mut Remote, what: &str) -> Result<ExitCode, Failure> {
    let Some(me) = hub.ask::<Me>(&Call::get("/v1/me")).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let name = one_line(&me.name);
    let agents: Vec<String> = me
        .agents
        .iter()
        .map(|agent| format!("{} of {}", agent.role.as_str(), one_line(&agent.name)))
        .collect();
    let who = if agents.is_empty() {
        format!("You are {name}, and belong to no agent yet.")
    } else {
        format!("You are {name}, {}.", agents.join(" and "))
    };
    let program = remote::quote(&config::program()).into_owned();
    hub.show(format!(
        "{what}{who}\n\nTry next:\n  {program} say remember that the spare key is with Nora\n  {program} recall spare key\n  {program} inbox"
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn request(code: Option<&SecretString>, name: &str, password: &SecretString) -> Call {
    let mut body = json!({"name": name, "password": password.expose_secret()});
    match code {
        Some(code) => {
            body["code"] = Value::from(code.expose_secret());
            Call::post("/v1/claim", body).open()
        }
        None => Call::post("/v1/sign-in", body).open(),
    }
}

fn curl(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    hub.terminal
        .remark("# put your own password in; it will be in the history of your shell");
    let name = args.who.name.as_deref().unwrap_or("NAME");
    let password = SecretString::from("PASSWORD");
    hub.show_curl(&request(args.code.as_ref(), name, &password))
}

/// The name, which may be one that is known, and the password, which may be a new one.
pub(super) fn ask_who(
    who: &Who,
    hub: &mut Remote,
    known: Option<String>,
    is_new: bool,
) -> Result<Person, Failure> {
    let terminal = &mut hub.terminal;
    let name = match &who.name {
        Some(name) => name.clone(),
        None if terminal.is_interactive() && !who.password_stdin => ask_name(terminal, known.as_deref())?,
        None => known.ok_or_else(|| {
            Failure::Usage("there is no terminal to ask on; give --name NAME and --password-stdin".to_owned())
        })?,
    };
    let password = ask_password(who, terminal, is_new)?;
    Ok(Person { name, password })
}

fn ask_name(terminal: &mut Terminal, known: Option<&str>) -> Result<String, Failure> {
    let question = match known {
        Some(known) => format!("Name [{known}]: "),
        None => "Name: ".to_owned(),
    };
    loop {
        let typed = terminal.ask(&question).map_err(unasked)?;
        match (typed.trim(), known) {
            ("", Some(known)) => return Ok(known.to_owned()),
            ("", None) => {}
            (name, _) => return Ok(name.to_owned()),
        }
    }
}

/// Twice where it becomes a new user's password: a slip would lock them out.
pub(super) fn ask_password(
    who: &Who,
    terminal: &mut Terminal,
    is_new: bool,
) -> Result<SecretString, Failure> {
    if who.password_stdin {
        return terminal.read_secret().map_err(unasked);
    }
    if !terminal.is_interactive() {
        let problem = "there is no terminal to ask for the password on; give --password-stdin";
        return Err(Failure::Usage(problem.to_owned()));
    }
    loop {
        let question = if is_new {
            "Password, 10 characters or more: "
        } else {
            "Password: "
        };
        let first = terminal.ask_secret(question).map_err(unasked)?;
        if !is_new {
            return Ok(first);
        }
        let second = terminal.ask_secret("The same again: ").map_err(unasked)?;
        if first.expose_secret() == second.expose_secret() {
            return Ok(first);
        }
        terminal.remark("These were not the same.");
    }
}

/// The code that the first start left, when nobody is signed in here and the person wants to use it.
async fn offered_code(hub: &mut Remote) -> Result<Option<SecretString>, Failure> {
    let path = code_path(hub);
    let Some(code) = read_code(hub)? else {
        return Ok(None);
    };
    if is_signed_in(hub).await? {
        return Ok(None);
    }
    if !hub.terminal.is_interactive() {
        let path = remote::quote(&path.display().to_string()).into_owned();
        hub.terminal.remark(format!(
            "A code to claim the agent is in {path}; to use it, give --code \"$(cat {path})\""
        ));
        return Ok(None);
    }
    let question = "This hub's agent may still be unclaimed. Claim it and become its owner? [Y/n] ";
    let typed = hub.terminal.ask(question).map_err(unasked)?;
    let is_wanted = matches!(typed.trim().to_lowercase().as_str(), "" | "y" | "yes");
    Ok(is_wanted.then_some(code))
}

/// Asked of the hub: a sign-in that is stored may be one of an earlier database.
async fn is_signed_in(hub: &Remote) -> Result<bool, Failure> {
    match hub.client.call(&Call::get("/v1/me")).await {
        Ok(_) => Ok(true),
        Err(
            Failure::NotSignedIn
            | Failure::SignInEnded { .. }
            | Failure::OtherHub { .. }
            | Failure::Refused(_),
        ) => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// The code beside the hub's own files. It opens the hub of this machine, and no other is told.
fn read_code(hub: &Remote) -> Result<Option<SecretString>, Failure> {
    if !hub.client.base().is_this_machine() {
        return Ok(None);
    }
    let path = code_path(hub);
    let unreadable = |source| Failure::System {
        what: path.display().to_string(),
        source,
    };
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(unreadable)?,
    };
    let mut code = String::new();
    file.take(MAX_CODE_BYTES)
        .read_to_string(&mut code)
        .map_err(unreadable)?;
    let code = normalize_code(&code.into());
    Ok(Some(code).filter(|code| !code.expose_secret().is_empty()))
}

/// A code is good once: what is left of it would only confuse.
fn remove_used(hub: &mut Remote, used: &SecretString) {
    let path = code_path(hub);
    let stored = read_code(hub).ok().flatten();
    if stored.is_none_or(|stored| stored.expose_secret() != used.expose_secret()) {
        return;
    }
    if let Err(error) = fs::remove_file(&path) {
        let path = path.display();
        hub.terminal.remark(format!(
            "The code in {path} is used; the file cannot be removed: {error}"
        ));
    }
}

fn code_path(hub: &Remote) -> PathBuf {
    hub.dir.join("claim-code")
}

fn unasked(source: io::Error) -> Failure {
    let what = "nothing could be asked".to_owned();
    Failure::System { what, source }
}

#[cfg(test)]
pub(super) fn who(code: &str, name: &str, password: &str) -> (SecretString, Person) {
    let name = name.to_owned();
    let password = password.into();
    (code.into(), Person { name, password })
}
