//! What people allow: said by themselves, written down for those without a login, never changed, and asked for at each use.

use axum::http::Method;
use chrono::Duration;
use hub::{clock::Clock, identity::Role, ids::PersonId, turns::TurnState};
use serde_json::{Value, json};
use support::{Client, Rest, TestHub, User};

const OWN: &str = "people/self/consents";

async fn home() -> (TestHub, User, Client) {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let client = Rest::of(&hub).user(&ada).await;
    (hub, ada, client)
}

async fn grant(client: &Client, grant: Value) -> Value {
    client.post(OWN, grant).await.expect(201).json
}

async fn withdraw(client: &Client, what: Value) -> Value {
    client
        .post(&format!("{OWN}/withdraw"), what)
        .await
        .expect(200)
        .json
}

/// Nora, whom the agent knows and who has no login.
async fn nora(hub: &TestHub) -> PersonId {
    let id = PersonId::mint();
    hub.sql()
        .execute(&format!(
            "insert into hub.people (agent_id, id, name, created_at) values ('{}', '{id}', 'Nora', now())",
            hub.home.agent
        ))
        .await;
    id
}

/// Ada tells the agent something, in private; the turn, and how many memories there are then.
async fn tells(hub: &TestHub, ada: &User, what: &str) -> i64 {
    let said = ada.says(&format!("remember that {what}"), what).await.unwrap();
    hub.run_jobs().await;
    let turn = hub.home.turn(support::turn_of(&said)).await;
    assert_eq!(
        turn.state,
        TurnState::Planned,
        "the turn goes on, whatever is remembered"
    );
    hub.sql().count("memories", "true").await
}

#[tokio::test]
async fn what_somebody_says_is_remembered_until_they_withdraw_that_and_again_by_their_grant() {
    let (hub, ada, client) = home().await;
    let first = tells(&hub, &ada, "the key is with Nora").await;
    assert!(first > 0);
    assert_eq!(
        hub.sql().count("memories", "consent_id is not null").await,
        0,
        "it needed no grant"
    );
    let no = withdraw(&client, json!({"purpose": "memory"})).await;
    assert_eq!(
        (&no["decision"], &no["withdraws_id"]),
        (&json!("withdrawn"), &Value::Null)
    );
    assert_eq!(tells(&hub, &ada, "the safe opens with 4711").await, first);
    assert_eq!(
        hub.sql()
            .count("memory_candidates", "content ilike '%4711%'")
            .await,
        0
    );
    assert_eq!(
        hub.sql()
            .count("events", "type = 'message.user' and payload::text like '%4711%'")
            .await,
        1
    );
    let replied = "select payload #>> '{content,0,text}' from hub.events where type = 'message.agent'
        order by position desc limit 1";
    let reply: String = hub.sql().value(replied).await;
    assert_eq!(reply, "I do not remember what you say: you have not allowed it.");
    let yes = grant(&client, json!({"purpose": "memory"})).await;
    assert!(tells(&hub, &ada, "the bins go out on Monday").await > first);
    let by = format!("consent_id = '{}'", yes["id"].as_str().unwrap());
    let (memories, candidates) = (
        hub.sql().count("memories", &by).await,
        hub.sql().count("memory_candidates", &by).await,
    );
    assert!(
        memories > 0 && candidates >= memories,
        "the grant is written on what it allowed"
    );
    let used = format!(
        "operation = 'run_turn' and body like '%{}%'",
        yes["id"].as_str().unwrap()
    );
    assert_eq!(hub.sql().count("audit_entries", &used).await, 1);
    // What was remembered by it goes with it; what needed no grant then stays, and so does what was said.
    let no = withdraw(&client, json!({"purpose": "memory"})).await;
    assert_eq!(hub.sql().count("memories", "true").await, first);
    assert_eq!(hub.sql().count("memory_candidates", &by).await, 0);
    assert_eq!(
        hub.sql()
            .count(
                "events",
                "type = 'message.user' and payload::text like '%Monday%'"
            )
            .await,
        1
    );
    let erasures = client.get("erasures").await.expect(200);
    let erasure = &erasures.items()[0];
    assert_eq!(
        (
            &erasure["target_kind"],
            &erasure["target_id"],
            &erasure["counts"]["memories"]
        ),
        (&json!("consent"), &no["id"], &json!(memories))
    );
    // What others say in the kitchen is not hers.
    let before = hub.sql().count("memories", "true").await;
    hub.home.kitchen.hears("remember that dinner is at seven").await;
    hub.run_jobs().await;
    assert!(hub.sql().count("memories", "true").await > before);
}

