//! Law 5: tenants cannot meet, nor people who did not choose to. Random requests of every operation, by people, programs and
//! devices of one agent, with ids of another and with ids of what one of their people keeps for himself: nothing of either is ever
//! in an answer, and nothing of either changes.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use hub::{ids::AgentId, satellite::protocol::HubFrame};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use support::{Client, Household, Operation, Seeded, Served, Snapshot, Socket, TestHub, voice};
use uuid::Uuid;

use crate::sample::{Good, Sample, ask};

/// Requests of a run, unless `HUB_TENANCY_REQUESTS` says otherwise: `scripts/tenancy` asks for more.
const REQUESTS: u64 = 3_000;
/// Stands in what the other agent has.
const AWAY: &str = "marzipan";
/// Stands in what Bob keeps for himself.
const BOBS: &str = "nougat";
/// Stands in everything, so that whoever asks for it would find all.
const FOUND: &str = "treasure";

/// What must not be met, and how it looked before.
struct Hidden {
    /// Ids that exist, and are nobody's business here.
    ids: Vec<Uuid>,
    /// These and the words that stand there.
    words: BTreeSet<String>,
    /// Its rows.
    rows: String,
    before: Snapshot,
}

impl Hidden {
    async fn of(hub: &TestHub, rows: String, word: &str) -> Self {
        let tables = "select c.table_name::text from information_schema.columns c join information_schema.tables t
               using (table_schema, table_name)
             where c.table_schema = 'hub' and c.column_name = 'id' and c.data_type = 'uuid' and t.table_type = 'BASE TABLE'";
        let mut ids = Vec::new();
        for table in hub.sql().values::<String>(tables).await {
            let query = format!("select id from hub.{table} t where {rows}");
            ids.extend(hub.sql().values::<Uuid>(&query).await);
        }
        let words = ids.iter().map(Uuid::to_string).chain([word.to_owned()]).collect();
        let before = Snapshot::where_is(hub.sql(), &rows).await;
        Self {
            ids,
            words,
            rows,
            before,
        }
    }

    /// The first of these words that stands in an answer, and did not stand in the request.
    fn met(&self, answer: &str, request: &str) -> Option<&str> {
        let is_met = |word: &&String| answer.contains(*word) && !request.contains(*word);
        self.words.iter().find(is_met).map(String::as_str)
    }

    async fn is_as_it_was(&self, hub: &TestHub) {
        let now = Snapshot::where_is(hub.sql(), &self.rows).await;
        let changed = now.changed_since(&self.before);
        assert!(changed.is_empty(), "{changed:?} changed of {}", self.rows);
    }
}

/// One household of two people who keep things from each other, and another household.
struct World {
    sample: Sample,
    away: Household,
    /// What nobody of the first one may see.
    foreign: Hidden,
    /// What only Bob may see.
    bobs: Hidden,
    /// Of these each operation has one, which the owner may ask for.
    goods: Vec<(Operation, Good)>,
    /// By name: who asks, and whether he is Bob.
    askers: Vec<(&'static str, Client, bool)>,
}

impl World {
    async fn new() -> Self {
        let sample = Sample::new().await;
        let hub = &sample.hub;
        let away = hub.household("away").await;
        let eve = away.owner("eve").await;
        let eve_asks = sample.rest.user(&eve).await;
        furnish(hub, &away, &eve_asks).await;
        let bob = hub.member("bob").await;
        let bob_asks = sample.rest.user(&bob).await;
        keep(hub, &bob_asks, BOBS).await;
        let mut goods = Vec::new();
        // Whoever signs out or leaves asks nothing more, nor do the programs of an owner that is none any more.
        let ends = [
            "sign_out",
            "sign_out_everywhere",
            "leave_agent",
            "transfer_ownership",
        ];
        for operation in sample
            .api
            .operations
            .iter()
            .filter(|known| !ends.contains(&known.id.as_str()))
        {
            goods.push((operation.clone(), sample.good(operation).await));
        }
        let program = json!({"name": "all", "scopes": ["events:read", "memories:read", "turns:read", "actions:read",
            "commands:read", "commands:write", "artifacts:read", "artifacts:write", "devices:read", "messages:write"]});
        let program = sample.owner.post("tokens", program).await.expect(201);
        let [of_another, service] = sample.delegates().await;
        let cleo = sample.rest.user(&hub.member("cleo").await).await;
        let guest = sample
            .rest
            .user(&hub.home.user("gil", hub::identity::Role::Guest).await)
            .await;
        hub.gives_scopes(
            &hub.home.office,
            &["events:read", "events:write", "commands:receive"],
        )
        .await;
        let askers = vec![
            ("the owner", sample.owner.clone(), false),
            ("a member", cleo, false),
            ("a guest", guest, false),
            ("bob", bob_asks, true),
            ("a program", sample.rest.bearer(program.text("/secret")), false),
            ("somebody of another agent", of_another, false),
            ("a service", service, false),
            ("a device", sample.rest.device(&hub.home.office), false),
        ];
        let foreign = format!(
            "coalesce(to_jsonb(t) ->> 'agent_id', to_jsonb(t) ->> 'id') = '{}'",
            away.agent
        );
        let foreign = Hidden::of(hub, foreign, AWAY).await;
        let person = bob.person;
        let bobs = Hidden::of(
            hub,
            format!("to_jsonb(t) ->> 'audience_person_id' = '{person}'"),
            BOBS,
        )
        .await;
        assert!(
            foreign.ids.len() > 40 && bobs.ids.len() > 8,
            "{} and {}",
            foreign.ids.len(),
            bobs.ids.len()
        );
        Self {
            sample,
            away,
            foreign,
            bobs,
            goods,
            askers,
        }
    }

