//! Who may do what with the bodies of whom: somebody who wants in, and what they would try.

use axum::http::Method;
use chrono::Duration;
use hub::identity::Role;
use serde_json::{Value, json};
use support::{face, near, voice};

use super::{House, allow, face_print, print};

#[tokio::test]
async fn nobody_sees_makes_or_decides_what_is_somebody_elses() {
    let mut house = House::new().await;
    let grant = house.ada_is_known().await;
    let (bob, bobs) = house.member("bob", 2).await;
    let guest = house
        .rest
        .user(&house.hub.home.user("gast", Role::Guest).await)
        .await;
    let id = house.hears(&voice(1)).await.text("/hypothesis_id").to_owned();
    let prints = house.owner.get("people/self/prints").await.expect(200);
    let ada = format!("people/{}/prints", house.ada.person);
    let adas = format!("{ada}/{}", prints.text("/items/0/id"));
    for other in [&bobs, &guest] {
        let _ = other.get(&ada).await.refuses(404, "not_found");
        let body = print(&voice(9), house.kitchen);
        for whose in [&ada, "people/self/prints"] {
            let _ = other.post(whose, body.clone()).await.refuses(403, "forbidden");
        }
        let _ = other.delete(&adas).await.refuses(404, "not_found");
        let own = adas.replace(&house.ada.person.to_string(), "self");
        let _ = other.delete(&own).await.refuses(404, "not_found");
        for how in ["confirm", "reject"] {
            let _ = house.decides(other, &id, how).await.refuses(404, "not_found");
        }
        assert_eq!(other.get("hypotheses").await.expect(200).items().len(), 0);
        let body = print(&voice(1), house.kitchen);
        let _ = other.post("observations", body).await.refuses(403, "forbidden");
    }
    let _ = house.decides(&house.owner, &id, "confirm").await.expect(200);
    let there = house.present().await;
    let there = format!("presence/{}", there[0]["id"].as_str().unwrap());
    for other in [&bobs, &guest] {
        let _ = other.delete(&there).await.refuses(404, "not_found");
    }
    // Who is where the household sees, a guest does not; who was where is one's own.
    assert_eq!(bobs.get("presence").await.expect(200).items().len(), 1);
    let _ = guest.get("presence").await.refuses(403, "forbidden");
    house.waits(901).await;
    let bobs = house.rest.user(&bob).await;
    assert_eq!(bobs.get("presence/history").await.expect(200).items().len(), 0);
    assert_eq!(house.past().await.len(), 1);
    // Of another user those who run the household see, and enrol them by their own grant alone.
    let bobs_prints = format!("people/{}/prints", bob.person);
    assert_eq!(house.owner.get(&bobs_prints).await.expect(200).items().len(), 1);
    let body = face_print(&face(2), house.kitchen);
    let _ = house
        .owner
        .post(&bobs_prints, body)
        .await
        .refuses(409, "no_consent");
    assert_eq!(house.hub.sql().count("voiceprints", "true").await, 2);
    // And what was made so they can delete themselves.
    let own = bobs.get("people/self/prints").await.expect(200);
    let own = format!("people/self/prints/{}", own.text("/items/0/id"));
    let _ = bobs.delete(&own).await.expect(204);
    assert_eq!(house.hub.sql().count("voiceprints", "true").await, 1);
    let named = format!("consent_id = '{grant}'");
    assert_eq!(house.hub.sql().count("voiceprints", &named).await, 1);
}

#[tokio::test]
async fn the_person_themself_decides_and_whoever_runs_the_household() {
    let house = House::new().await;
    let (_, bobs) = house.member("bob", 2).await;
    let admin = house
        .rest
        .user(&house.hub.home.user("carol", Role::Admin).await)
        .await;
    for client in [&bobs, &admin, &house.owner] {
        let id = house.hears(&voice(2)).await.text("/hypothesis_id").to_owned();
        let confirmed = house.decides(client, &id, "confirm").await.expect(200);
        assert_eq!(confirmed.text("/state"), "confirmed");
        let there = house.present().await;
        let path = format!("presence/{}", there[0]["id"].as_str().unwrap());
        let _ = client.delete(&path).await.expect(204);
        house.hub.clock.advance(Duration::seconds(11));
    }
}

