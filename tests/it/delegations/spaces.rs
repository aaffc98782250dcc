//! A delegation that is limited to some spaces: whatever is asked, there is nothing else.

use hub::{
    delegations::IN_SPACES,
    ids::SpaceId,
    page::PageRequest,
    places::{Spaces, View},
    storage::TxScope,
};
use serde_json::{Value, json};
use support::{Client, Listening, Served, TestHub};

use super::{Given, Home, give, to_service, with};
use crate::sample::{Sample, ask};

const SIX: &str = "44ff7b02c80d38b26dd6aa31d9470aed81b32e10331a3c994fb1a9945fd847ba";

fn all_in_spaces() -> Vec<&'static str> {
    IN_SPACES.iter().map(|scope| scope.as_str()).collect()
}

/// A service that acts in the kitchen only.
async fn in_the_kitchen(home: &Home) -> (Client, Given) {
    let wish = with(
        to_service(&all_in_spaces()),
        "space_ids",
        json!([home.hub.home.kitchen.space]),
    );
    let given = give(&home.ada, wish).await;
    (home.rest.bearer(&given.secret), given)
}

/// Something of each kind in both rooms.
async fn furnish(home: &Home) -> [String; 2] {
    let (kitchen, office) = (&home.hub.home.kitchen, &home.hub.home.office);
    kitchen.hears("remember that the treacle is in the pantry").await;
    office.hears("remember that the marzipan is in the safe").await;
    home.hub.run_jobs().await;
    let mut artifacts = Vec::new();
    for space in [kitchen.space, office.space] {
        let new = json!({"name": "window", "media_type": "text/plain", "size_bytes": 6, "sha256": SIX, "space_id": space});
        let made = home.ada.post("artifacts", new).await.expect(201);
        artifacts.push(made.text("/artifact/id").to_owned());
    }
    artifacts.try_into().expect("two")
}

#[tokio::test]
async fn it_lists_and_recalls_what_is_in_its_spaces_and_nothing_else() {
    let home = Home::new().await;
    let [of_kitchen, of_office] = furnish(&home).await;
    let (kitchen, office) = (&home.hub.home.kitchen, &home.hub.home.office);
    let (limited, _) = in_the_kitchen(&home).await;
    let (all, _) = home.service_with(&all_in_spaces()).await;
    let seen = async |client: &Client, path: &str| {
        let listed = client.get(path).await.expect(200);
        let space = |item: &Value| item.get("space_id").unwrap_or(&item["id"]).clone();
        let mut spaces: Vec<Value> = listed.items().iter().map(space).collect();
        spaces.dedup();
        spaces
    };
    for path in ["spaces", "devices", "sessions", "events", "memories", "artifacts"] {
        assert_eq!(seen(&limited, path).await, [json!(kitchen.space)], "{path}");
        assert!(seen(&all, path).await.len() > 1, "{path}");
    }
    let asked = json!({"question": "treacle marzipan"});
    let told = limited.post("recall", asked.clone()).await.expect(200).told();
    assert!(told.contains("treacle") && !told.contains("marzipan"), "{told}");
    let told = all.post("recall", asked).await.expect(200).told();
    assert!(told.contains("treacle") && told.contains("marzipan"), "{told}");
    let in_office = json!({"question": "marzipan", "space_id": office.space});
    let told = limited.post("recall", in_office).await.told();
    assert!(!told.contains("safe"), "{told}");
    let session = home.ada.get(&format!("sessions?space_id={}", office.space)).await;
    let session = session.expect(200).text("/items/0/id").to_owned();
    for hidden in [
        format!("spaces/{}", office.space),
        format!("devices/{}", office.id),
        format!("devices/{}/shadow", office.id),
        format!("sessions/{session}"),
        format!("artifacts/{of_office}"),
        format!("artifacts/{of_office}/download"),
    ] {
        let _ = limited.get(&hidden).await.refuses(404, "not_found");
    }
    let of_session = limited.get(&format!("events?session_id={session}")).await.told();
    assert!(!of_session.contains("marzipan"), "{of_session}");
    for there in [
        format!("spaces/{}", kitchen.space),
        format!("devices/{}/shadow", kitchen.id),
        format!("artifacts/{of_kitchen}"),
    ] {
        let _ = limited.get(&there).await.expect(200);
    }
}

