//! Traces of the built program, as a collector on a real socket is told them.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::json;
use support::{Collector, Line, Told};

use super::story::{Home, NAME, PASSWORD, REMEMBERED, REPLIED, SAID, TOLD, greet, plan};

/// What one transcript comes to, each span under what caused it.
const STORY: [&str; 13] = [
    "message events",
    "message events > job run_turn",
    "message events > job run_turn > approve_action",
    "message events > job run_turn > approve_action > job execute_action",
    "message events > job run_turn > approve_action > job execute_action > command",
    "message events > job run_turn > approve_action > job execute_action > command > deliver",
    "message events > job run_turn > approve_action > job execute_action > command > message command_ack",
    "message events > job run_turn > approve_action > job execute_action > command > message command_result",
    "message events > job run_turn > command",
    "message events > job run_turn > command > deliver",
    "message events > job run_turn > command > message command_ack",
    "message events > job run_turn > command > message command_result",
    "message events > job run_turn > model",
];

async fn watched(collector: &Collector, settings: &[(&str, &str)]) -> Home {
    let url = collector.url();
    let own = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=opens the collector"),
        ("OTEL_SERVICE_NAME", "home-hub"),
    ];
    Home::start(&[&own, settings].concat()).await
}

/// The traces that begin with a span of this name.
fn traces(spans: &[Told], root: &str) -> Vec<String> {
    let roots = spans
        .iter()
        .filter(|span| span.name == root && span.parent.is_empty());
    roots.map(|span| span.trace.clone()).collect()
}

/// The spans of a trace, each by the names from the first one down to it.
fn tree(spans: &[Told], trace: &str) -> Vec<String> {
    let of = |id: &str| spans.iter().find(|span| span.id == id);
    let path = |span: &Told| {
        let (mut names, mut at) = (vec![span.name.clone()], span.parent.clone());
        while let Some(parent) = of(&at) {
            names.push(parent.name.clone());
            at.clone_from(&parent.parent);
        }
        names.reverse();
        names.join(" > ")
    };
    let mut paths: Vec<String> = spans
        .iter()
        .filter(|span| span.trace == trace)
        .map(path)
        .collect();
    paths.sort();
    paths
}

fn is_told(spans: &[Told], stories: usize) -> bool {
    let results = spans.iter().filter(|span| span.name == "message command_result");
    results.count() >= 2 * stories
}

#[tokio::test]
async fn one_transcript_is_one_trace_from_the_message_to_the_result_and_two_are_two() {
    let collector = Collector::start().await;
    let mut home = watched(&collector, &[]).await;
    let mut actions = Vec::new();
    for client_id in ["first", "second"] {
        home.hears(client_id).await;
        actions.push(home.goes_on().await);
    }
    let spans = collector.until(|spans| is_told(spans, 2)).await;
    let stories = traces(&spans, "message events");
    assert_eq!(stories.iter().collect::<BTreeSet<_>>().len(), 2);
    for trace in &stories {
        assert_eq!(tree(&spans, trace), STORY);
    }
    // The approval is part of the story, and says which request brought it.
    let requests = traces(&spans, "POST /v1/agents/{agent_id}/actions/{action_id}/approve");
    let decisions: Vec<&Told> = spans
        .iter()
        .filter(|span| span.name == "approve_action")
        .collect();
    let links: Vec<String> = decisions.iter().flat_map(|span| span.links.clone()).collect();
    assert_eq!((links.len(), links), (2, requests));
    let decided: Vec<Option<&str>> = decisions.iter().map(|span| span.attribute("action.id")).collect();
    assert_eq!(
        decided,
        actions.iter().map(|id| Some(id.as_str())).collect::<Vec<_>>()
    );
    assert!(collector.services().iter().all(|name| name == "home-hub"));
    assert!(
        collector
            .heads()
            .iter()
            .all(|head| head.contains("x-api-key: opens the collector"))
    );
    let asked = home.model.heard();
    assert!(asked.iter().all(|heard| heard.header("traceparent").is_none()));
    let jobs = home.lines("job").into_iter().chain(home.lines("message"));
    let logged: BTreeSet<String> = jobs
        .filter_map(|line| line["trace_id"].as_str().map(str::to_owned))
        .collect();
    assert!(stories.iter().all(|trace| logged.contains(trace)), "{logged:?}");
}

