//! Whoever acts for the agent by a delegation sees nothing of a private space, also of what was kept before (law 8).

use hub::{delegations::DELEGABLE, identity::Scope};
use serde_json::{Value, json};
use support::{Client, Listening, Served, voice};

use super::Home;
use crate::sample::{Sample, ask};

const SIX: &str = "44ff7b02c80d38b26dd6aa31d9470aed81b32e10331a3c994fb1a9945fd847ba";

fn all_that_reads() -> Vec<&'static str> {
    let all = DELEGABLE
        .into_iter()
        .filter(|scope| *scope != Scope::DelegationsWrite);
    all.map(Scope::as_str).collect()
}

async fn switches(owner: &Client, space: impl ToString, mode: &str) {
    let path = format!("spaces/{}", space.to_string());
    let _ = owner
        .patch(&path, json!({"privacy_mode": mode}))
        .await
        .expect(200);
}

/// Something of each kind that came up in the kitchen, by its path; a command goes to the office.
async fn furnish(home: &Home) -> Vec<String> {
    let (kitchen, office) = (&home.hub.home.kitchen, &home.hub.home.office);
    office.connects(&["speaker.say"]).await;
    kitchen.hears("remember that the treacle is in the pantry").await;
    kitchen.hears("tell the office that the treacle is ready").await;
    office.hears("remember that the marzipan is in the safe").await;
    home.hub.run_jobs().await;
    let mut paths = Vec::new();
    let action = home
        .ada
        .get("actions")
        .await
        .expect(200)
        .text("/items/0/id")
        .to_owned();
    let _ = home
        .ada
        .post(&format!("actions/{action}/approve"), json!({}))
        .await
        .expect(200);
    home.hub.run_jobs().await;
    paths.push(format!("actions/{action}"));
    let command = home
        .ada
        .get("commands")
        .await
        .expect(200)
        .text("/items/0/id")
        .to_owned();
    paths.push(format!("commands/{command}"));
    let of_kitchen = format!("sessions?space_id={}", kitchen.space);
    let session = home
        .ada
        .get(&of_kitchen)
        .await
        .expect(200)
        .text("/items/0/id")
        .to_owned();
    paths.push(format!("sessions/{session}"));
    let turns = format!("select id::text from hub.turns where session_id = '{session}'");
    paths.extend(
        home.hub
            .sql()
            .values::<String>(&turns)
            .await
            .iter()
            .map(|id| format!("turns/{id}")),
    );
    let new = json!({"name": "treacle", "media_type": "text/plain", "size_bytes": 6, "sha256": SIX, "space_id": kitchen.space});
    let made = home.ada.post("artifacts", new).await.expect(201);
    paths.push(format!("artifacts/{}", made.text("/artifact/id")));
    paths
}

async fn told(client: &Client) -> String {
    let mut told = String::new();
    for list in [
        "events",
        "memories",
        "artifacts",
        "actions",
        "commands",
        "sessions",
        "devices",
    ] {
        told += &client.get(&format!("{list}?limit=200")).await.expect(200).told();
    }
    let question = json!({"question": "treacle marzipan"});
    told + &client.post("recall", question).await.expect(200).told()
}

#[tokio::test]
async fn what_a_room_has_kept_is_not_there_for_them_while_it_is_private() {
    let home = Home::new().await;
    let of_kitchen = furnish(&home).await;
    let (kitchen, office) = (&home.hub.home.kitchen, &home.hub.home.office);
    let (service, _) = home.service_with(&all_that_reads()).await;
    for path in &of_kitchen {
        let _ = service.get(path).await.expect(200);
    }
    assert!(told(&service).await.contains("treacle"));
    switches(&home.ada, kitchen.space, "private").await;
    for path in &of_kitchen {
        let _ = service.get(path).await.refuses(404, "not_found");
        let _ = home.ada.get(path).await.expect(200);
    }
    // Of the command the office's log says that there was one, and nothing of it.
    let now = told(&service).await;
    for word in ["treacle".to_owned(), kitchen.id.to_string()] {
        assert!(!now.contains(&word), "{word} in {now}");
    }
    assert!(now.contains("marzipan") && now.contains(&office.id.to_string()));
    // That it is private says why.
    let spaces = service.get("spaces").await.expect(200);
    let found = spaces
        .items()
        .iter()
        .find(|space| space["id"] == json!(kitchen.space));
    assert_eq!(found.map(|space| &space["privacy_mode"]), Some(&json!("private")));
    // They may still say something, which goes elsewhere.
    let said = json!({"content": [{"type": "text", "text": "good morning"}]});
    let _ = service.post("messages", said).await.expect(202);
    home.hub.run_jobs().await;
    switches(&home.ada, kitchen.space, "normal").await;
    assert!(told(&service).await.contains("treacle"));
}

/// What they say goes elsewhere, and where that is private nothing of it is kept.
#[tokio::test]
async fn what_they_say_is_discarded_where_nothing_is_kept() {
    let home = Home::new().await;
    let (service, _) = home.service_with(&["messages:write", "memories:read"]).await;
    let id = home.hub.home.elsewhere.to_string();
    let said = json!({"content": [{"type": "text", "text": "good morning"}]});
    switches(&home.ada, &id, "private").await;
    let answer = service.post("messages", said.clone()).await.expect(202);
    assert_eq!(answer.text("/outcome"), "discarded");
    switches(&home.ada, &id, "normal").await;
    let _ = service.post("messages", said.clone()).await.expect(202);
    home.hub.run_jobs().await;
    switches(&home.ada, &id, "private").await;
    let answer = service.post("messages", said).await.expect(202);
    assert_eq!(answer.text("/outcome"), "discarded");
    assert_eq!(home.hub.sql().count("turns", "true").await, 1);
}

