//! Every sink asks the gate (DESIGN 13). What is a sink is read from the source: whoever calls a statement that writes content, or
//! passes content on to a model, to an embedder or to somebody who watches. A new one fails the test until it asks, or the table says
//! why it need not; `hub/PRIVACY.md` is the table for people.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use super::{
    functions::{Function, called_on, functions, read_file},
    source::{Module, modules},
};

/// The tables that hold what somebody said, sensed, made or was told, and the columns of it that may be written later.
const CONTENT: &[(&str, &[&str])] = &[
    ("events", &["payload"]),
    ("turns", &[]),
    ("turn_inputs", &[]),
    ("turn_stream", &["text"]),
    ("memories", &["content"]),
    ("memory_candidates", &["content"]),
    ("memory_sources", &[]),
    ("embeddings", &["embedding"]),
    ("actions", &["arguments", "summary", "result", "error"]),
    ("commands", &["arguments", "result", "error", "progress"]),
    ("device_shadows", &["desired", "reported"]),
    ("artifacts", &["name", "stored_at"]),
    ("voiceprints", &[]),
    ("faceprints", &[]),
    ("identity_hypotheses", &["score"]),
    ("recognition_observations", &[]),
    ("presence", &["seen_at"]),
    ("presence_history", &[]),
];

/// All others, and why what is said, sensed or done in a space does not get there.
const EMPTY: &[(&str, &str)] = &[
    (
        "consents memory_consents",
        "what people allow, and what was remembered by it",
    ),
    (
        "access_tokens agent_heads agents claims delegations invitations memberships personas pairings sign_ins user_identities users",
        "who may do what",
    ),
    ("people person_accounts", "whom the agent knows; people write it"),
    (
        "locations spaces devices device_connections",
        "what there is, and whether it is there",
    ),
    (
        "conversations sessions",
        "ids, times and switches; of a refused event they are not kept either",
    ),
    ("turn_steps", "numbers, and names of functions of ours"),
    (
        "action_attempts action_decisions deliveries",
        "states, and what people say as they decide",
    ),
    (
        "embedding_models jobs settings",
        "plumbing: ids, names of models, states",
    ),
    ("idempotency_keys", "answers to requests of people"),
    (
        "erasures memory_tombstones scrubber_state scrub_probe",
        "that something was forgotten, and never what",
    ),
    (
        "audit_entries audit_chains audit_checkpoints audit_sequence publisher_state sequencer_state",
        "commitments, no content",
    ),
];

/// What passes content on: the handle, and its function.
const OUTLETS: &[(&str, &str)] = &[
    ("embeddings", "of_questions"),
    ("embeddings", "of_memories"),
    ("runtime", "run"),
    ("memories", "by_words"),
    ("embeddings", "nearest"),
    ("embeddings", "missing"),
    ("turn_stream", "after"),
    ("events", "inputs_of"),
    ("events", "recent"),
    ("actions", "list"),
    ("recognition", "compare"),
    ("recognition", "present"),
];

/// The same of functions.
const PASSES: &[(&str, &[&str])] = &[
    ("questions to a model", &["ask_one", "("]),
    ("questions to a model", &["ask", "(", "hub"]),
    ("memories to a turn", &["recall_for_turn", "("]),
    ("memories to a person", &["recall", "(", "&", "mut", "tx"]),
    ("proposals to a turn", &["waiting_actions", "("]),
];

