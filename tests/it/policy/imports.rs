//! The direction of imports: each layer may use those below it, and the outside world is met in one place each.

use std::collections::{BTreeSet, HashMap};

use super::source::{Module, functions, modules, modules_of_satellites, paths};

/// The layers, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    /// Knows nothing of the hub.
    Base,
    /// What things are, and pure rules about them.
    Types,
    /// Storage, the outside world, configuration, telemetry.
    Means,
    /// The handles that operations share.
    Handles,
    /// What can be done.
    Operations,
    /// Where it is asked for.
    Edges,
    /// What puts it together.
    Wiring,
}

use Layer::{Base, Edges, Handles, Means, Operations, Types, Wiring};

/// Where each module belongs; the longest name that fits counts. A trailing `::` names what is inside the module, without the
/// module itself.
const LAYERS: &[(&str, Layer)] = &[
    ("backoff", Base),
    ("canonical", Base),
    ("clock", Base),
    ("error", Base),
    ("ids", Base),
    ("lifecycle", Base),
    ("page", Base),
    ("secret", Base),
    ("actions", Types),
    ("actions::", Operations),
    ("artifacts", Types),
    ("artifacts::", Operations),
    ("artifacts::link", Types),
    ("artifacts::rules", Types),
    ("audit", Types),
    ("audit::breach", Operations),
    ("audit::compare", Operations),
    ("audit::publish", Operations),
    ("audit::read", Operations),
    ("audit::reads", Types),
    ("audit::resume", Operations),
    ("audit::run", Operations),
    ("audit::sequence", Operations),
    ("audit::status", Operations),
    ("consents", Types),
    ("consents::", Operations),
    ("delegations", Types),
    ("delegations::", Operations),
    ("delegations::chain", Types),
    ("devices", Types),
    ("devices::", Operations),
    ("devices::shadow", Types),
    ("erasures", Types),
    ("erasures::", Operations),
    ("erasures::receipt", Types),
    ("events", Types),
    ("events::", Operations),
    ("events::cursor", Types),
    ("events::kind", Types),
    ("events::payload", Types),
    ("events::reader", Types),
    ("events::recent", Types),
    ("events::topic", Types),
    ("identity", Types),
    ("identity::accept_invitation", Operations),
    ("identity::attempt", Operations),
    ("identity::claim", Operations),
    ("identity::create_invitation", Operations),
    ("identity::create_token", Operations),
    ("identity::credentials", Operations),
    ("identity::end_membership", Operations),
    ("identity::held", Operations),
    ("identity::issuer_token", Operations),
    ("identity::leave_agent", Operations),
    ("identity::newcomer", Operations),
    ("identity::own_password", Operations),
    ("identity::refresh", Operations),
    ("identity::refuse_request", Operations),
    ("identity::remove_member", Operations),
    ("identity::revoke_invitation", Operations),
    ("identity::revoke_token", Operations),
    ("identity::sign_in", Operations),
    ("identity::sign_out", Operations),
    ("identity::transfer_ownership", Operations),
    ("identity::update_agent", Operations),
    ("identity::update_member", Operations),
    ("identity::update_password", Operations),
    ("identity::vouched", Types),
    ("identity::write_refusals", Operations),
    ("jobs", Types),
    ("jobs::expire", Operations),
    ("jobs::fail", Edges),
    ("jobs::receive", Edges),
    ("jobs::relay", Edges),
    ("jobs::renew", Edges),
    ("jobs::replay", Operations),
    ("jobs::sample", Edges),
    ("jobs::sweep", Edges),
    ("jobs::worker", Edges),
    ("mailbox", Types),
    ("mailbox::", Operations),
    ("memory", Types),
    ("memory::", Operations),
    ("memory::embedding", Types),
    ("memory::rules", Types),
    ("pairings", Types),
    ("pairings::", Operations),
    ("people", Types),
    ("people::", Operations),
    ("people::belonging", Types),
    ("places", Types),
    ("places::", Operations),
    ("recognition", Types),
    ("recognition::", Operations),
    ("recognition::rule", Types),
    ("recognition::vector", Types),
    ("places::spaces", Types),
    ("sessions", Types),
    ("sessions::", Operations),
    ("turns", Types),
    ("turns::", Operations),
    ("turns::frame", Types),
    ("turns::step", Types),
    ("turns::talker", Types),
    ("adapters", Means),
    ("config", Means),
    ("storage", Means),
    ("telemetry", Means),
    ("satellite::pace", Means),
    ("satellite::protocol", Means),
    ("satellite::registry", Means),
    ("satellite::share", Means),
    ("http::bodies", Means),
    ("hub", Handles),
    ("http", Edges),
    ("satellite", Edges),
    ("commands", Wiring),
    ("main", Wiring),
    ("", Wiring),
];

