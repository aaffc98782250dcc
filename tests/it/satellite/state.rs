//! What a device should be like comes down, what it is like goes up.

use std::time::Duration;

use hub::{
    devices::update_shadow::update_shadow,
    hub::Hub,
    identity::Actor,
    places::PrivacyMode,
    satellite::protocol::{
        Accepted, CloseReason, Desired, DiscardReason, Discarded, ErrorCode, HubFrame, Rejected, Subject,
    },
    storage::TxScope,
    turns::offline::Offline,
};
use serde_json::{Value, json};
use support::{Rest, Served, Socket, TestDevice, TestHub};
use tokio::time::timeout;

use super::ended;

/// Reports that may come at once.
const AT_ONCE: u32 = 20;

/// A person wants something of a device, at a version.
async fn wants(hub: &Hub, device: &TestDevice, expected: i64, patch: Value) {
    let Value::Object(patch) = patch else {
        panic!("not an object: {patch}");
    };
    let scope = TxScope::WholeAgent(device.agent);
    let mut tx = hub.db.begin(scope, Actor::hub()).await.unwrap();
    update_shadow(&mut tx, device.id, expected, &patch).await.unwrap();
    tx.commit().await.unwrap();
}

async fn reports(socket: &mut Socket, id: &str, state: Value, more: Value) -> HubFrame {
    let mut said = json!({"type": "report", "report_id": id, "state": state});
    for (key, value) in more.as_object().into_iter().flatten() {
        said[key] = value.clone();
    }
    socket.says_text(&said.to_string()).await;
    socket.hears().await
}

fn kept(id: &str, version: i64) -> HubFrame {
    let report_id = id.to_owned().try_into().unwrap();
    HubFrame::Accepted(Accepted::Report { report_id, version })
}

/// Why a report is refused, and at which field.
fn refused(frame: HubFrame, id: &str) -> (ErrorCode, String) {
    let subject = Subject::Report {
        report_id: id.to_owned().try_into().unwrap(),
    };
    match frame {
        HubFrame::Rejected(Rejected {
            subject: about,
            code,
            errors,
            ..
        }) if about == subject => {
            let pointer = errors.into_iter().next().map(|error| error.pointer);
            (code, pointer.unwrap_or_default())
        }
        other => panic!("{id} is not refused: {other:?}"),
    }
}

async fn is_wanted(socket: &mut Socket) -> (i64, Value) {
    match timeout(Duration::from_secs(2), socket.hears()).await.unwrap() {
        HubFrame::Desired(Desired { version, delta }) => (version, Value::Object(delta)),
        other => panic!("not what is desired: {other:?}"),
    }
}

/// That nothing else was said: the answer to this comes next.
async fn hears_nothing_more(socket: &mut Socket) {
    socket.says_text(r#"{"type":"ping"}"#).await;
    let heard = socket.hears().await;
    assert!(matches!(heard, HubFrame::Pong(_)), "{heard:?}");
}

async fn said(hub: &TestHub, event: &str) -> Vec<Value> {
    let query = format!("select payload from hub.events where type = '{event}' order by position");
    hub.sql().values(&query).await
}

async fn reported(hub: &TestHub) -> Value {
    hub.sql()
        .value("select reported from hub.device_shadows where reported_version > 0")
        .await
}

#[tokio::test]
async fn a_device_is_told_at_once_what_is_wanted_and_what_is_left_of_it_when_it_comes() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let kitchen = &hub.home.kitchen;
    let (mut socket, _) = Socket::greet(&served, kitchen, &[]).await;
    wants(&hub, kitchen, 0, json!({"light": {"on": true}, "scene": "tea"})).await;
    let all = json!({"light": {"on": true}, "scene": "tea"});
    assert_eq!(is_wanted(&mut socket).await, (1, all));
    let state = json!({"light": {"on": true, "watts": 7}});
    let answer = reports(&mut socket, "r1", state, json!({"whole": true, "reached": 1})).await;
    assert_eq!(answer, kept("r1", 1));
    drop(socket);
    let (mut socket, _) = Socket::greet(&served, kitchen, &[]).await;
    assert_eq!(is_wanted(&mut socket).await, (1, json!({"scene": "tea"})));
    // When it has done it all, there is nothing to tell.
    let answer = reports(&mut socket, "r2", json!({"scene": "tea"}), json!({})).await;
    assert_eq!(answer, kept("r2", 2));
    drop(socket);
    let (mut socket, _) = Socket::greet(&served, kitchen, &[]).await;
    hears_nothing_more(&mut socket).await;
    let done = json!({"device_id": kitchen.id, "version": 2, "reached_version": 1, "is_in_sync": true});
    assert_eq!(said(&hub, "device.reported").await[1], done);
}