/// How a sink obeys.
#[derive(Debug, Clone, Copy)]
enum Obeys {
    /// It asks the gate itself.
    Asks,
    /// Another function asks, which leads to it or which it leads to.
    With(&'static str),
    /// It says nothing of what happens in a space, or what is said comes from elsewhere.
    Needless(&'static str),
}

use Obeys::{Asks, Needless, With};

const STATES: &str = "ids and states, in the hub's own words";
const SETTINGS: &str = "what people and the hub set up";

/// The sinks.
const TABLE: &[(&str, Obeys)] = &[
    ("events::ingest::accept", With("events::ingest::place")),
    ("events::ingest::place", Asks),
    ("devices::report::report", Asks),
    ("devices::report::keep", With("devices::report::report")),
    ("devices::presence::tell", Asks),
    ("artifacts::create::create", With("artifacts::create::space")),
    ("artifacts::receive::finish", Asks),
    ("artifacts::complete::complete", Asks),
    ("mailbox::progress::progress", Asks),
    ("mailbox::finish::end", With("mailbox::finish::finish")),
    ("mailbox::finish::tell", Needless(STATES)),
    ("actions::settle::change", With("mailbox::finish::finish")),
    ("turns::run::run", Asks),
    ("turns::run::think", With("turns::run::run")),
    ("turns::run::start", Needless("takes back what was said")),
    ("turns::run::over", Needless("takes back what was said")),
    ("turns::gather::gather", With("turns::run::run")),
    ("turns::gather::inputs", With("turns::run::run")),
    ("turns::gather::recent", With("turns::run::run")),
    ("turns::gather::waiting_actions", Asks),
    ("turns::live::recall", Asks),
    ("turns::live::write_text", Asks),
    ("turns::follow::look", Asks),
    ("turns::apply::apply", Asks),
    ("turns::apply::reply", With("turns::apply::apply")),
    ("turns::fail::end_all", Needless(STATES)),
    ("turns::fail::tell", Needless(STATES)),
    ("actions::propose::propose", With("turns::apply::apply")),
    ("memory::commit::keep", With("turns::apply::apply")),
    ("memory::recall::look", Asks),
    ("memory::recall::by_meaning", With("memory::recall::look")),
    ("memory::ask::ask", With("turns::run::run")),
    ("memory::ask::ask_one", With("turns::live::recall")),
    (
        "http::v1::memories::recall_memories::recall_memories",
        Needless("a person's own question"),
    ),
    (
        "http::v1::actions::list_actions::list_actions",
        Needless("people read what was kept before"),
    ),
    ("memory::embed::embed", With("memory::embed::usable")),
    ("memory::embed::try_batch", With("memory::embed::usable")),
    (
        "memory::embed::at_fault",
        Needless("a plain word, and that a model refused a text"),
    ),
    (
        "mailbox::send::send",
        Needless("what people, and the agent in another room, say to a device"),
    ),
    (
        "devices::update_shadow::update_shadow",
        Needless("what people want of a device"),
    ),
    ("devices::update_shadow::tell", Needless(STATES)),
    ("consents::grant::tell", Needless(SETTINGS)),
    ("recognition::enrol::enrol", With("recognition::enrol::granted")),
    ("recognition::observe::find", Asks),
    ("recognition::observe::keep", With("recognition::observe::find")),
    ("recognition::tell::hypothesis", Asks),
    ("recognition::confirm::settle", Asks),
    (
        "recognition::reject::reject",
        Needless("takes back what was not so"),
    ),
    (
        "recognition::erase::erase",
        Needless("takes back what was recognised"),
    ),
    (
        "recognition::delete_print::delete_print",
        Needless("takes back what was recognised"),
    ),
    (
        "recognition::leave::end",
        Needless("that somebody is not there any more, and not who"),
    ),
    ("recognition::tell::gone", Asks),
    ("turns::present::present", With("turns::present::name_as_known")),
    (
        "http::v1::presence::list_presence::list_presence",
        Needless("people read who is there; in a private space there is nobody"),
    ),
    ("erasures::forget::carry_out", Needless(STATES)),
    ("erasures::erase::tell", Needless(STATES)),
    ("jobs::fail::put_off", Needless("takes back what was said")),
    ("people::create_person::create_person", Needless(SETTINGS)),
    ("people::update_person::update_person", Needless(SETTINGS)),
    ("people::merge_person::merge_person", Needless(SETTINGS)),
    ("memory::share::share", Asks),
    ("artifacts::share::share", Asks),
    ("artifacts::delete::delete", Needless(STATES)),
    (
        "devices::approve_capabilities::approve_capabilities",
        Needless(SETTINGS),
    ),
    ("devices::connect::connect", Needless(SETTINGS)),
    ("devices::register::enrol", Needless(SETTINGS)),
    ("devices::revoke::tell", Needless(SETTINGS)),
    ("devices::rotate::rotate", Needless(SETTINGS)),
    ("identity::held::changed", Needless(SETTINGS)),
    ("identity::update_agent::update_agent", Needless(SETTINGS)),
    ("places::create_space::create_space", Needless(SETTINGS)),
    (
        "places::update_space::update_space",
        Needless("the switch itself"),
    ),
    (
        "sessions::update_session::update_session",
        Needless("the switch itself"),
    ),
];

/// Calls of the gate.
const GATE: [&str; 7] = [
    "recognisable",
    "closed",
    "closed_and_held",
    "ask",
    "usable_memories",
    "usable_sessions",
    "append_unless_private",
];
/// Steps from who asks to the sink at most.
const MOST_STEPS: usize = 5;

type Found = BTreeMap<String, BTreeSet<String>>;

fn all() -> Vec<Function> {
    let modules = modules();
    let read = |module: &Module| functions(&module.name, &read_file(&module.path));
    modules.iter().flat_map(read).collect()
}

/// The sinks, and what each does.
fn found(all: &[Function]) -> Found {
    let is_outside = |function: &&Function| {
        !function.module.starts_with("storage") && !function.module.starts_with("adapters")
    };
    let storage: Vec<&Function> = all
        .iter()
        .filter(|one| one.module.starts_with("storage"))
        .collect();
    let handles = handles(&storage);
    let writers = writers(&storage);
    let sinks = |function: &Function| {
        let mut sinks = BTreeSet::new();
        for (handle, of) in &handles {
            let called = called_on(&function.tokens, handle).into_iter();
            let writing = called.filter(|method| writers.contains(&(of.clone(), method.clone())));
            sinks.extend(writing.map(|method| format!("{handle}.{method}")));
        }
        for (handle, method) in OUTLETS {
            let on_a_handle = called_on(&function.tokens, handle);
            if on_a_handle.iter().any(|called| called == method) || function.has(&[handle, ".", method, "("])
            {
                sinks.insert(format!("{handle}.{method}"));
            }
        }
        let passes = PASSES.iter().filter(|(_, words)| function.has(words));
        sinks.extend(passes.map(|(what, _)| (*what).to_owned()));
        if ["append", "append_unless_private"]
            .iter()
            .any(|name| function.has(&["tx", ".", name, "("]))
        {
            sinks.insert("the log".to_owned());
        }
        if function.has(&["incoming", ".", "finish", "("]) {
            sinks.insert("bytes in the store".to_owned());
        }
        sinks
    };
    let seen = all
        .iter()
        .filter(is_outside)
        .map(|function| (function.path(), sinks(function)));
    seen.filter(|(_, sinks)| !sinks.is_empty()).collect()
}

/// `tx.memories()` gives a `Memories`.
fn handles(storage: &[&Function]) -> BTreeMap<String, String> {
    let gives = |function: &&&Function| match function.tokens.as_slice() {
        [of, open, this, close] if open == "(" && this == "self" && close == ")" => {
            Some((function.name.clone(), of.clone()))
        }
        _ => None,
    };
    storage.iter().filter_map(|function| gives(&function)).collect()
}

/// The functions of handles that write content, also by way of others of the same handle.
fn writers(storage: &[&Function]) -> BTreeSet<(String, String)> {
    let mut writers: BTreeSet<(String, String)> = BTreeSet::new();
    loop {
        let before = writers.len();
        for function in storage {
            let calls =
                |(of, name): &(String, String)| *of == function.of && function.has(&["self", ".", name, "("]);
            if writes(&function.texts) || writers.iter().any(calls) {
                writers.insert((function.of.clone(), function.name.clone()));
            }
        }
        if writers.len() == before {
            return writers;
        }
    }
}

/// Whether a statement writes content.
fn writes(statement: &str) -> bool {
    CONTENT.iter().any(|(table, columns)| {
        let inserts = after(statement, "insert into ").any(|rest| names(rest, table));
        let mut updates = after(statement, "update ").filter(|rest| names(rest, table));
        let sets = |rest: &str| {
            columns
                .iter()
                .any(|column| after(rest, &format!(" {column} = ")).any(|value| !value.starts_with("null")))
        };
        inserts || updates.any(sets)
    })
}

fn after<'a>(text: &'a str, mark: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(mark)
        .map(move |(at, _)| &text[at + mark.len()..])
}

/// Whether a text begins with a table's name. The tables of embeddings have a number at the end, or a macro puts their name in.
fn names(rest: &str, table: &str) -> bool {
    let word = table_of(rest);
    word == table || (word.is_empty() && table == "embeddings")
}

fn table_of(rest: &str) -> &str {
    let is_end = |c: char| !(c.is_ascii_lowercase() || c == '_');
    let end = rest.find(is_end).unwrap_or(rest.len());
    rest[..end].trim_end_matches('_')
}

/// Whether it asks the gate.
fn asks(function: &Function) -> bool {
    GATE.iter().any(|name| function.has(&[name, "("]))
}

/// Whether one function leads to another, call by call.
fn leads(all: &[Function], from: &Function, to: &Function, steps: usize) -> bool {
    let calls = |caller: &Function, called: &Function| {
        let last = called.module.rsplit("::").next().unwrap_or_default();
        let is_near = caller.module == called.module || caller.uses.contains(last);
        is_near && caller.has(&[&called.name, "("])
    };
    from.path() == to.path()
        || calls(from, to)
        || (steps > 0
            && all
                .iter()
                .filter(|next| calls(from, next))
                .any(|next| leads(all, next, to, steps - 1)))
}

fn function<'a>(all: &'a [Function], path: &str) -> &'a Function {
    let named = all.iter().find(|function| function.path() == path);
    named.unwrap_or_else(|| panic!("there is no function {path}"))
}