#[tokio::test]
async fn it_is_told_of_what_happens_in_its_spaces_and_nothing_else() {
    let home = Home::new().await;
    furnish(&home).await;
    let served = Served::start(&home.hub).await;
    let (limited, _) = in_the_kitchen(&home).await;
    let (all, _) = home.service_with(&["events:read"]).await;
    let here = Listening::to(&served, &limited, "events/stream", None).await;
    // Who sees more follows the same log beside it; and somebody is far behind, who reads the log itself.
    let beside = Listening::to(&served, &all, "events/stream", None).await;
    let behind = Listening::to(&served, &limited, "events/stream?since=1:0", None).await;
    let mut streams = [here, beside, behind];
    for live in &mut streams {
        assert_eq!(live.next().await.unwrap().event, "started");
    }
    home.hub.home.office.hears("the office door is open").await;
    home.hub.home.kitchen.hears("the kettle is on").await;
    let until_the_kettle = async |live: &mut Listening| {
        let mut spaces = Vec::new();
        loop {
            let told = live.next().await.expect("it goes on");
            spaces.push(told.data["space_id"].clone());
            if told.data.to_string().contains("kettle") {
                return spaces;
            }
        }
    };
    let (kitchen, office) = (
        json!(home.hub.home.kitchen.space),
        json!(home.hub.home.office.space),
    );
    let [here, beside, behind] = &mut streams;
    assert_eq!(until_the_kettle(here).await, std::slice::from_ref(&kitchen));
    assert_eq!(until_the_kettle(beside).await, [office.clone(), kitchen.clone()]);
    let from_the_start = until_the_kettle(behind).await;
    assert!(from_the_start.len() > 2 && from_the_start.iter().all(|space| *space == kitchen));
    let of_office = format!("events/stream?topics=*@{}", home.hub.home.office.space);
    let _ = limited.get(&of_office).await.points_at("?topics");
    home.hub.run_jobs().await;
}

#[tokio::test]
async fn no_operation_says_anything_of_another_space() {
    let sample = Sample::new().await;
    let (kitchen, office) = (&sample.hub.home.kitchen, &sample.hub.home.office);
    office.hears("remember that the marzipan is in the safe").await;
    sample.hub.run_jobs().await;
    let wish = with(to_service(&all_in_spaces()), "space_ids", json!([kitchen.space]));
    let given = give(&sample.owner, wish).await;
    let limited = sample.rest.bearer(&given.secret);
    let hidden = [
        office.space.to_string(),
        office.id.to_string(),
        "marzipan".to_owned(),
    ];
    let mut answered = 0;
    for operation in &sample.api.operations {
        let good = sample.good(operation).await;
        let answer = ask(&limited, operation, &good).send().await;
        answered += usize::from(answer.status == 200);
        let sent = format!("{} {}", good.path, good.body.unwrap_or_default());
        let told = answer.told();
        for word in &hidden {
            let is_new = told.contains(word.as_str()) && !sent.contains(word.as_str());
            assert!(!is_new, "{word} in {told}");
        }
    }
    assert!(answered > 10, "{answered}");
}

#[tokio::test]
async fn it_is_passed_on_within_its_spaces_only() {
    let home = Home::new().await;
    let (kitchen, office) = (home.hub.home.kitchen.space, home.hub.home.office.space);
    let (limited, _) = in_the_kitchen(&home).await;
    let child = to_service(&["memories:read"]);
    let made = limited.post("delegations", child.clone()).await.expect(201);
    assert_eq!(made.json["delegation"]["space_ids"], json!([kitchen]));
    for wider in [
        json!([office]),
        json!([kitchen, office]),
        json!([home.beta.kitchen.space]),
    ] {
        let refused = limited.post("delegations", with(child.clone(), "space_ids", wider.clone()));
        let at = wider.as_array().map_or(0, Vec::len) - 1;
        let _ = refused.await.points_at(&format!("/space_ids/{at}"));
    }
    let wide = to_service(&["memories:read", "delegations:write"]);
    let wide = give(&home.ada, with(wide, "space_ids", json!([kitchen, office]))).await;
    let wide = home.rest.bearer(&wide.secret);
    let made = wide.post("delegations", with(child, "space_ids", json!([office])));
    assert_eq!(
        made.await.expect(201).json["delegation"]["space_ids"],
        json!([office])
    );
}