/// What a device was told and nobody wants any more, it is told, too.
#[tokio::test]
async fn what_is_told_last_is_what_is_wanted() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let kitchen = &hub.home.kitchen;
    let (mut socket, _) = Socket::greet(&served, kitchen, &[]).await;
    wants(&hub, kitchen, 0, json!({"a": 1, "b": 1})).await;
    assert_eq!(is_wanted(&mut socket).await, (1, json!({"a": 1, "b": 1})));
    wants(&hub, kitchen, 1, json!({"a": null})).await;
    assert_eq!(is_wanted(&mut socket).await, (2, json!({"b": 1})));
    wants(&hub, kitchen, 2, json!({"b": null})).await;
    assert_eq!(is_wanted(&mut socket).await, (3, json!({})));
    hears_nothing_more(&mut socket).await;
}

/// It was cut off while it was at something that nobody wants any more.
#[tokio::test]
async fn a_device_that_comes_back_is_told_that_what_it_heard_is_not_wanted_any_more() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let kitchen = &hub.home.kitchen;
    let (mut socket, _) = Socket::greet(&served, kitchen, &[]).await;
    assert_eq!(
        reports(&mut socket, "r1", json!({"on": false}), json!({})).await,
        kept("r1", 1)
    );
    wants(&hub, kitchen, 0, json!({"on": true})).await;
    assert_eq!(is_wanted(&mut socket).await, (1, json!({"on": true})));
    drop(socket);
    wants(&hub, kitchen, 1, json!({"on": false})).await;
    let (mut socket, _) = Socket::greet(&served, kitchen, &[]).await;
    assert_eq!(is_wanted(&mut socket).await, (2, json!({})));
    let done = reports(&mut socket, "r2", json!({"on": false}), json!({"reached": 2})).await;
    assert_eq!(done, kept("r2", 2));
    drop(socket);
    let (mut socket, _) = Socket::greet(&served, kitchen, &[]).await;
    hears_nothing_more(&mut socket).await;
}

#[tokio::test]
async fn what_is_wanted_on_another_node_is_told_when_no_wake_up_comes() {
    let hub = TestHub::start().await;
    let there = hub.another_process(Offline);
    let served = Served::start(&there).await;
    let kitchen = &hub.home.kitchen;
    let (mut socket, _) = Socket::greet(&served, kitchen, &[]).await;
    // This process has no bell that the other hears.
    for version in 0..3 {
        wants(&hub, kitchen, version, json!({"level": version})).await;
        assert_eq!(
            is_wanted(&mut socket).await,
            (version + 1, json!({"level": version}))
        );
    }
}

#[tokio::test]
async fn a_device_that_goes_to_another_node_is_told_there() {
    let hub = TestHub::start().await;
    let there = Served::start(&hub.another_process(Offline)).await;
    let here = Served::start(&hub).await;
    let kitchen = &hub.home.kitchen;
    let (mut old, _) = Socket::greet(&here, kitchen, &[]).await;
    wants(&hub, kitchen, 0, json!({"a": 1})).await;
    assert_eq!(is_wanted(&mut old).await, (1, json!({"a": 1})));
    let (mut new, _) = Socket::greet(&there, kitchen, &[]).await;
    assert_eq!(is_wanted(&mut new).await, (1, json!({"a": 1})));
    ended(&old.end().await, CloseReason::Replaced);
    wants(&hub, kitchen, 1, json!({"a": 2})).await;
    assert_eq!(is_wanted(&mut new).await, (2, json!({"a": 2})));
}

#[tokio::test]
async fn no_older_version_comes_after_a_newer_one_and_the_newest_always_comes() {
    const CHANGES: i64 = 40;
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let kitchen = &hub.home.kitchen;
    let (mut socket, _) = Socket::greet(&served, kitchen, &[]).await;
    let changes = async {
        for version in 0..CHANGES {
            wants(&hub, kitchen, version, json!({"level": version})).await;
        }
    };
    let heard = async {
        let mut heard = vec![is_wanted(&mut socket).await];
        while heard.last().unwrap().0 < CHANGES {
            heard.push(is_wanted(&mut socket).await);
        }
        heard
    };
    let ((), heard) = tokio::join!(changes, heard);
    assert!(heard.windows(2).all(|two| two[0].0 < two[1].0), "{heard:?}");
    assert!(
        heard
            .iter()
            .all(|(version, delta)| *delta == json!({"level": version - 1}))
    );
}

