//! Autobahn's suite of some 300 cases, in the role of the client, against the channel's own socket: `scripts/autobahn` installs
//! it and runs this.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use axum::{extract::WebSocketUpgrade, routing::any};
use hub::{http, satellite::echo::echo};
use serde_json::{Value, json};
use support::TestHub;
use tokio::{net::TcpListener, process::Command, time::timeout};

/// How long the suite may take.
const WITHIN: Duration = Duration::from_mins(15);
/// Connections at once: the suite makes one at a time, and leaves some to their end.
const CONNECTIONS: usize = 64;

/// What is not asked, and why.
const NOT_ASKED: [(&str, &[&str]); 2] = [
    ("compression is not offered", &["12.*", "13.*"]),
    (
        "a message has at most 256 KiB",
        &[
            "9.1.3", "9.1.4", "9.1.5", "9.1.6", "9.2.3", "9.2.4", "9.2.5", "9.2.6", "9.3.*", "9.4.*",
            "9.5.*", "9.6.*",
        ],
    ),
];

/// Cases that may fail, each with why.
const EXCUSED: [(&str, &str); 0] = [];

/// What a case may come to. What the suite calls informational has no right answer; not strict is right, and later than could be.
const GOOD: [&str; 3] = ["OK", "NON-STRICT", "INFORMATIONAL"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Autobahn's suite: scripts/autobahn"]
async fn our_sockets_pass_autobahns_suite() {
    let hub = TestHub::start().await;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("ws://{}/echo", listener.local_addr().unwrap());
    let own = (*hub).clone();
    let echo = any(async move |upgrade: WebSocketUpgrade| echo(own, upgrade));
    let routes = http::router(&hub).route("/echo", echo);
    hub.lifecycle.spawn(http::serve::serve_with(
        (*hub).clone(),
        listener,
        routes,
        CONNECTIONS,
    ));
    let dir = std::env::temp_dir().join(format!("autobahn-{}", std::process::id()));
    let cases = run_suite(&url, &dir).await;
    let bad = judge(&cases);
    assert!(
        bad.is_empty(),
        "{} lines; reports in {}:\n{}",
        bad.len(),
        dir.display(),
        bad.join("\n")
    );
    fs::remove_dir_all(&dir).unwrap();
    hub.lifecycle.shut_down().await;
}

/// Each case with what it came to, as the suite's index says.
async fn run_suite(url: &str, dir: &Path) -> BTreeMap<String, Value> {
    fs::create_dir_all(dir).unwrap();
    let not_asked: Vec<&str> = NOT_ASKED.iter().flat_map(|(_, cases)| *cases).copied().collect();
    let spec = json!({
        "outdir": dir.join("reports"),
        "servers": [{"agent": "hub", "url": url}],
        "cases": ["*"],
        "exclude-cases": not_asked,
        "exclude-agent-cases": {},
    });
    fs::write(dir.join("spec.json"), spec.to_string()).unwrap();
    let ran = Command::new(suite())
        .args(["-m", "fuzzingclient", "-s", "spec.json"])
        .current_dir(dir)
        .kill_on_drop(true)
        .output();
    let ran = timeout(WITHIN, ran).await.expect("the suite ends").unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    let index = fs::read(dir.join("reports/index.json"));
    let index = index.unwrap_or_else(|error| panic!("no report: {error}\n{said}"));
    let mut index: BTreeMap<String, BTreeMap<String, Value>> = serde_json::from_slice(&index).unwrap();
    index.remove("hub").expect("a report about the hub")
}

/// What is bad, line by line. What was asked is counted, so that nothing asked is not a success.
#[expect(clippy::print_stdout, reason = "what was counted is shown")]
fn judge(cases: &BTreeMap<String, Value>) -> Vec<String> {
    let word = |case: &Value, which: &str| case[which].as_str().unwrap_or("nothing").to_owned();
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    let mut bad = Vec::new();
    for (id, case) in cases {
        let (behaviour, close) = (word(case, "behavior"), word(case, "behaviorClose"));
        let is_good = [&behaviour, &close]
            .iter()
            .all(|word| GOOD.contains(&word.as_str()));
        let excuse = EXCUSED.iter().find(|(excused, _)| excused == id);
        match (is_good, excuse) {
            (false, None) => bad.push(format!("case {id}: {behaviour}, closed: {close}")),
            (true, Some((_, why))) => bad.push(format!("case {id} passes, and is excused: {why}")),
            (true, None) | (false, Some(_)) => {}
        }
        *counted.entry(behaviour).or_default() += 1;
    }
    if cases.len() < 200 {
        bad.push(format!("only {} cases ran", cases.len()));
    }
    let counted: Vec<String> = counted
        .iter()
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    println!(
        "autobahn: {} cases: {}; {} excused",
        cases.len(),
        counted.join(", "),
        EXCUSED.len()
    );
    for (why, not_asked) in NOT_ASKED {
        println!("autobahn: not asked, because {why}: {}", not_asked.join(" "));
    }
    bad
}

/// The suite's program.
#[expect(
    clippy::disallowed_methods,
    reason = "a script says where it has put the suite"
)]
fn suite() -> PathBuf {
    let path = std::env::var_os("HUB_TEST_AUTOBAHN");
    path.map(PathBuf::from)
        .expect("HUB_TEST_AUTOBAHN names the suite: run scripts/autobahn, which installs it")
}
