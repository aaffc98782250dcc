//! Appends through the whole ingest (socket, session, head, privacy, duplicates, turn, job, audit entry) beside a bare insert
//! of the same rows into the same table.

use std::time::{Duration, Instant};

use hub::{devices::Socket, events::ingest::ingest_over, sessions::find::Talk};
use support::{TestHub, heard};

const TEXT: &str = "Okay, Houston, we've had a problem here. Stand by, thirteen, we're looking at it.";

pub(crate) async fn measure(round: Duration) {
    let hub = TestHub::start().await;
    hub.expect_leftovers();
    let bare = hub.household("bare").await;
    bare.kitchen.hears(TEXT).await;
    for size in [100, 1] {
        // Alternating, so that both see the same machine.
        let (mut bare_rate, mut hub_rate) = (0.0, 0.0);
        for _ in 0..4 {
            bare_rate += bare_inserts(&hub, &bare, size, round / 4).await / 4.0;
            hub_rate += appends(&hub, size, round / 4).await / 4.0;
        }
        let share = 100.0 * hub_rate / bare_rate;
        println!(
            "  {size:>3} a batch   bare insert {bare_rate:>8.0}/s   hub {hub_rate:>8.0}/s   {share:>3.0} %"
        );
    }
}

/// Rows like the one that the hub wrote for the first transcript, column by column; ids in order of time, as the hub's.
async fn bare_inserts(hub: &TestHub, agent: &support::Household, size: i64, round: Duration) -> f64 {
    let insert = format!(
        "insert into hub.events (agent_id, id, epoch, position, type, payload, payload_salt, retain_until, occurred_at,
           recorded_at, space_id, session_id, device_id, person_id, audience_person_id, source_kind, source_id, client_id,
           client_digest, trust)
         select e.agent_id,
           (lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
             || substr(md5(random()::text), 1, 19))::uuid, e.epoch, last.position + n, e.type, e.payload, e.payload_salt,
           e.retain_until, e.occurred_at, now(), e.space_id, e.session_id, e.device_id, e.person_id,
           e.audience_person_id, e.source_kind, e.source_id, 'client-' || (last.position + n), e.client_digest, e.trust
         from (select * from hub.events where agent_id = '{agent}' and type = 'transcript' order by position limit 1) e,
           (select max(position) as position from hub.events where agent_id = '{agent}') last,
           generate_series(1, {size}) as n",
        agent = agent.agent,
    );
    let (started, mut inserted) = (Instant::now(), 0);
    while started.elapsed() < round {
        hub.sql().execute(&insert).await;
        inserted += size;
    }
    rate(inserted, started)
}

/// What a greeted socket does with each of its frames.
async fn appends(hub: &TestHub, size: i64, round: Duration) -> f64 {
    let kitchen = &hub.home.kitchen;
    let caller = kitchen.caller().await.unwrap();
    let socket = Socket {
        device: kitchen.id,
        node: hub.node,
        generation: kitchen.connects(&[]).await.generation,
    };
    let talk = Talk::Voice {
        space: kitchen.space,
        audience: caller.person(),
    };
    let (started, mut appended) = (Instant::now(), 0);
    while started.elapsed() < round {
        let batch = (0..size).map(|_| heard(TEXT)).collect();
        ingest_over(hub, &caller, Some(socket), talk, batch)
            .await
            .unwrap();
        appended += size;
    }
    rate(appended, started)
}

fn rate(count: i64, started: Instant) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a count of events is small")]
    let count = count as f64;
    count / started.elapsed().as_secs_f64()
}
