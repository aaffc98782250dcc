//! Appends through the whole ingest (session, head, privacy, duplicates, turn, job, audit entry) beside a bare insert of the
//! same rows into the same table.

use std::time::{Duration, Instant};

use support::{TestHub, heard};

const TEXT: &str = "Okay, Houston, we've had a problem here. Stand by, thirteen, we're looking at it.";

pub(crate) async fn measure(round: Duration) {
    let hub = TestHub::start().await;
    hub.expect_leftovers();
    let bare = hub.household("bare").await;
    for size in [100, 1] {
        // Alternating, so that both see the same machine.
        let (mut bare_rate, mut hub_rate) = (0.0, 0.0);
        for _ in 0..2 {
            bare_rate += bare_inserts(&hub, &bare, size, round / 2).await / 2.0;
            hub_rate += appends(&hub, size, round / 2).await / 2.0;
        }
        let share = 100.0 * hub_rate / bare_rate;
        println!(
            "  {size:>3} a batch   bare insert {bare_rate:>8.0}/s   hub {hub_rate:>8.0}/s   {share:>3.0} %"
        );
    }
}

async fn bare_inserts(hub: &TestHub, agent: &support::Household, size: i64, round: Duration) -> f64 {
    let insert = format!(
        "insert into hub.events (agent_id, id, epoch, position, type, payload, payload_salt, recorded_at, space_id,
           source_kind, trust)
         select '{}', gen_random_uuid(), 1, (select coalesce(max(position), 0) from hub.events where agent_id = '{0}') + n,
           'transcript', jsonb_build_object('text', '{}'), decode(repeat('00', 32), 'hex'), now(), '{}', 'device',
           'household'
         from generate_series(1, {size}) as n",
        agent.agent,
        TEXT.replace('\'', "''"),
        agent.elsewhere
    );
    let (started, mut inserted) = (Instant::now(), 0);
    while started.elapsed() < round {
        hub.sql().execute(&insert).await;
        inserted += size;
    }
    rate(inserted, started)
}

async fn appends(hub: &TestHub, size: i64, round: Duration) -> f64 {
    let (started, mut appended) = (Instant::now(), 0);
    while started.elapsed() < round {
        let batch = (0..size).map(|_| heard(TEXT)).collect();
        hub.home.kitchen.sends(batch).await.unwrap();
        appended += size;
    }
    rate(appended, started)
}

fn rate(count: i64, started: Instant) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a count of events is small")]
    let count = count as f64;
    count / started.elapsed().as_secs_f64()
}