    /// An id that is there, and nobody's business; or one that is not there.
    fn id(&self, rng: &mut StdRng) -> Uuid {
        let from = match rng.random_range(0..8) {
            0..4 => &self.foreign.ids,
            4..7 => &self.bobs.ids,
            _ => return Uuid::from_u128(rng.random()),
        };
        *from.choose(rng).expect("there are some")
    }

    /// A good request with other ids in it, and whether it is for the other agent.
    fn request(&self, (operation, good): &(Operation, Good), rng: &mut StdRng) -> (Good, bool) {
        let (home, away) = (self.sample.hub.home.agent, self.away.agent);
        let is_away = operation.path.contains("{agent_id}") && rng.random_bool(0.15);
        let agent = if is_away { away } else { home };
        let steps = good.path.split('/').map(|step| match step.parse::<Uuid>() {
            Ok(id) if AgentId::from(id) == home => agent.to_string(),
            Ok(_) if rng.random_bool(0.8) => self.id(rng).to_string(),
            _ => step.to_owned(),
        });
        let mut path = steps.collect::<Vec<_>>().join("/");
        let body = good.body.clone().map(|body| self.with_other_ids(body, rng));
        let names = operation.in_query.iter().map(|(name, _)| name.as_str());
        let names: Vec<&str> = names.filter(|name| *name != "wait_s").collect();
        for (at, name) in names
            .into_iter()
            .enumerate()
            .filter(|_| rng.random_bool(0.3))
            .collect::<Vec<_>>()
        {
            let value = match rng.random_range(0..4) {
                0 => "200".to_owned(),
                1 => "1:0".to_owned(),
                2 => FOUND.to_owned(),
                _ => self.id(rng).to_string(),
            };
            let sign = if at == 0 || !path.contains('?') { '?' } else { '&' };
            path = format!("{path}{sign}{name}={value}");
        }
        (Good { path, body }, is_away)
    }

    fn with_other_ids(&self, value: Value, rng: &mut StdRng) -> Value {
        match value {
            Value::String(text) if text.parse::<Uuid>().is_ok() && rng.random_bool(0.7) => {
                json!(self.id(rng))
            }
            Value::String(text) if text.starts_with(self.sample.canary) => {
                json!(format!("{FOUND} {}", rng.random::<u32>()))
            }
            Value::Array(items) => items
                .into_iter()
                .map(|item| self.with_other_ids(item, rng))
                .collect(),
            Value::Object(fields) => {
                let fields = fields
                    .into_iter()
                    .map(|(key, item)| (key, self.with_other_ids(item, rng)));
                fields.collect()
            }
            other => other,
        }
    }