#[tokio::test]
async fn no_span_holds_what_was_said_who_it_was_or_what_opens_anything() {
    let collector = Collector::start().await;
    let mut home = watched(&collector, &[]).await;
    home.hears("quiche-1").await;
    home.goes_on().await;
    collector.until(|spans| is_told(spans, 1)).await;
    let wire = String::from_utf8_lossy(&collector.bytes()).into_owned();
    let (kitchen, office) = (
        home.program.satellite("kitchen"),
        home.program.satellite("office"),
    );
    let never = [
        SAID,
        REPLIED,
        REMEMBERED,
        TOLD,
        PASSWORD,
        "quiche",
        "Barnabas",
        NAME,
        "speaker.say",
        &home.token,
        &kitchen.token,
        &office.token,
        &kitchen.name,
        &office.name,
        &home.program.claim_code(),
    ];
    for text in never {
        assert!(!wire.contains(text), "{text:?} was told to the collector");
    }
    // What is told instead: ids and words of the hub.
    let spans = collector.spans();
    let keys: BTreeSet<&str> = spans
        .iter()
        .flat_map(|span| span.attributes.iter().map(|(key, _)| key.as_str()))
        .collect();
    let known = [
        "action.id",
        "agent.id",
        "command.attempt",
        "command.id",
        "device.id",
        "http.method",
        "http.route",
        "http.status",
        "job.id",
        "job.kind",
        "job.lost_leases",
        "job.outcome",
        "message.frame",
        "message.outcome",
        "model.input_tokens",
        "model.outcome",
        "model.output_tokens",
        "turn.id",
    ];
    assert_eq!(keys.into_iter().collect::<Vec<_>>(), known);
}

#[tokio::test]
async fn a_request_is_part_of_its_callers_trace_and_the_log_says_which() {
    let collector = Collector::start().await;
    let home = watched(&collector, &[]).await;
    let (trace, caller) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    home.say(&format!("00-{trace}-{caller}-01")).await;
    let spans = collector
        .until(|spans| spans.iter().any(|span| span.name == "job run_turn"))
        .await;
    let request = spans
        .iter()
        .find(|span| span.name == "POST /v1/agents/{agent_id}/messages")
        .expect("the request was told");
    assert_eq!((request.trace.as_str(), request.parent.as_str()), (trace, caller));
    let turn = spans.iter().find(|span| span.name == "job run_turn").unwrap();
    assert_eq!((turn.trace.as_str(), &turn.parent), (trace, &request.id));
    let wide = home.lines("request");
    let line = wide
        .iter()
        .find(|line| line["http.route"] == json!("/v1/agents/{agent_id}/messages"));
    assert_eq!(line.unwrap()["trace_id"], json!(trace));
    // What is no traceparent is no parent, and no error.
    for bad in [
        "",
        "00-zz-zz-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        &"0".repeat(5_000),
    ] {
        let url = format!("{}/v1/agents/self/actions", home.program.url());
        let asked = reqwest::Client::new()
            .get(url)
            .bearer_auth(&home.token)
            .header("traceparent", bad);
        assert_eq!(asked.send().await.unwrap().status(), 200, "{bad:.60}");
    }
    let spans = collector
        .until(|spans| traces(spans, "GET /v1/agents/{agent_id}/actions").len() == 4)
        .await;
    let watch = ["GET /healthz", "GET /readyz", "GET /metrics"];
    assert!(spans.iter().all(|span| !watch.contains(&span.name.as_str())));
}