#[tokio::test]
async fn a_device_that_may_not_be_told_is_not_and_keeps_nobody_busy() {
    let hub = TestHub::start().await;
    let served = Served::deaf(&hub).await;
    let kitchen = &hub.home.kitchen;
    let scopes = format!(
        "update hub.devices set scopes = '{{state:write}}' where id = '{0}';
         update hub.access_tokens set scopes = '{{state:write}}' where device_id = '{0}'",
        kitchen.id
    );
    wants(&hub, kitchen, 0, json!({"a": 1})).await;
    hub.sql().execute(&scopes).await;
    let (mut socket, _) = Socket::greet(&served, kitchen, &[]).await;
    let answer = reports(&mut socket, "r1", json!({"charge": 0.5}), json!({})).await;
    assert_eq!(answer, kept("r1", 1));
    hears_nothing_more(&mut socket).await;
    let mut tx = hub.db.begin_system().await.unwrap();
    let concerned = tx.devices().concerned(hub.node, &hub.sockets.sitting()).await;
    assert_eq!(concerned.unwrap(), []);
}

#[tokio::test]
async fn a_report_is_merged_and_the_same_again_changes_nothing() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let kitchen = &hub.home.kitchen;
    let (mut socket, _) = Socket::greet(&served, kitchen, &[]).await;
    let first = json!({"light": {"on": false, "watts": 0}, "charge": 1});
    for id in ["r1", "r2"] {
        assert_eq!(
            reports(&mut socket, id, first.clone(), json!({})).await,
            kept(id, 1)
        );
    }
    let patch = json!({"light": {"on": true}, "charge": null});
    for id in ["r3", "r3"] {
        assert_eq!(
            reports(&mut socket, id, patch.clone(), json!({})).await,
            kept(id, 2)
        );
    }
    assert_eq!(reported(&hub).await, json!({"light": {"on": true, "watts": 0}}));
    let whole = json!({"light": {"on": true}});
    let answer = reports(&mut socket, "r4", whole.clone(), json!({"whole": true})).await;
    assert_eq!((answer, reported(&hub).await), (kept("r4", 3), whole));
    assert_eq!(said(&hub, "device.reported").await.len(), 3);
    assert_eq!(
        hub.sql()
            .count("audit_entries", "operation = 'report_state'")
            .await,
        3
    );
    let ada = Rest::of(&hub).user(&hub.owner("ada").await).await;
    let shadow = ada
        .get(&format!("devices/{}/shadow", kitchen.id))
        .await
        .expect(200);
    assert_eq!(shadow.json["reported"]["version"], 3);
    assert_eq!(shadow.json["reported"]["state"], json!({"light": {"on": true}}));
}

/// The database writes numbers in its own way.
#[tokio::test]
async fn a_number_that_is_written_otherwise_is_no_news() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (mut socket, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
    for said in [r#"{"at": 1.7e18, "warm": 20}"#, r#"{"at": 1.7e18, "warm": 20.0}"#] {
        for id in ["r1", "r2"] {
            let state = serde_json::from_str(said).unwrap();
            let answer = reports(&mut socket, id, state, json!({"whole": true})).await;
            assert_eq!(answer, kept(id, 1));
        }
    }
}

#[tokio::test]
async fn the_version_that_was_reached_is_one_that_there_was_and_does_not_go_back() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let kitchen = &hub.home.kitchen;
    wants(&hub, kitchen, 0, json!({"a": 1})).await;
    wants(&hub, kitchen, 1, json!({"a": 2})).await;
    let (mut socket, _) = Socket::greet(&served, kitchen, &[]).await;
    assert_eq!(is_wanted(&mut socket).await, (2, json!({"a": 2})));
    let answer = reports(&mut socket, "r1", json!({}), json!({"reached": -1})).await;
    assert_eq!(refused(answer, "r1"), (ErrorCode::Invalid, "/reached".to_owned()));
    // 3 there is not: it is of a time before the database was restored.
    for (reached, version) in [(3, 0), (1, 1), (2, 2), (3, 2), (1, 2)] {
        let answer = reports(&mut socket, "r2", json!({}), json!({"reached": reached})).await;
        assert_eq!(answer, kept("r2", version));
    }
    let last = said(&hub, "device.reported").await.pop().unwrap();
    // It says that it has dealt with it, and not that it is so.
    assert_eq!(
        (&last["reached_version"], &last["is_in_sync"]),
        (&json!(2), &json!(false))
    );
}