/// Somebody changes their mind while the agent thinks: what it comes to is judged as they think now.
#[tokio::test]
async fn a_withdrawal_while_the_agent_thinks_counts() {
    use support::ScriptedRuntime;
    let runtime = ScriptedRuntime::default();
    let thought = hub::turns::runtime::Thought {
        memories: vec![hub::memory::commit::MemoryProposal {
            tier: hub::memory::Tier::Episodic,
            content: "The safe opens with 4711".to_owned(),
            importance: 0.5,
            confidence: 0.9,
            sources: Vec::new(),
        }],
        ..Default::default()
    };
    let held = runtime.then_hold(thought);
    let hub = TestHub::builder().runtime(runtime).start().await;
    let ada = hub.owner("ada").await;
    let client = Rest::of(&hub).user(&ada).await;
    ada.says("the safe opens with 4711", "1").await.unwrap();
    let changes_her_mind = async {
        held.begun().await;
        withdraw(&client, json!({"purpose": "memory"})).await;
        held.go_on();
    };
    tokio::join!(hub.run_jobs(), changes_her_mind);
    assert_eq!(hub.sql().count("turns", "state = 'planned'").await, 1);
    let left_out = "operation = 'run_turn' and body::jsonb #>> '{details,not_remembered}' = '1'";
    assert_eq!(hub.sql().count("audit_entries", left_out).await, 1);
    for table in ["memories", "memory_candidates"] {
        assert_eq!(hub.sql().count(table, "true").await, 0, "{table}");
    }
}

#[tokio::test]
async fn the_history_only_grows() {
    let (hub, _, client) = home().await;
    let until = hub.clock.now() + Duration::days(30);
    let kitchen = hub.home.kitchen.space;
    let voice = grant(
        &client,
        json!({"purpose": "voice", "space_id": kitchen, "expires_at": until}),
    )
    .await;
    assert_eq!(
        (&voice["evidence_kind"], &voice["space_id"]),
        (&json!("own_word"), &json!(kitchen))
    );
    let face = grant(&client, json!({"purpose": "face"})).await;
    let end = withdraw(&client, json!({"purpose": "voice", "consent_id": voice["id"]})).await;
    assert_eq!(
        (&end["withdraws_id"], &end["purpose"]),
        (&voice["id"], &json!("voice"))
    );
    // Again is the same, and no new row.
    assert_eq!(
        withdraw(&client, json!({"purpose": "voice", "consent_id": voice["id"]})).await,
        end
    );
    let all = client.get(OWN).await.expect(200);
    assert_eq!(all.items(), [end.clone(), face.clone(), voice.clone()]);
    let page = client.get(&format!("{OWN}?limit=2")).await.expect(200);
    assert_eq!(page.items(), [end.clone(), face]);
    let rest = format!("{OWN}?limit=2&cursor={}", page.text("/next_cursor"));
    assert_eq!(
        client.get(&rest).await.expect(200).items(),
        std::slice::from_ref(&voice)
    );
    let voices = client.get(&format!("{OWN}?purpose=voice")).await.expect(200);
    assert_eq!(voices.items(), [end, voice]);
    for role in ["hub_app", "hub_system"] {
        for right in ["update", "delete", "truncate"] {
            let may: bool = hub
                .sql()
                .value(&format!(
                    "select has_table_privilege('{role}', 'hub.consents', '{right}')"
                ))
                .await;
            assert!(!may, "{role} may {right} consents");
        }
    }
}

#[tokio::test]
async fn a_malformed_end_is_refused_and_never_for_ever() {
    let (hub, _, client) = home().await;
    let at = |days: i64| json!(hub.clock.now() + Duration::days(days));
    let cases = [
        (json!({"purpose": "voice", "expires_at": "soon"}), "/expires_at"),
        (json!({"purpose": "voice", "expires_at": ""}), "/expires_at"),
        (json!({"purpose": "voice", "expires_at": 0}), "/expires_at"),
        (
            json!({"purpose": "voice", "expires_at": "2026-02-30T00:00:00Z"}),
            "/expires_at",
        ),
        (json!({"purpose": "voice", "expires_at": at(-1)}), "/expires_at"),
        (
            json!({"purpose": "voice", "expires_at": at(4_000)}),
            "/expires_at",
        ),
        (
            json!({"purpose": "voice", "starts_at": at(2), "expires_at": at(1)}),
            "/expires_at",
        ),
        (json!({"purpose": "voice", "starts_at": at(400)}), "/starts_at"),
        (json!({"purpose": "everything"}), "/purpose"),
        (
            json!({"purpose": "voice", "space_id": PersonId::mint()}),
            "/space_id",
        ),
        (
            json!({"purpose": "voice", "device_id": PersonId::mint()}),
            "/device_id",
        ),
        (
            json!({"purpose": "voice", "evidence": "x".repeat(501)}),
            "/evidence",
        ),
    ];
    for (body, pointer) in cases {
        let told = body.to_string();
        let answer = client.post(OWN, body).await.refuses(422, "invalid");
        assert_eq!(answer.pointers(), [pointer], "{told}");
    }
    let nobodys = json!({"purpose": "voice", "consent_id": PersonId::mint()});
    for body in [nobodys, json!({}), json!({"purpose": "everything"})] {
        let _ = client
            .post(&format!("{OWN}/withdraw"), body)
            .await
            .refuses(422, "invalid");
    }
    assert_eq!(hub.sql().count("consents", "true").await, 0);
}