#[tokio::test]
async fn a_turn_that_outlives_its_worker_stays_in_its_trace() {
    let collector = Collector::start().await;
    let mut home = watched(&collector, &[("HUB_WORKER__LEASE_MS", "500")]).await;
    home.model.then(Line::Hang);
    home.kitchen.transcribes("survivor", SAID).await;
    let _accepted = home.kitchen.hears().await;
    let before = collector
        .until(|spans| !traces(spans, "message events").is_empty())
        .await;
    while home.model.heard().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    home.program.kill().await;
    home.model.then(plan(home.program.satellite("office").device_id));
    home.program.start().await;
    home.kitchen = greet(&home.program, "kitchen", &[]).await;
    home.kitchen_answers().await;
    let spans = collector
        .until(|spans| spans.iter().any(|span| span.name == "message command_result"))
        .await;
    let message = before.iter().find(|span| span.name == "message events").unwrap();
    let turn = spans.iter().find(|span| span.name == "job run_turn").unwrap();
    assert_eq!((&turn.trace, &turn.parent), (&message.trace, &message.id));
    assert_eq!(turn.attribute("job.lost_leases"), Some("1"));
    let result = spans
        .iter()
        .find(|span| span.name == "message command_result")
        .unwrap();
    assert_eq!(result.trace, message.trace);
}

#[tokio::test]
async fn a_hub_that_is_stopped_tells_what_it_still_had() {
    let collector = Collector::start().await;
    let mut home = watched(&collector, &[]).await;
    home.hears("last-words").await;
    home.goes_on().await;
    // At once: the last spans have not gathered for their second yet.
    assert!(home.program.stop().await);
    let spans = collector.spans();
    let story = traces(&spans, "message events").remove(0);
    assert_eq!(tree(&spans, &story), STORY);
}

#[tokio::test]
async fn a_collector_that_is_away_or_hangs_changes_nothing() {
    // One that nobody listens on, and one that takes connections and never answers.
    let deaf = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let hanging = format!("http://{}", deaf.local_addr().unwrap());
    for endpoint in ["http://127.0.0.1:9", &hanging] {
        let mut home = Home::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)]).await;
        for client_id in ["one", "two", "three"] {
            home.hears(client_id).await;
            home.goes_on().await;
        }
        let began = Instant::now();
        assert!(home.program.stop().await, "{endpoint}");
        assert!(
            began.elapsed() < Duration::from_secs(8),
            "{endpoint}: {:?}",
            began.elapsed()
        );
        let away = home
            .lines("the collector does not take traces; they are dropped")
            .len();
        let late = home
            .lines("the collector did not take the last spans in time")
            .len();
        assert!(
            away <= 1 && late <= 1 && away + late > 0,
            "{endpoint}: {away} {late}"
        );
    }
}

#[tokio::test]
async fn without_a_collector_no_row_and_no_line_knows_of_traces() {
    let mut home = Home::start(&[]).await;
    home.hears("untold").await;
    home.goes_on().await;
    for table in ["jobs", "actions", "commands"] {
        let sql = home.program.sql();
        assert!(sql.count(table, "true").await > 0);
        assert_eq!(sql.count(table, "trace_context is not null").await, 0, "{table}");
    }
    assert!(
        home.lines("request")
            .iter()
            .all(|line| line.get("trace_id").is_none())
    );
}

#[tokio::test]
async fn a_share_of_none_tells_nothing_and_the_log_still_says_the_trace() {
    let collector = Collector::start().await;
    let mut home = watched(&collector, &[("HUB_TELEMETRY__SAMPLE_RATIO", "0.0")]).await;
    home.hears("unsampled").await;
    home.goes_on().await;
    assert!(home.program.stop().await);
    assert_eq!(collector.spans(), []);
    assert!(home.lines("job").iter().all(|line| line["trace_id"].is_string()));
}