/// What is not as the rule says: who uses what, and why it may.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    (
        "hub",
        "audit::status",
        "what this process knows of its audit log is one of the handles; it does nothing",
    ),
    (
        "hub",
        "events::tail",
        "the logs that are followed on this node are kept in one of the handles, and read once for all",
    ),
    (
        "hub",
        "events::watchers",
        "who watches on this node is kept in one of the handles; it does nothing",
    ),
    (
        "hub",
        "turns::followers",
        "who follows on this node is counted in one of the handles; it does nothing",
    ),
    (
        "hub",
        "turns::runtime",
        "the port of what thinks: the hub holds the trait object, never an operation",
    ),
    (
        "http",
        "satellite::connection",
        "the router is one, so the socket's route is added to it",
    ),
    (
        "http",
        "satellite::console",
        "the router is one, so the route of consoles is added to it",
    ),
    (
        "satellite::console",
        "http::caller",
        "before the upgrade it is a request, with its credential in the header",
    ),
    (
        "satellite::console",
        "http::problem",
        "before the upgrade it is refused as every request is",
    ),
    (
        "satellite::connection",
        "http::caller",
        "before the upgrade it is a request, with its credential in the header",
    ),
    (
        "satellite::connection",
        "http::problem",
        "before the upgrade it is refused as every request is",
    ),
];

/// What of the outside world is met where, by the beginning of the module's name.
const OUTSIDE: &[(&str, &[&str])] = &[
    ("sqlx", &["storage"]),
    ("axum", &["http", "satellite"]),
    ("hyper", &["http::serve"]),
    ("hyper_util", &["http::serve"]),
    ("tower_http", &["http"]),
    ("utoipa_axum", &["http"]),
    ("figment", &["config"]),
    ("dotenvy", &["config"]),
    ("clap", &["commands", "main"]),
    ("aws_config", &["adapters"]),
    ("aws_sdk_s3", &["adapters"]),
    ("aws_sdk_secretsmanager", &["adapters"]),
    ("aws_sdk_sqs", &["adapters"]),
    ("aws_sdk_ssm", &["adapters"]),
    ("aws_smithy_http_client", &["adapters"]),
    ("reqwest", &["adapters", "commands"]),
    ("opentelemetry", &["telemetry"]),
    ("opentelemetry_http", &["adapters::collector"]),
    ("opentelemetry_otlp", &["adapters::collector"]),
    ("opentelemetry_sdk", &["telemetry", "adapters::collector"]),
    ("rlimit", &["commands::descriptors"]),
    ("tracing_opentelemetry", &["telemetry"]),
    ("hub_satellite::tls", &[""]),
    ("hub_satellite", &["satellite::protocol", "commands::satellite"]),
    ("tokio_tungstenite", &[]),
    ("cap_std", &["commands::satellite"]),
    ("regex", &["commands::satellite"]),
    ("rustix", &["commands::satellite"]),
    ("toml", &["commands::satellite"]),
];