#[test]
fn every_sink_is_in_the_table() {
    let found: BTreeSet<String> = found(&all()).into_keys().collect();
    let named: BTreeSet<String> = TABLE.iter().map(|(path, _)| (*path).to_owned()).collect();
    let new: Vec<&String> = found.difference(&named).collect();
    let gone: Vec<&String> = named.difference(&found).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "new sinks, which have to ask the gate (hub/src/places/gate.rs): {new:?}; no sinks any more: {gone:?}"
    );
}

#[test]
fn every_sink_obeys_as_the_table_says() {
    let all = all();
    for (path, obeys) in TABLE {
        let sink = function(&all, path);
        match obeys {
            Asks => assert!(asks(sink), "{path} does not ask the gate"),
            With(asker) => {
                let asker = function(&all, asker);
                assert!(asks(asker), "{} does not ask the gate", asker.path());
                assert!(
                    leads(&all, asker, sink, MOST_STEPS) || leads(&all, sink, asker, MOST_STEPS),
                    "{path} and {} have nothing to do with each other",
                    asker.path()
                );
            }
            Needless(_) => {}
        }
    }
}

/// So that a table which nobody has thought about is not taken for one without content.
#[test]
fn every_table_holds_content_or_is_known_to_hold_none() {
    let made = made_by_migrations();
    let content = CONTENT.iter().map(|(table, _)| *table);
    let empty = EMPTY.iter().flat_map(|(tables, _)| tables.split(' '));
    let named: BTreeSet<String> = content.chain(empty).map(str::to_owned).collect();
    assert_eq!(named, made);
}

