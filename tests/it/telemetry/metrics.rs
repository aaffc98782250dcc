//! What a running hub counts, and whether its page says so.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use chrono::TimeDelta;
use hub::{
    adapters::worm::{WriteOnceDirectory, WriteOnceStore},
    audit::{
        publish::PublisherState,
        run::{publish_all, sequence_all},
    },
    storage::Waiting,
};
use support::{Line, TestHub};

use super::story::Home;
use crate::policy::metrics::page;

/// What a scrape says: kind and labels by name, and every line.
struct Scrape {
    metrics: BTreeMap<String, (String, BTreeSet<String>)>,
    lines: Vec<String>,
}

impl Scrape {
    async fn of(home: &Home) -> Self {
        let text = reqwest::get(format!("{}/metrics", home.program.url()))
            .await
            .unwrap();
        let text = text.text().await.unwrap();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let types = lines
            .iter()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        let labels_of = |name: &str, kind: &str| {
            let ends: &[&str] = if kind == "histogram" {
                &["_bucket", "_sum", "_count"]
            } else {
                &[""]
            };
            let names: Vec<String> = ends.iter().map(|end| format!("{name}{end}")).collect();
            let series = lines
                .iter()
                .filter(|line| !line.starts_with('#'))
                .filter_map(|line| {
                    let (series, _) = line.rsplit_once(' ')?;
                    let (found, labels) = series.split_once('{').unwrap_or((series, ""));
                    names.iter().any(|name| name == found).then_some(labels)
                });
            let pairs = series.flat_map(|labels| labels.split("\",").filter_map(|pair| pair.split_once('=')));
            pairs
                .map(|(label, _)| label.to_owned())
                .filter(|label| label != "le")
                .collect()
        };
        let metrics = types.map(|(name, kind)| (name.to_owned(), (kind.to_owned(), labels_of(name, kind))));
        Self {
            metrics: metrics.collect(),
            lines: lines.clone(),
        }
    }

    /// The value of a series without labels.
    fn value(&self, name: &str) -> Option<f64> {
        let line = self
            .lines
            .iter()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line?.parse().ok()
    }
}

async fn until(home: &Home, what: &str, holds: impl Fn(&Scrape) -> bool) -> Scrape {
    for _ in 0..300 {
        let scrape = Scrape::of(home).await;
        if holds(&scrape) {
            return scrape;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never: {what}");
}

#[tokio::test]
async fn what_a_running_hub_counts_is_what_its_page_says() {
    let mut home = Home::start(&[]).await;
    home.hears("counted").await;
    home.goes_on().await;
    let sampled = |scrape: &Scrape| scrape.value("hub_audit_publish_lag_seconds").is_some();
    let scrape = until(&home, "what waits is sampled", sampled).await;
    let page = page();
    for (name, (kind, labels)) in &scrape.metrics {
        let (said_kind, _, said_labels) = page
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not on the page"));
        assert_eq!((kind, labels), (said_kind, said_labels), "{name}");
    }
    // All but what counts mishaps, and what is not configured here.
    let mishaps = [
        "hub_embedding_seconds",
        "hub_embeddings_missing",
        "hub_http_connections_refused_total",
        "hub_queue_away",
        "hub_queue_dead_letters",
        "hub_queue_messages_total",
        "hub_recognition_observations_total",
        "hub_satellite_refused_total",
        "hub_satellite_sockets_closed_total",
        "hub_sign_in_tries_failed_total",
        "hub_spans_dropped_total",
        "hub_watched_events_total",
        "hub_watchers",
    ];
    let unseen: Vec<&String> = page
        .keys()
        .filter(|name| !scrape.metrics.contains_key(*name))
        .collect();
    assert_eq!(unseen, mishaps);
    assert_eq!(scrape.value("hub_model_circuit_open"), Some(0.0));
    assert_eq!(scrape.value("hub_satellite_sockets"), Some(2.0));
}

#[tokio::test]
async fn the_circuit_of_the_model_is_seen_opening_and_closing() {
    let mut home = Home::start(&[]).await;
    home.model.then(Line::fails(503, "overloaded"));
    home.hears("patience").await;
    until(&home, "open", |scrape| {
        scrape.value("hub_model_circuit_open") == Some(1.0)
    })
    .await;
    home.goes_on().await;
    until(&home, "closed", |scrape| {
        scrape.value("hub_model_circuit_open") == Some(0.0)
    })
    .await;
}

#[tokio::test]
async fn a_mailbox_is_as_deep_as_what_its_device_has_not_taken() {
    let hub = TestHub::start().await;
    let depth = async || {
        let mut tx = hub.db.begin_system().await.unwrap();
        let Waiting {
            undelivered_commands,
            unacknowledged_commands,
            ..
        } = tx.waiting().await.unwrap();
        (undelivered_commands, unacknowledged_commands)
    };
    assert_eq!(depth().await, (0, 0));
    let kitchen = &hub.home.kitchen;
    kitchen.connects(&[]).await;
    kitchen.hears("remember that the spare key is with Nora").await;
    hub.run_jobs().await;
    assert_eq!(depth().await, (1, 0));
    let command = kitchen.takes().await.remove(0);
    assert_eq!(depth().await, (0, 1));
    kitchen.acknowledges(command.id).await.unwrap();
    assert_eq!(depth().await, (0, 0));
}

#[tokio::test]
async fn the_lag_of_the_audit_log_counts_from_the_oldest_entry_that_waits() {
    let hub = TestHub::start().await;
    let ages = async || {
        let mut tx = hub.db.begin_system().await.unwrap();
        let (now, waiting) = (tx.now(), tx.waiting().await.unwrap());
        let seconds = |since: Option<hub::clock::DateTime>| since.map(|since| (now - since).num_seconds());
        (
            seconds(waiting.unsequenced_since),
            seconds(waiting.unpublished_since),
        )
    };
    let store = WriteOnceDirectory::create(&hub.config.dir.join("audit")).unwrap();
    let (store, mut state): (Arc<dyn WriteOnceStore>, _) = (Arc::new(store), PublisherState::default());
    sequence_all(&hub).await.unwrap();
    publish_all(&hub, &*store, &mut state).await.unwrap();
    assert_eq!(ages().await, (None, None));
    hub.home.kitchen.hears("hello").await;
    hub.clock.advance(TimeDelta::seconds(40));
    hub.home.office.hears("hello").await;
    hub.clock.advance(TimeDelta::seconds(2));
    assert_eq!(ages().await, (Some(42), None), "the oldest counts");
    sequence_all(&hub).await.unwrap();
    assert_eq!(ages().await, (None, Some(42)));
    publish_all(&hub, &*store, &mut state).await.unwrap();
    assert_eq!(ages().await, (None, None));
    hub.run_jobs().await;
}