/// The same of the satellites' crate: who makes one may take the frames, or the rules, without any I/O.
const OUTSIDE_OF_SATELLITES: &[(&str, &[&str])] = &[
    ("futures_util", &["link"]),
    ("getrandom", &["ambient"]),
    ("rustls", &["tls", "link"]),
    ("rustls_platform_verifier", &["tls"]),
    ("std::env", &[]),
    ("std::fs", &["credentials", "journal"]),
    ("std::io", &["credentials", "journal", "tls"]),
    ("std::net", &["link"]),
    ("std::process", &["credentials"]),
    ("tokio", &["link", "satellite"]),
    ("tokio_tungstenite", &["link"]),
    ("utoipa", &["protocol"]),
];

/// What that crate may depend on: each is built by whoever makes a satellite.
const DEPENDENCIES_OF_SATELLITES: [&str; 14] = [
    "chrono",
    "futures-util",
    "getrandom",
    "rustls",
    "rustls-platform-verifier",
    "secrecy",
    "serde",
    "serde_json",
    "serde_path_to_error",
    "thiserror",
    "tokio",
    "tokio-tungstenite",
    "utoipa",
    "uuid",
];

/// Environment variables are read here only; a program may ask for its own name and its temporary folder anywhere.
const ENVIRONMENT: [&str; 6] = ["var", "var_os", "vars", "vars_os", "set_var", "remove_var"];

/// Names that say nothing.
const EMPTY_NAMES: [&str; 5] = ["utils", "common", "helpers", "types", "misc"];
/// Lines of a file at most.
const MOST_LINES: usize = 500;
/// Lines of a function at most.
const MOST_LINES_OF_A_FUNCTION: usize = 80;