/// Read from the log, and followed beside it.
#[tokio::test]
async fn nothing_of_a_private_room_is_replayed_to_them() {
    let home = Home::new().await;
    furnish(&home).await;
    let served = Served::start(&home.hub).await;
    let (service, _) = home.service_with(&["events:read"]).await;
    switches(&home.ada, home.hub.home.kitchen.space, "private").await;
    let mut live = Listening::to(&served, &service, "events/stream?since=1:0", None).await;
    home.hub.home.office.hears("the marzipan is gone").await;
    let mut spaces = Vec::new();
    loop {
        let told = live.next().await.expect("it goes on").data;
        assert!(!told.to_string().contains("treacle"), "{told}");
        spaces.push(told["space_id"].clone());
        if told.to_string().contains("is gone") {
            break;
        }
    }
    assert!(spaces.contains(&json!(home.hub.home.office.space)));
    assert!(
        !spaces.contains(&json!(home.hub.home.kitchen.space)),
        "{spaces:?}"
    );
    home.hub.run_jobs().await;
}

/// Whatever is asked.
#[tokio::test]
async fn no_operation_says_anything_of_a_private_room() {
    let sample = Sample::new().await;
    let office = &sample.hub.home.office;
    office.hears("remember that the marzipan is in the safe").await;
    sample.hub.run_jobs().await;
    let given = super::give(&sample.owner, super::to_service(&all_that_reads())).await;
    let service = sample.rest.bearer(&given.secret);
    let sessions = format!("sessions?space_id={}", office.space);
    let session = sample.owner.get(&sessions).await.expect(200);
    let hidden = [session.text("/items/0/id").to_owned(), "marzipan".to_owned()];
    switches(&sample.owner, office.space, "private").await;
    let mut answered = 0;
    for operation in &sample.api.operations {
        let good = sample.good(operation).await;
        let answer = ask(&service, operation, &good).send().await;
        answered += usize::from(answer.status == 200);
        let sent = format!("{} {}", good.path, good.body.unwrap_or(Value::Null));
        let told = answer.told();
        for word in &hidden {
            let is_new = told.contains(word.as_str()) && !sent.contains(word.as_str());
            assert!(!is_new, "{word} in {told}");
        }
    }
    assert!(answered > 10, "{answered}");
}

/// Tables of which each row hangs on something in a space; a forgotten WHERE shows nothing of them.
const HANGING: [&str; 15] = [
    "turns",
    "turn_inputs",
    "turn_stream",
    "turn_steps",
    "memory_candidates",
    "memory_sources",
    "memory_consents",
    "actions",
    "action_decisions",
    "action_attempts",
    "commands",
    "deliveries",
    "device_connections",
    "device_shadows",
    "recognition_observations",
];

#[tokio::test]
async fn what_hangs_on_a_private_room_is_not_there_for_them_in_any_table() {
    let home = Home::new().await;
    let (hub, kitchen) = (&home.hub, &home.hub.home.kitchen);
    furnish(&home).await;
    let grant = json!({"purpose": "voice"});
    let _ = home.ada.post("people/self/consents", grant).await.expect(201);
    let heard = json!({"modality": "voice", "vector": voice(1), "model": "net", "space_id": kitchen.space});
    let _ = home
        .ada
        .post("people/self/prints", heard.clone())
        .await
        .expect(201);
    let heard = home.ada.post("observations", heard).await.expect(200);
    let hypothesis = format!("hypotheses/{}/confirm", heard.text("/hypothesis_id"));
    let _ = home.ada.post(&hypothesis, json!({})).await.expect(200);
    kitchen.connects(&["speaker.say"]).await;
    kitchen.reports(json!({"shows": "treacle"})).await.unwrap();
    // One that is in the kitchen in each of the ways: said by a turn there, and something that was allowed.
    hub.sql()
        .execute(
            "insert into hub.memory_consents (agent_id, candidate_id, consent_id)
               select m.agent_id, m.id, c.id from hub.memory_candidates m join hub.consents c on c.agent_id = m.agent_id
               on conflict do nothing;
             insert into hub.turn_steps (agent_id, turn_id, ordinal, attempt, outcome, duration_ms, created_at)
               select agent_id, id, 100, 1, 'answered', 1, created_at from hub.turns",
        )
        .await;
    let seen = async |limit: &str| {
        let mut app = hub.sql().as_role("hub_app").await;
        app.works_for(hub.home.agent, None).await;
        app.tries(&format!("set local hub.space_ids = '{limit}'"))
            .await
            .unwrap();
        let mut seen = Vec::new();
        for table in HANGING {
            seen.push(app.value::<i64>(&format!("select count(*) from {table}")).await);
        }
        seen
    };
    let open = seen("open").await;
    assert!(open.iter().all(|rows| *rows > 0), "{open:?}");
    assert_eq!(seen("*").await, open);
    for space in [kitchen.space, hub.home.office.space, hub.home.elsewhere] {
        switches(&home.ada, space, "private").await;
    }
    assert_eq!(seen("open").await, [0; HANGING.len()]);
    assert!(seen("*").await.iter().all(|rows| *rows > 0));
    switches(&home.ada, kitchen.space, "normal").await;
    let of_kitchen = seen("open").await;
    assert_eq!(seen(&format!("{{{}}}", kitchen.space)).await, of_kitchen);
    assert_eq!(
        seen(&format!("{{{}}}", hub.home.office.space)).await,
        [0; HANGING.len()]
    );
}