#[tokio::test]
async fn everybody_speaks_for_themselves_and_those_who_run_the_household_for_those_without_a_login() {
    let (hub, ada, owner) = home().await;
    let rest = Rest::of(&hub);
    let (bob, carol) = (hub.member("bob").await, hub.home.user("carol", Role::Admin).await);
    let (member, admin) = (rest.user(&bob).await, rest.user(&carol).await);
    let nora = nora(&hub).await;
    let of = |person: PersonId| format!("people/{person}/consents");
    let voice = json!({"purpose": "voice", "evidence": "said so at dinner"});
    // Of another user: seen by those who run the household, said by nobody.
    for client in [&owner, &admin] {
        let _ = client.get(&of(bob.person)).await.expect(200);
        let _ = client
            .post(&of(bob.person), voice.clone())
            .await
            .refuses(409, "has_login");
        let withdrawal = format!("{}/withdraw", of(bob.person));
        let _ = client
            .post(&withdrawal, json!({"purpose": "memory"}))
            .await
            .refuses(409, "has_login");
    }
    // A member sees and says nothing but what is their own.
    for person in [ada.person, nora, PersonId::mint()] {
        let _ = member.get(&of(person)).await.refuses(404, "not_found");
        let _ = member
            .post(&of(person), voice.clone())
            .await
            .refuses(404, "not_found");
    }
    let own = member.post(&of(bob.person), voice.clone()).await.expect(201);
    assert_eq!(own.text("/evidence_kind"), "own_word");
    // Somebody without a login, with what they said.
    let _ = admin
        .post(&of(nora), json!({"purpose": "voice"}))
        .await
        .refuses(422, "invalid")
        .points_at("/evidence");
    let written = admin.post(&of(nora), voice).await.expect(201);
    assert_eq!(
        (
            written.text("/evidence_kind"),
            written.text("/evidence"),
            &written.json["given_by_user_id"]
        ),
        ("recorded_by", "said so at dinner", &json!(carol.id))
    );
    let _ = admin.get(&of(PersonId::mint())).await.refuses(404, "not_found");
    // What was said is told to whom it concerns, without the words; the audit log has none either.
    let told =
        "select count(*) from hub.events where type = 'consent.changed' and payload::text like '%dinner%'";
    assert_eq!(hub.sql().value::<i64>(told).await, 0);
    assert_eq!(hub.sql().count("audit_entries", "body like '%dinner%'").await, 0);
}

#[tokio::test]
async fn a_program_speaks_for_nobody() {
    let (_hub, _, client) = home().await;
    let new = json!({"name": "script", "scopes": ["consents:write"]});
    let _ = client
        .post("tokens", new)
        .await
        .refuses(422, "invalid")
        .points_at("/scopes/0");
}

/// Whoever is not here to say it, or may not, is spoken for: to take back only.
#[tokio::test]
async fn what_somebody_allowed_who_left_or_is_blocked_is_taken_back_by_who_runs_the_household() {
    let (hub, _ada, owner) = home().await;
    let rest = Rest::of(&hub);
    for (name, ends) in [("bob", "left"), ("carol", "removed"), ("dan", "blocked")] {
        let user = hub.home.user(name, Role::Guest).await;
        let client = rest.user(&user).await;
        let own = grant(&client, json!({"purpose": "memory"})).await;
        let consents = format!("people/{}/consents", user.person);
        let withdrawal = format!("{consents}/withdraw");
        let body = json!({"purpose": "memory", "consent_id": own["id"]});
        let refused = owner.post(&withdrawal, body.clone()).await;
        let _ = refused.refuses(409, "has_login");
        tells(&hub, &user, "zanzibar is an island").await;
        assert!(hub.sql().count("memories", "content ilike '%zanzibar%'").await > 0);
        let member = format!("members/{}", user.id);
        let _ = match ends {
            "left" => client.ask(Method::POST, "members/leave").send().await.expect(200),
            "removed" => owner.delete(&member).await.expect(200),
            _ => owner.patch(&member, json!({"role": "blocked"})).await.expect(200),
        };
        // Nobody grants for somebody who has an account.
        let voice = json!({"purpose": "voice", "evidence": "said so at dinner"});
        let _ = owner.post(&consents, voice).await.refuses(409, "has_login");
        let done = owner.post(&withdrawal, body).await.expect(200);
        assert_eq!(
            (done.text("/evidence_kind"), done.text("/withdraws_id")),
            ("recorded_by", own["id"].as_str().unwrap()),
            "{ends}"
        );
        assert_eq!(
            hub.sql().count("memories", "content ilike '%zanzibar%'").await,
            0,
            "{ends}"
        );
        let all = owner.post(&withdrawal, json!({"purpose": "memory"})).await;
        let _ = all.expect(200);
    }
}