#[test]
fn imports_go_one_way() {
    let modules = modules();
    let names: BTreeSet<&str> = modules.iter().map(|module| module.name.as_str()).collect();
    let (mut wrong, mut used) = (BTreeSet::new(), BTreeSet::new());
    for module in &modules {
        for target in targets(module, &names) {
            if let Some(index) = exception(&module.name, &target) {
                used.insert(index);
            } else if !is_allowed(&module.name, &target) {
                let (of, to) = (layer(&module.name), layer(&target));
                wrong.insert(format!("{} ({of:?}) uses {target} ({to:?})", module.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", join(&wrong));
    assert_eq!(
        used.len(),
        EXCEPTIONS.len(),
        "an exception is not needed any more: {used:?}"
    );
}

#[test]
fn the_outside_world_is_met_in_one_place() {
    let mut wrong = BTreeSet::new();
    for (modules, outside) in [
        (modules(), OUTSIDE),
        (modules_of_satellites(), OUTSIDE_OF_SATELLITES),
    ] {
        assert!(modules.len() > 10, "the source is read");
        for module in modules {
            for path in paths(&module) {
                let path = path.join("::");
                let rule = outside.iter().find(|(name, _)| is_within(&path, name));
                if rule.is_some_and(|(_, places)| !places.iter().any(|place| is_within(&module.name, place)))
                {
                    wrong.insert(format!("{} uses {path}", module.path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", join(&wrong));
}

#[test]
fn the_crate_for_makers_of_satellites_has_few_dependencies() {
    let manifest = include_str!("../../../satellite/Cargo.toml");
    let lines = manifest.lines().skip_while(|line| *line != "[dependencies]");
    let named = lines
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ']).next().filter(|name| !name.is_empty()));
    assert_eq!(
        named.collect::<Vec<_>>(),
        DEPENDENCIES_OF_SATELLITES,
        "is it worth its weight to everyone who makes a satellite?"
    );
}

#[test]
fn the_environment_is_read_in_config_only() {
    let mut wrong = BTreeSet::new();
    for module in modules()
        .iter()
        .filter(|module| !is_within(&module.name, "config"))
    {
        for path in paths(module) {
            let is_read = path.iter().any(|step| step == "env")
                && path
                    .last()
                    .is_some_and(|last| ENVIRONMENT.contains(&last.as_str()) || last == "env");
            if is_read && path.first().is_some_and(|first| first == "std" || first == "env") && path.len() > 1
            {
                wrong.insert(format!("{} uses {}", module.name, path.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", join(&wrong));
}

#[test]
fn every_module_has_a_layer() {
    let modules = modules();
    assert!(modules.len() > 100, "the source is read");
    let mut fits: HashMap<&str, usize> = LAYERS.iter().map(|(name, _)| (*name, 0)).collect();
    for module in &modules {
        let name = row(&module.name).0;
        assert!(
            !name.is_empty() || module.name.is_empty(),
            "{} has no layer",
            module.name
        );
        *fits.entry(name).or_default() += 1;
    }
    let empty: Vec<&str> = fits
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(name, _)| *name)
        .collect();
    assert!(empty.is_empty(), "no module is in {empty:?}");
}

#[test]
fn files_and_functions_are_short() {
    let mut wrong = BTreeSet::new();
    for module in modules().into_iter().chain(modules_of_satellites()) {
        if module.lines > MOST_LINES {
            wrong.insert(format!("{} has {} lines", module.path.display(), module.lines));
        }
        for (name, lines) in functions(&module.file) {
            if lines > MOST_LINES_OF_A_FUNCTION {
                wrong.insert(format!("{name} in {} has {lines} lines", module.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", join(&wrong));
}

#[test]
fn every_module_has_a_name_and_says_what_it_is_for() {
    let mut wrong = BTreeSet::new();
    for module in modules().into_iter().chain(modules_of_satellites()) {
        let last = module.name.rsplit("::").next().unwrap_or_default();
        if EMPTY_NAMES.contains(&last) {
            wrong.insert(format!("{} has a name that says nothing", module.name));
        }
        if !module
            .file
            .attrs
            .iter()
            .any(|attribute| attribute.path().is_ident("doc"))
        {
            wrong.insert(format!("{} does not say what it is for", module.name));
        }
    }
    assert!(wrong.is_empty(), "{}", join(&wrong));
}

/// The modules of the hub that a module uses.
fn targets(module: &Module, names: &BTreeSet<&str>) -> BTreeSet<String> {
    let own = paths(module)
        .into_iter()
        .filter(|path| path.first().is_some_and(|first| first == "crate"));
    let reached = own.filter_map(|path| {
        // The longest beginning that is a module: what follows is in it.
        (1..=path.len())
            .rev()
            .map(|end| path[1..end].join("::"))
            .find(|name| names.contains(name.as_str()))
    });
    reached
        .filter(|target| *target != module.name && !target.is_empty())
        .collect()
}

fn is_allowed(of: &str, to: &str) -> bool {
    let (from, onto) = (layer(of), layer(to));
    if from == Edges && onto == Edges {
        return top(of) == top(to);
    }
    onto <= from
}

fn exception(of: &str, to: &str) -> Option<usize> {
    EXCEPTIONS
        .iter()
        .position(|(user, used, _)| *user == of && *used == to)
}

fn layer(name: &str) -> Layer {
    row(name).1
}

fn row(name: &str) -> (&'static str, Layer) {
    let fits = |row: &&(&str, Layer)| match row.0.strip_suffix("::") {
        Some(above) => name != above && is_within(name, above),
        None => row.0.is_empty() || is_within(name, row.0),
    };
    *LAYERS
        .iter()
        .filter(fits)
        .max_by_key(|row| row.0.len())
        .expect("the empty name fits")
}

fn is_within(name: &str, above: &str) -> bool {
    name.strip_prefix(above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn top(name: &str) -> &str {
    name.split("::").next().unwrap_or_default()
}

fn join(lines: &BTreeSet<String>) -> String {
    lines.iter().cloned().collect::<Vec<_>>().join("\n")
}