    async fn is_as_it_was(&self) {
        self.foreign.is_as_it_was(&self.sample.hub).await;
        self.bobs.is_as_it_was(&self.sample.hub).await;
    }
}

/// Another household with one of each thing.
async fn furnish(hub: &TestHub, away: &Household, eve: &Client) {
    away.office.connects(&["speaker.say"]).await;
    away.kitchen
        .hears(&format!("remember that the {FOUND} is in the {AWAY}"))
        .await;
    for _ in 0..2 {
        away.kitchen
            .hears(&format!("tell the office that the {FOUND} is {AWAY}"))
            .await;
        hub.run_jobs().await;
    }
    let actions = eve.get("actions?state=proposed").await.expect(200);
    let first = format!("actions/{}/approve", actions.text("/items/0/id"));
    let _ = eve.post(&first, json!({"reason": AWAY})).await.expect(200);
    hub.run_jobs().await;
    keep(hub, eve, AWAY).await;
    let named = json!({"name": format!("{FOUND} {AWAY}"), "space_id": away.office.space});
    let _ = eve.post("devices", named.clone()).await.expect(201);
    let _ = eve
        .post("spaces", json!({"name": format!("{FOUND} {AWAY}")}))
        .await
        .expect(201);
    known_by_voice(hub, eve, away).await;
    let wish = json!({"expected_version": 0, "desired": {"shows": AWAY}});
    let _ = eve
        .patch(&format!("devices/{}/shadow", away.office.id), wish)
        .await
        .expect(200);
}

/// Eve is where she is heard; and was before.
async fn known_by_voice(hub: &TestHub, eve: &Client, away: &Household) {
    let _ = eve
        .post("people/self/consents", json!({"purpose": "voice"}))
        .await
        .expect(201);
    let heard =
        json!({"modality": "voice", "vector": voice(1), "model": AWAY, "space_id": away.kitchen.space});
    let _ = eve.post("people/self/prints", heard.clone()).await.expect(201);
    for _ in 0..2 {
        let there = eve.get("presence").await.expect(200);
        if let Some(there) = there.items().first() {
            let path = format!("presence/{}", there["id"].as_str().expect("an id"));
            let _ = eve.delete(&path).await.expect(204);
            hub.clock.advance(chrono::Duration::seconds(11));
        }
        let seen = eve.post("observations", heard.clone()).await.expect(200);
        let confirm = format!("hypotheses/{}/confirm", seen.text("/hypothesis_id"));
        let _ = eve.post(&confirm, json!({})).await.expect(200);
    }
}

/// Somebody keeps things for himself: what he says, what is remembered of it, what comes of it, an artifact.
async fn keep(hub: &TestHub, client: &Client, word: &str) {
    for said in [
        format!("remember that the {FOUND} is my {word}"),
        format!("what do you remember about the {FOUND}"),
        format!("tell the office that the {FOUND} is my {word}"),
    ] {
        let message = json!({"client_id": said, "content": [{"type": "text", "text": said}]});
        let _ = client.post("messages", message).await.expect(202);
        hub.run_jobs().await;
    }
    let artifact = json!({"name": format!("{FOUND} {word}"), "media_type": "text/plain", "size_bytes": 6,
        "sha256": "44ff7b02c80d38b26dd6aa31d9470aed81b32e10331a3c994fb1a9945fd847ba", "is_private": true});
    let _ = client.post("artifacts", artifact).await.expect(201);
}

#[expect(clippy::disallowed_methods, reason = "how many is for who runs it")]
fn requests() -> u64 {
    let asked = std::env::var("HUB_TENANCY_REQUESTS").ok();
    asked.map_or(REQUESTS, |text| {
        text.parse().expect("HUB_TENANCY_REQUESTS is a number")
    })
}

#[tokio::test]
async fn random_requests_meet_nothing_of_another_agent_nor_of_another_person() {
    let world = World::new().await;
    let seed = Seeded::default();
    let mut statuses: BTreeMap<u16, u64> = BTreeMap::new();
    let mut own = 0;
    for number in 0..requests() {
        let mut rng = seed.fork(number);
        let wanted = world.goods.choose(&mut rng).expect("there are operations");
        let (name, client, is_bob) = world.askers.choose(&mut rng).expect("somebody asks");
        // What he shares is everybody's from then on.
        if *is_bob && wanted.0.id.starts_with("share_") {
            continue;
        }
        let (request, is_away) = world.request(wanted, &mut rng);
        let sent = format!("{} {}", request.path, request.body.clone().unwrap_or_default());
        let answer = ask(client, &wanted.0, &request).send().await;
        let told = String::from_utf8_lossy(&answer.bytes);
        let met = world.foreign.met(&told, &sent);
        let of_bob = world.bobs.met(&told, &sent);
        own += u64::from(*is_bob && of_bob.is_some());
        let met = met.or_else(|| of_bob.filter(|_| !is_bob));
        assert_eq!(met, None, "request {number} of {name}, {sent}: {}", answer.told());
        if is_away {
            assert_eq!(
                answer.status,
                404,
                "request {number} of {name}, {sent}: {}",
                answer.told()
            );
            assert_eq!(
                answer.json["detail"],
                "there is no such agent",
                "{}",
                answer.told()
            );
        }
        *statuses.entry(answer.status.as_u16()).or_default() += 1;
        if number % 1_000 == 999 {
            world.foreign.is_as_it_was(&world.sample.hub).await;
        }
    }
    world.sample.hub.run_jobs().await;
    world.foreign.is_as_it_was(&world.sample.hub).await;
    eprintln!("tenancy: {} requests, 0 met; answers {statuses:?}", requests());
    let done = statuses.range(200..300).map(|(_, count)| count).sum::<u64>();
    assert!(done > requests() / 20, "{statuses:?}");
    // He himself meets it, so that others could.
    assert!(own > requests() / 500, "{own}");
}

/// What Bob keeps for himself is as it was, whatever others ask for.
#[tokio::test]
async fn nobody_changes_what_somebody_else_keeps_for_himself() {
    let world = World::new().await;
    let seed = Seeded::default();
    for number in 0..requests() / 6 {
        let mut rng = seed.fork(number);
        let changes: Vec<_> = world
            .goods
            .iter()
            .filter(|(known, _)| known.method != Method::GET)
            .collect();
        let wanted = changes.choose(&mut rng).expect("there are operations");
        let others: Vec<_> = world.askers.iter().filter(|(_, _, is_bob)| !is_bob).collect();
        let (_, client, _) = others.choose(&mut rng).expect("somebody asks");
        let (request, _) = world.request(wanted, &mut rng);
        let _ = ask(client, &wanted.0, &request).send().await;
    }
    world.is_as_it_was().await;
    world.sample.hub.run_jobs().await;
}

/// Each message of the satellite channel with ids of the other agent, and of what is Bob's alone.
#[tokio::test]
async fn no_message_of_a_device_meets_anything_of_another_agent_or_of_one_person() {
    let world = World::new().await;
    let hub = &world.sample.hub;
    let served = Served::start(hub).await;
    let scopes = ["events:read", "events:write", "commands:receive", "state:write"];
    hub.gives_scopes(&hub.home.office, &scopes).await;
    let (mut socket, _) = Socket::greet(&served, &hub.home.office, &[]).await;
    let spaces = format!(
        "select id from hub.spaces where agent_id = '{}'",
        world.away.agent
    );
    let space: Uuid = hub.sql().values(&spaces).await[0];
    let mut sent = 0;
    for id in world.foreign.ids.iter().chain(&world.bobs.ids) {
        let result =
            json!({"type": "command_result", "command_id": id, "status": "ok", "result": {"a": FOUND}});
        for message in [
            json!({"type": "command_ack", "command_id": id}),
            json!({"type": "command_progress", "command_id": id, "percent": 5}),
            result,
            json!({"type": "subscribe", "subscription": id, "topics": ["*"], "agent_id": world.away.agent}),
            json!({"type": "subscribe", "subscription": "space", "topics": [format!("*@{space}")], "cursor": "1:0"}),
            json!({"type": "unsubscribe", "subscription": "space"}),
        ] {
            let text = message.to_string();
            socket.says_text(&text).await;
            let answer = loop {
                let frame = socket.hears().await;
                let heard = serde_json::to_string(&frame).expect("a frame is JSON");
                for hidden in [&world.foreign, &world.bobs] {
                    assert_eq!(hidden.met(&heard, &text), None, "{text} is answered {heard}");
                }
                // What is sent to it anyway.
                if !matches!(frame, HubFrame::Command(_) | HubFrame::Event(_)) {
                    break heard;
                }
            };
            let is_about_it = text.contains("command_") || text.contains("agent_id");
            assert!(
                !is_about_it || answer.contains("not_found"),
                "{text} is answered {answer}"
            );
            sent += 1;
        }
    }
    assert!(sent > 200, "{sent}");
    world.is_as_it_was().await;
    hub.run_jobs().await;
}