fn made_by_migrations() -> BTreeSet<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations");
    let files = fs::read_dir(folder).expect("the migrations are there");
    let mut made = BTreeSet::new();
    for file in files {
        let path = file.expect("a folder can be listed").path();
        if path.extension().is_some_and(|end| end == "sql") {
            let text = read_file(&path);
            made.extend(after(&text, "create table ").map(|rest| table_of(rest).to_owned()));
        }
    }
    made
}

/// The page for people.
#[test]
fn the_page_lists_the_sinks() {
    let expected = rows(&found(&all()));
    let page = include_str!("../../../hub/PRIVACY.md");
    let (_, list) = page.split_once("| sink |").expect("the page has its list");
    let list: Vec<&str> = list
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert_eq!(
        list.join("\n"),
        expected,
        "put this into hub/PRIVACY.md:\n{expected}\n"
    );
}

fn rows(found: &Found) -> String {
    let row = |(path, obeys): &(&str, Obeys)| {
        let does = found
            .get(*path)
            .map(|sinks| sinks.iter().cloned().collect::<Vec<_>>().join(", "));
        let does = does.unwrap_or_default();
        let says = match obeys {
            Asks => "asks".to_owned(),
            With(asker) => format!("with `{asker}`, which asks"),
            Needless(why) => format!("needs none: {why}"),
        };
        format!("| `{path}` | {does} | {says} |")
    };
    TABLE.iter().map(row).collect::<Vec<_>>().join("\n")
}