/// Who has left is nobody that the agent knows: nothing is kept, nothing is compared, nobody enrols them.
#[tokio::test]
async fn whoever_leaves_is_removed_or_blocked_is_known_no_more() {
    let house = House::new().await;
    house.ada_is_known().await;
    for (number, how) in [(2, "leaves"), (3, "is removed"), (4, "is blocked")] {
        let (bob, bobs) = house.member(how, number).await;
        let heard = house.hears(&voice(number)).await;
        let _ = house
            .decides(&house.owner, heard.text("/hypothesis_id"), "confirm")
            .await
            .expect(200);
        assert_eq!(
            house.rows().await,
            5,
            "{how}: two prints, a hypothesis seen once, presence"
        );
        let member = format!("members/{}", bob.id);
        let entry = match how {
            "leaves" => {
                let _ = bobs.ask(Method::POST, "members/leave").send().await.expect(200);
                "leave_agent"
            }
            "is removed" => {
                let _ = house.owner.delete(&member).await.expect(200);
                "remove_member"
            }
            _ => {
                let blocked = json!({"role": "blocked"});
                let _ = house.owner.patch(&member, blocked).await.expect(200);
                "update_member"
            }
        };
        assert_eq!(house.rows().await, 1, "{how}: Ada's print");
        let erased = format!("operation = '{entry}' and body::jsonb #>> '{{details,erased_prints}}' = '1'");
        assert_eq!(house.hub.sql().count("audit_entries", &erased).await, 1, "{how}");
        assert_eq!(house.hears(&voice(number)).await.text("/outcome"), "unknown");
        let _ = house
            .enrol_them(&bob, &voice(number))
            .await
            .refuses(409, "not_a_member");
    }
    assert_eq!(
        house.hub.sql().count("erasures", "target_kind = 'consent'").await,
        3
    );
}

/// Whatever has been left behind: it is not compared.
#[tokio::test]
async fn the_prints_of_who_does_not_belong_here_are_not_compared() {
    let house = House::new().await;
    let (bob, _) = house.member("bob", 2).await;
    for (change, back) in [
        ("revoked_at = now()", "revoked_at = null"),
        ("role = 'blocked'", "role = 'member'"),
    ] {
        for (set, outcome) in [(change, "unknown"), (back, "suggested")] {
            let sql = format!("update hub.memberships set {set} where user_id = '{}'", bob.id);
            house.hub.sql().execute(&sql).await;
            assert_eq!(house.hears(&voice(2)).await.text("/outcome"), outcome, "{set}");
        }
    }
}

/// What they enrolled in error.
#[tokio::test]
async fn those_who_run_the_household_delete_what_they_enrolled() {
    let house = House::new().await;
    let (bob, bobs) = house.member("bob", 2).await;
    house.hears(&voice(2)).await;
    let prints = format!("people/{}/prints", bob.person);
    let listed = house.owner.get(&prints).await.expect(200);
    let path = format!("{prints}/{}", listed.text("/items/0/id"));
    let _ = house.owner.delete(&path).await.expect(204);
    assert_eq!(house.rows().await, 0);
    assert_eq!(bobs.get("people/self/prints").await.expect(200).items().len(), 0);
    assert_eq!(
        house.hub.sql().count("erasures", "target_kind = 'consent'").await,
        1
    );
}

/// The margin says how near others are.
#[tokio::test]
async fn a_margin_is_for_those_who_run_the_household() {
    let house = House::new().await;
    house.ada_is_known().await;
    let (_, bobs) = house.member("bob", 2).await;
    let id = house.hears(&voice(2)).await.text("/hypothesis_id").to_owned();
    let all = house.owner.get("hypotheses").await.expect(200);
    assert!(all.json["items"][0]["margin"].is_number(), "{}", all.told());
    let own = bobs.get("hypotheses").await.expect(200);
    assert_eq!(own.json["items"][0]["margin"], Value::Null);
    for how in ["confirm", "reject"] {
        let decided = house.decides(&bobs, &id, how).await.expect(200);
        assert_eq!(decided.json["margin"], Value::Null, "{how}");
    }
}

#[tokio::test]
async fn somebody_without_a_login_is_enrolled_by_what_they_said() {
    let house = House::new().await;
    let made = house
        .owner
        .post("people", json!({"name": "Nora"}))
        .await
        .expect(201);
    let nora = format!("people/{}", made.text("/id"));
    let body = print(&voice(5), house.kitchen);
    let prints = format!("{nora}/prints");
    let _ = house
        .owner
        .post(&prints, body.clone())
        .await
        .refuses(409, "no_consent");
    let grant = json!({"purpose": "voice", "evidence": "said so at dinner"});
    let _ = house
        .owner
        .post(&format!("{nora}/consents"), grant)
        .await
        .expect(201);
    let _ = house.owner.post(&prints, body).await.expect(201);
    assert_eq!(house.hears(&voice(5)).await.text("/outcome"), "suggested");
    let withdrawal = format!("{nora}/consents/withdraw");
    let _ = house
        .owner
        .post(&withdrawal, json!({"purpose": "voice"}))
        .await
        .expect(200);
    assert_eq!(house.rows().await, 0);
    let erasures = house.owner.get("erasures").await.expect(200);
    assert_eq!(
        erasures.text("/items/0/target_kind"),
        "consent",
        "somebody has to see it"
    );
}