#[tokio::test]
async fn what_cannot_be_limited_is_refused_when_it_is_made() {
    let home = Home::new().await;
    let kitchen = home.hub.home.kitchen.space;
    for scope in ["messages:write", "turns:read", "actions:read", "commands:read"] {
        let wish = with(
            to_service(&["memories:read", scope]),
            "space_ids",
            json!([kitchen]),
        );
        let _ = home.ada.post("delegations", wish).await.points_at("/scopes/1");
    }
    let many: Vec<SpaceId> = (0..9).map(|_| SpaceId::mint()).collect();
    for (spaces, pointer) in [
        (json!([]), "/space_ids"),
        (json!(many), "/space_ids"),
        (json!([kitchen, kitchen]), "/space_ids/1"),
        (json!([kitchen, SpaceId::mint()]), "/space_ids/1"),
        (json!([home.beta.kitchen.space]), "/space_ids/0"),
        (json!(["kitchen"]), "/space_ids/0"),
    ] {
        let wish = with(to_service(&["memories:read"]), "space_ids", spaces);
        let _ = home.ada.post("delegations", wish).await.points_at(pointer);
    }
    assert_eq!(home.hub.sql().count("delegations", "true").await, 0);
}

/// The database itself hides them, whatever a query forgets; and vectors are searched by a function that filters by itself.
#[tokio::test]
async fn the_database_hides_what_is_in_other_spaces() {
    let hub = TestHub::start().await;
    let (kitchen, office) = (&hub.home.kitchen, &hub.home.office);
    kitchen.hears("remember that the treacle is in the pantry").await;
    office.hears("remember that the marzipan is in the safe").await;
    hub.run_jobs().await;
    let scope = TxScope::Agent {
        agent: hub.home.agent,
        person: None,
        view: View::OpenOf(Spaces::of(&[kitchen.space]).unwrap()),
    };
    let mut tx = hub.db.begin(scope, hub::identity::Actor::hub()).await.unwrap();
    let page = PageRequest::parse(None, None).unwrap();
    let spaces = tx.places().spaces(page).await.unwrap();
    assert_eq!(
        spaces.iter().map(|space| space.id).collect::<Vec<_>>(),
        [kitchen.space]
    );
    drop(tx);
    hub.sql()
        .execute(
            "insert into hub.embeddings_384 (agent_id, owner_kind, owner_id, model, embedding, created_at)
             select agent_id, 'memory', id, 'a-model', (select array_agg(0.1) from generate_series(1, 384))::vector, now()
             from hub.memories",
        )
        .await;
    let mut session = hub.sql().as_role("hub_app").await;
    session.works_for(hub.home.agent, None).await;
    let found = "select count(*) from hub.recall_vectors(array_fill(0.1::real, array[384]), 'a-model', 10)";
    let words = "select count(*) from hub.recall_words('treacle marzipan', 'english', 10)";
    let all: (i64, i64) = (session.value(found).await, session.value(words).await);
    let limit = format!("set local hub.space_ids = '{{{}}}'", kitchen.space);
    session.tries(&limit).await.unwrap();
    let limited: (i64, i64) = (session.value(found).await, session.value(words).await);
    // Of each there is what was said, and what was to be remembered.
    assert_eq!((all, limited), ((4, 4), (2, 2)));
    for table in [
        "spaces",
        "devices",
        "sessions",
        "conversations",
        "events",
        "memories",
        "artifacts",
    ] {
        let column = if table == "spaces" { "id" } else { "space_id" };
        let others = format!(
            "select count(*) from {table} where {column} <> '{}'",
            kitchen.space
        );
        assert_eq!(session.value::<i64>(&others).await, 0, "{table}");
    }
    let elsewhere = format!("update devices set space_id = '{}'", office.space);
    assert_eq!(
        session.refusal_of(&elsewhere).await,
        "42501",
        "nothing leaves its spaces"
    );
}
