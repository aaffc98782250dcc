//! However many turns wait in a room that goes private: none of them runs, also when it is opened again at once.

use hub::{places::PrivacyMode, turns::TurnState};
use support::{Rest, TestHub, turn_of};

/// More than anybody would end one by one, and than one session holds.
const WAITING: i64 = 1_200;
const OPEN: &str = "state in ('queued', 'running', 'waiting')";

/// As many turns more as wait already for something that was said in the kitchen, each with words and a job of its own.
async fn queue_more(hub: &TestHub, more: i64) {
    hub.sql()
        .execute(&format!(
            "create temp table more as select row_number() over () as n, gen_random_uuid() as event, gen_random_uuid() as turn
               from generate_series(1, {more});
             insert into hub.events (agent_id, id, epoch, position, type, payload, payload_salt, recorded_at, space_id, session_id,
                 device_id, source_kind, source_id, trust)
               select e.agent_id, m.event, e.epoch, h.position + m.n, e.type, e.payload, e.payload_salt, e.recorded_at, e.space_id,
                 e.session_id, e.device_id, e.source_kind, e.source_id, e.trust
               from more m, hub.events e join hub.agent_heads h on h.agent_id = e.agent_id
               where e.id = (select event_id from hub.turn_inputs);
             update hub.agent_heads set position = position + {more} where agent_id = '{agent}';
             insert into hub.turns (agent_id, id, session_id, state, created_at)
               select t.agent_id, m.turn, t.session_id, case m.n % 3 when 0 then 'waiting' else 'queued' end, t.created_at
               from more m, hub.turns t;
             insert into hub.turn_inputs (agent_id, turn_id, ordinal, event_id) select '{agent}', turn, 1, event from more;
             insert into hub.jobs (id, agent_id, kind, lane, payload, state, run_at, created_at)
               select gen_random_uuid(), j.agent_id, j.kind, j.lane, jsonb_build_object('subject', m.turn), 'queued', j.run_at,
                 j.created_at from more m, hub.jobs j;
             drop table more",
            agent = hub.home.agent
        ))
        .await;
}

#[tokio::test]
async fn all_that_wait_end_however_many_they_are() {
    let hub = TestHub::start().await;
    let (home, kitchen) = (&hub.home, &hub.home.kitchen);
    let first = turn_of(&kitchen.hears("remember that the safe opens with 4711").await);
    queue_more(&hub, WAITING - 1).await;
    assert_eq!(hub.sql().count("turns", OPEN).await, WAITING);
    home.set_privacy(kitchen.space, PrivacyMode::Private)
        .await
        .unwrap();
    home.set_privacy(kitchen.space, PrivacyMode::Normal)
        .await
        .unwrap();
    hub.run_jobs().await;
    let skipped = "state = 'skipped' and reason = 'privacy_mode' and attempt = 0";
    assert_eq!(hub.sql().count("turns", skipped).await, WAITING);
    assert_eq!(hub.sql().count("memories", "true").await, 0);
    assert_eq!(hub.sql().count("jobs", "state <> 'done'").await, 0);
    // Whoever follows any of them is told once, and so is the log.
    assert_eq!(hub.sql().count("turn_stream", "true").await, WAITING);
    let ends: i64 = hub
        .sql()
        .value("select count(distinct turn_id) from hub.turn_stream where kind = 'skipped' and ordinal = 1")
        .await;
    assert_eq!(ends, WAITING);
    let told: i64 = hub
        .sql()
        .value(
            "select count(distinct payload ->> 'turn_id') from hub.events where type = 'turn.ended'
               and payload ->> 'reason' = 'privacy_mode' and payload ->> 'state' = 'skipped'",
        )
        .await;
    assert_eq!(told, WAITING);
    assert_eq!(hub.sql().count("events", "type = 'turn.ended'").await, WAITING);
    let recorded =
        format!("operation = 'update_space' and body::jsonb #>> '{{details,cancelled_turns}}' = '{WAITING}'");
    assert_eq!(hub.sql().count("audit_entries", &recorded).await, 1);
    assert_eq!(hub.home.turn(first).await.state, TurnState::Skipped);
    // The room is as it was before.
    let next = turn_of(&kitchen.hears("hello").await);
    hub.run_jobs().await;
    assert_eq!(hub.home.turn(next).await.state, TurnState::Planned);
}

/// It is the same for a session that is not recorded any more.
#[tokio::test]
async fn all_of_a_session_end_that_is_switched_off() {
    let hub = TestHub::start().await;
    let owner = Rest::of(&hub).user(&hub.owner("ada").await).await;
    hub.home
        .kitchen
        .hears("remember that the safe opens with 4711")
        .await;
    queue_more(&hub, WAITING - 1).await;
    let session: String = hub.sql().value("select id::text from hub.sessions").await;
    for is_recorded in [false, true] {
        let change = serde_json::json!({"is_recorded": is_recorded});
        let _ = owner
            .patch(&format!("sessions/{session}"), change)
            .await
            .expect(200);
    }
    hub.run_jobs().await;
    let skipped = "state = 'skipped' and reason = 'no_recording' and attempt = 0";
    assert_eq!(hub.sql().count("turns", skipped).await, WAITING);
}

/// What is said just before the switch has its place in the log before it, and its turn ends with it, also where the switch was on
/// its way already.
#[tokio::test]
async fn a_turn_that_is_queued_while_the_switch_waits_ends_with_it() {
    let hub = TestHub::start().await;
    let (home, kitchen) = (&hub.home, &hub.home.kitchen);
    kitchen.hears("hello").await;
    let mut other = hub.sql().pool().begin().await.unwrap();
    let held = "select from hub.agent_heads for update";
    sqlx::Executor::execute(&mut *other, held).await.unwrap();
    let switch = home.set_privacy(kitchen.space, PrivacyMode::Private);
    let late = async {
        assert!(hub.sql().waits_for_locks(1).await);
        sqlx::Executor::execute(
            &mut *other,
            "insert into hub.turns (agent_id, id, session_id, state, created_at)
             select agent_id, gen_random_uuid(), session_id, 'queued', created_at from hub.turns",
        )
        .await
        .unwrap();
        other.commit().await.unwrap();
    };
    let (switched, ()) = tokio::join!(switch, late);
    switched.unwrap();
    assert_eq!(hub.sql().count("turns", OPEN).await, 0);
    hub.run_jobs().await;
}