/// A worker has a token: it observes, and decides nothing.
#[tokio::test]
async fn a_worker_observes_and_learns_neither_who_nor_how_near() {
    let house = House::new().await;
    house.ada_is_known().await;
    let new = json!({"name": "ears", "scopes": ["recognition:observe"]});
    let token = house.owner.post("tokens", new).await.expect(201);
    let worker = house.rest.bearer(token.text("/secret"));
    let seen = worker
        .post("observations", print(&voice(1), house.kitchen))
        .await
        .expect(200);
    let fields: Vec<&String> = seen.json.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["hypothesis_id", "outcome"]);
    let id = seen.text("/hypothesis_id");
    for how in ["confirm", "reject"] {
        let _ = house.decides(&worker, id, how).await.refuses(403, "forbidden");
    }
    for path in ["hypotheses", "presence", "people/self/prints"] {
        let _ = worker.get(path).await.refuses(403, "forbidden");
    }
    let _ = worker
        .post("people/self/prints", print(&voice(1), house.kitchen))
        .await
        .refuses(403, "forbidden");
    for scope in ["recognition:decide", "recognition:enrol"] {
        let never = json!({"name": "all", "scopes": [scope]});
        let _ = house
            .owner
            .post("tokens", never)
            .await
            .refuses(422, "invalid")
            .points_at("/scopes/0");
    }
    let _ = house
        .owner
        .delete(&format!("tokens/{}", token.text("/token/id")))
        .await;
    let gone = worker.post("observations", print(&voice(1), house.kitchen)).await;
    assert_eq!(gone.status, 401, "{}", gone.told());
}

/// Two households, and the ids of one in the mouth of the other.
#[tokio::test]
async fn another_household_finds_nobody_and_nothing() {
    let house = House::new().await;
    house.ada_is_known().await;
    let away = house.hub.household("away").await;
    let eve = house.rest.user(&away.owner("eve").await).await;
    allow(&eve, "voice").await;
    let heard = print(&voice(1), away.kitchen.space);
    assert_eq!(
        eve.post("observations", heard.clone()).await.expect(200).json,
        json!({"outcome": "unknown"}),
        "the same voice, in another house"
    );
    let _ = eve.post("people/self/prints", heard.clone()).await.expect(201);
    let theirs = eve.post("observations", heard).await.expect(200);
    assert_eq!(theirs.text("/outcome"), "suggested");
    assert_eq!(house.owner.get("hypotheses").await.expect(200).items().len(), 0);
    let id = house.ada_is_there().await;
    let presence = house.present().await[0]["id"].as_str().unwrap().to_owned();
    for how in ["confirm", "reject"] {
        let _ = house.decides(&eve, &id, how).await.refuses(404, "not_found");
    }
    let _ = eve
        .delete(&format!("presence/{presence}"))
        .await
        .refuses(404, "not_found");
    let space = format!("presence?space_id={}", house.kitchen);
    assert_eq!(eve.get(&space).await.expect(200).items().len(), 0);
    let body = print(&voice(1), house.kitchen);
    for path in ["observations", "people/self/prints"] {
        let _ = eve
            .post(path, body.clone())
            .await
            .refuses(422, "invalid")
            .points_at("/space_id");
    }
    let mut device = print(&voice(1), away.kitchen.space);
    device["device_id"] = json!(house.hub.home.kitchen.id);
    let _ = eve
        .post("observations", device)
        .await
        .refuses(422, "invalid")
        .points_at("/device_id");
}

/// Nobody feels their way along a score: what is told has two digits, and most of what is sent in a moment is told nothing.
#[tokio::test]
async fn a_score_is_told_in_hundredths_and_reading_it_is_recorded() {
    let house = House::new().await;
    house.ada_is_known().await;
    let heard = near(&voice(1), 0.987_654, &voice(2));
    let id = house.hears(&heard).await.text("/hypothesis_id").to_owned();
    house.hears(&voice(1)).await;
    let listed = house.owner.get("hypotheses").await.expect(200);
    assert_eq!(
        (
            &listed.json["items"][0]["score"],
            &listed.json["items"][0]["margin"]
        ),
        (&json!(0.99), &Value::Null)
    );
    assert_eq!(listed.text("/items/0/id"), id);
    let _ = house.owner.get("people/self/prints").await.expect(200);
    house.ada_is_there().await;
    house.present().await;
    house.past().await;
    for read in [
        "list_hypotheses",
        "list_prints",
        "list_presence",
        "list_past_presence",
    ] {
        let entry = format!("operation = '{read}'");
        assert_eq!(house.hub.sql().count("audit_entries", &entry).await, 1, "{read}");
    }
    // Whoever looks again and again does not fill it.
    house.present().await;
    let entry = "operation = 'list_presence'";
    assert_eq!(house.hub.sql().count("audit_entries", entry).await, 1);
}
