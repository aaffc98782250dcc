//! What `serve` says when it listens: where, with what, and what to do next.

use std::net::SocketAddr;

use secrecy::ExposeSecret;

use super::{address, bootstrap::Bootstrapped};
use crate::{
    config::{ModelConfig, program},
    hub::Hub,
};

/// The lines, for a person who has just started the hub.
pub fn banner(hub: &Hub, address: SocketAddr, made: Option<&Bootstrapped>) -> String {
    let mut lines = vec![
        format!("\nThe hub is listening on http://{address}   (Ctrl-C stops it)"),
        format!("  data, keys and audit log: {}", hub.config.dir.0.display()),
        format!("  thinks with: {}", thinker(&hub.config.model)),
    ];
    if let Some(made) = made {
        let names = names(made).join(" and ");
        let code = made.code.expose_secret();
        lines.push(format!(
            "  first start: made the agent and its satellites {names}"
        ));
        lines.push(format!("  the owner's claim code, good once: {code}"));
    }
    lines.push("\nNext, each in a terminal of its own:".to_owned());
    let hints = hints(address, made.map(names));
    lines.extend(hints.iter().map(|hint| format!("  {} {hint}", program())));
    lines.push(String::new());
    lines.join("\n")
}

fn thinker(model: &ModelConfig) -> String {
    if model.is_set() {
        format!("{} at {}", model.name, model.base_url)
    } else {
        "the offline rules (OPENAI_API_KEY or HUB_MODEL__BASE_URL makes a model think)".to_owned()
    }
}

/// The commands to try. A satellite finds the address in the data folder, and people's commands know it from the sign-in;
/// only the sign-in itself must be told when it is not the usual one.
fn hints(address: SocketAddr, made: Option<Vec<&str>>) -> Vec<String> {
    let login = if address == address::DEFAULT {
        "login".to_owned()
    } else {
        format!("login --url http://{address}")
    };
    match made {
        Some(names) => {
            let satellites = names.iter().map(|name| format!("satellite {name}"));
            let claim = format!("{login}   (claims the agent with the code)");
            std::iter::once(claim).chain(satellites).collect()
        }
        None => vec![
            "satellite kitchen".to_owned(),
            format!("{login}   (if you are not signed in there)"),
            "say hello".to_owned(),
            "inbox".to_owned(),
        ],
    }
}

fn names(made: &Bootstrapped) -> Vec<&str> {
    let satellites = made.satellites.iter();
    satellites.map(|satellite| satellite.name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unusual_address_is_named_where_it_must_be_told() {
        let elsewhere = "127.0.0.1:9000".parse().unwrap();
        let first = hints(elsewhere, Some(vec!["kitchen"]));
        assert!(
            first[0].starts_with("login --url http://127.0.0.1:9000 "),
            "{first:?}"
        );
        assert_eq!(first[1], "satellite kitchen");
        assert!(hints(elsewhere, None)[1].starts_with("login --url http://127.0.0.1:9000 "));
        assert!(!hints(address::DEFAULT, None).concat().contains("--url"));
    }
}