#[tokio::test]
async fn a_replaced_socket_reports_nothing_more() {
    let hub = TestHub::start().await;
    let old_node = Served::deaf(&hub.another_process(Offline)).await;
    let served = Served::start(&hub).await;
    let kitchen = &hub.home.kitchen;
    let (mut old, _) = Socket::greet(&old_node, kitchen, &[]).await;
    assert_eq!(
        reports(&mut old, "r1", json!({"on": false}), json!({})).await,
        kept("r1", 1)
    );
    let (mut new, _) = Socket::greet(&served, kitchen, &[]).await;
    assert_eq!(
        reports(&mut new, "r1", json!({"on": true}), json!({})).await,
        kept("r1", 2)
    );
    old.says_text(r#"{"type":"report","report_id":"r2","state":{"on":false}}"#)
        .await;
    let end = old.end().await;
    ended(&end, CloseReason::Replaced);
    assert_eq!((end.frames, reported(&hub).await), (vec![], json!({"on": true})));
}

#[tokio::test]
async fn what_is_reported_in_a_private_space_is_not_kept() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let kitchen = &hub.home.kitchen;
    let (mut socket, _) = Socket::greet(&served, kitchen, &[]).await;
    let private = hub.home.set_privacy(kitchen.space, PrivacyMode::Private);
    private.await.unwrap();
    let discarded = HubFrame::Discarded(Discarded {
        subject: Subject::Report {
            report_id: "r1".to_owned().try_into().unwrap(),
        },
        reason: DiscardReason::PrivacyMode,
    });
    let answer = reports(&mut socket, "r1", json!({"playing": "a film"}), json!({})).await;
    assert_eq!(answer, discarded);
    assert_eq!(hub.sql().count("device_shadows", "reported <> '{}'").await, 0);
    assert_eq!(said(&hub, "device.reported").await, [Value::Null; 0]);
    // What people want is told all the same, as a command would be.
    wants(&hub, kitchen, 0, json!({"on": false})).await;
    assert_eq!(is_wanted(&mut socket).await, (1, json!({"on": false})));
}

#[tokio::test]
async fn a_device_that_reports_too_often_is_told_to_wait_and_loses_nothing_but_that() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (mut socket, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
    let mut taken = 0;
    for number in 0..AT_ONCE + 30 {
        let id = number.to_string();
        match reports(&mut socket, &id, json!({"number": number}), json!({})).await {
            HubFrame::Accepted(_) => taken += 1,
            refusal => assert_eq!(refused(refusal, &id), (ErrorCode::Busy, String::new())),
        }
    }
    assert!((AT_ONCE..AT_ONCE + 30).contains(&taken), "{taken}");
    assert_eq!(
        said(&hub, "device.reported").await.len(),
        usize::try_from(taken).unwrap()
    );
    hears_nothing_more(&mut socket).await;
}

#[tokio::test]
async fn a_report_that_cannot_be_read_is_refused_by_its_name_with_a_pointer() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (mut socket, _) = Socket::greet(&served, &hub.home.kitchen, &[]).await;
    let deep = (0..8).fold(json!({}), |inner, _| json!({"a": inner}));
    for (state, more, at) in [
        (json!([]), json!({}), "/state"),
        (json!({"a": "\0"}), json!({}), "/state/a"),
        (json!({"": 1}), json!({}), "/state"),
        (deep, json!({}), "/state/a/a/a/a/a/a/a/a"),
        (json!({"text": "x".repeat(16 * 1024)}), json!({}), "/state"),
        (json!({}), json!({"whole": "yes"}), "/whole"),
        (json!({}), json!({"reached": "all"}), "/reached"),
        (json!({}), json!({"reached": -1}), "/reached"),
    ] {
        let answer = reports(&mut socket, "r", state, more).await;
        assert_eq!(refused(answer, "r"), (ErrorCode::Invalid, at.to_owned()));
    }
    // Without a good name there is none to refuse it by.
    for bad in [json!(7), json!(""), json!("x".repeat(200))] {
        let said = json!({"type": "report", "report_id": bad, "state": {}});
        socket.says_text(&said.to_string()).await;
        let HubFrame::Error(notice) = socket.hears().await else {
            panic!("{bad} is a name");
        };
        assert_eq!(notice.errors[0].pointer, "/report_id");
    }
    assert_eq!(hub.sql().count("device_shadows", "true").await, 0);
}

#[tokio::test]
async fn what_somebodys_own_device_reports_is_theirs() {
    let hub = TestHub::start().await;
    let served = Served::start(&hub).await;
    let (bob, kitchen) = (hub.member("bob").await, &hub.home.kitchen);
    let his = format!(
        "update hub.devices set person_id = '{}' where id = '{}'",
        bob.person, kitchen.id
    );
    hub.sql().execute(&his).await;
    let (mut socket, _) = Socket::greet(&served, kitchen, &[]).await;
    assert_eq!(
        reports(&mut socket, "r", json!({"steps": 9}), json!({})).await,
        kept("r", 1)
    );
    let of_others = format!(
        "type in ('device.reported', 'device.presence') and audience_person_id is distinct from '{}'",
        bob.person
    );
    assert_eq!(hub.sql().count("events", &of_others).await, 0);
    assert_eq!(said(&hub, "device.reported").await.len(), 1);
}
