//! A whole satellite: a lamp that the agent can switch.
#![expect(clippy::print_stdout, reason = "the lamp is printed")]

use std::{error::Error, path::Path};

use hub_satellite::{
    Credentials, Happening, Satellite,
    link::Target,
    protocol::{Capability, Command, CommandResult, CommandStatus, JsonObject, KIND_REPLY, Software},
};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let path = words.next().ok_or("usage: lamp CREDENTIALS [URL]")?;
    let credentials = Credentials::read(Path::new(&path))?;
    let url = words.next().or(credentials.url).ok_or("where is its hub?")?;
    let target = Target::new(&url, credentials.token, credentials.ca_file.as_deref())?;
    let software = Software {
        name: "lamp".into(),
        version: "1".into(),
    };
    let arguments = JsonObject::from_iter([("is_on".into(), json!({"type": "boolean"}))]);
    let kinds = vec![Capability::new("lamp.switch", &arguments)];
    let journal = Path::new(&path).with_extension("journal");
    let mut lamp = Satellite::new(software, kinds, &journal, target)?;
    let mut is_on = false;
    lamp.report(state(is_on), None);
    loop {
        match lamp.next().await? {
            Happening::Command(command) => {
                lamp.finish(carry_out(&command, &mut is_on))?;
                lamp.report(state(is_on), None);
            }
            Happening::Desired(wanted) => {
                if let Some(wanted) = wanted.delta.get("is_on").and_then(Value::as_bool) {
                    switch(&mut is_on, wanted);
                }
                lamp.report(state(is_on), Some(wanted.version));
            }
            Happening::Refused(reason) => return Err(reason.name().into()),
            other => println!("{other:?}"),
        }
    }
}

fn state(is_on: bool) -> JsonObject {
    JsonObject::from_iter([("is_on".into(), is_on.into())])
}

fn switch(is_on: &mut bool, wanted: bool) {
    *is_on = wanted;
    println!("the lamp is {}", if wanted { "on" } else { "off" });
}

fn carry_out(command: &Command, is_on: &mut bool) -> CommandResult {
    let (id, arguments) = (command.command_id, &command.arguments);
    match command.kind.as_str() {
        "lamp.switch" => {
            let Some(wanted) = arguments.get("is_on").and_then(Value::as_bool) else {
                let message = "`is_on` must be true or false";
                return CommandResult::failed(id, CommandStatus::Error, "invalid_arguments", message);
            };
            switch(is_on, wanted);
            CommandResult::ok(id, Some(json!({"is_on": wanted})))
        }
        KIND_REPLY => {
            println!("the agent: {}", arguments.get("text").unwrap_or(&Value::Null));
            CommandResult::ok(id, None)
        }
        _ => CommandResult::failed(
            id,
            CommandStatus::Unsupported,
            "unsupported",
            "a lamp does not know it",
        ),
    }
}
