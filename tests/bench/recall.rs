//! Recall at 100,000 memories, given the question's embedding, for agents that hold half, a tenth and a few of them. The vector
//! lane stands beside the same search as a superuser writes it, without row-level security, audience or function.
//!
//! The vectors lie in clusters, as texts about the same things do; uniform ones have no neighbours to speak of.

use std::time::{Duration, Instant};

use hub::{
    memory::{
        ask::Meaning,
        embedding::{Dimensions, Embedding, EmbeddingModel},
        recall::{Question, recall},
    },
    storage::TxScope,
};
use support::{Household, TestHub};

/// Rows, and the share of each agent in a thousand.
const ROWS: u32 = 100_000;
const SHARES: [(&str, u32); 3] = [("50 %", 500), ("10 %", 100), ("0.4 %", 4)];
/// Questions to each agent.
const QUESTIONS: usize = 200;
/// Results wanted, and what the lane reads for them.
const MOST: u32 = 10;
const DEPTH: i32 = 40;

pub(crate) async fn measure() {
    let hub = TestHub::start().await;
    hub.expect_leftovers();
    let mut agents = Vec::new();
    for (share, thousandths) in SHARES {
        agents.push((hub.household(share).await, thousandths));
    }
    let rest = 1000 - SHARES.iter().map(|(_, thousandths)| thousandths).sum::<u32>();
    agents.push((hub.household("the rest").await, rest));
    let began = Instant::now();
    fill(&hub, &agents).await;
    println!(
        "  {ROWS} memories and their index in {:.0} s",
        began.elapsed().as_secs_f64()
    );
    for ((share, _), (household, _)) in SHARES.iter().zip(&agents) {
        println!("  {share:>5}  {}", of_agent(&hub, household).await);
    }
}

/// 1,000 subjects, each a direction and a word; a memory is near one of them.
async fn fill(hub: &TestHub, agents: &[(Household, u32)]) {
    let mut bounds = Vec::new();
    let mut upto = 0;
    for (household, thousandths) in agents {
        let from = upto;
        upto += thousandths * ROWS / 1000;
        bounds.push(format!("('{}'::uuid, {from}, {upto})", household.agent));
    }
    let statements = format!(
        "select setseed(0.5);
         create temp table directions as select n, array_agg(random() * 2 - 1)::real[]::vector(384) as v
           from generate_series(0, 2999) n, generate_series(1, 384) d group by n;
         create index on directions (n);
         analyze directions;
         drop index hub.embeddings_384_nearest;
         create temp table made as
           select gen_random_uuid() as id, b.agent as agent, r.subject,
             l2_normalize(s.v + (x.v + y.v) * array_fill(0.4::real, array[384])::vector) as v,
             'subject' || r.subject || ' with word' || r.x || ' and word' || r.y || ' and word' || r.n % 700 || ' in it' as content
           from (select n, n % 1000 as subject, 1000 + floor(random() * 2000)::int as x,
                   1000 + floor(random() * 2000)::int as y from generate_series(0, {ROWS} - 1) n) r
           join (values {bounds}) b(agent, lower, upper) on (r.n * 7919::bigint) % {ROWS} >= b.lower
             and (r.n * 7919::bigint) % {ROWS} < b.upper
           join directions s on s.n = r.subject join directions x on x.n = r.x join directions y on y.n = r.y;
         insert into hub.memories (agent_id, id, tier, content, content_salt, words, importance, confidence, trust, lifecycle,
             space_id, valid_from, created_at)
           select m.agent, m.id, 'semantic', m.content, repeat('x', 32)::bytea, to_tsvector('english', m.content), 0.5, 1, 'owner',
             'committed', s.id, now(), now()
           from made m join hub.spaces s on s.agent_id = m.agent and s.name = 'kitchen';
         insert into hub.embeddings_384 (agent_id, owner_kind, owner_id, model, embedding, created_at)
           select agent, 'memory', id, 'bench', v, now() from made;
         set maintenance_work_mem = '512MB';
         create index embeddings_384_nearest on hub.embeddings_384 using hnsw (embedding vector_cosine_ops)
           with (m = 16, ef_construction = 64);
         analyze hub.memories",
        bounds = bounds.join(", ")
    );
    hub.sql().execute(&statements).await;
    hub.sql().execute("vacuum analyze hub.embeddings_384").await;
    hub.sql().execute("vacuum analyze hub.memories").await;
}

struct Asked {
    text: String,
    numbers: Vec<f32>,
}

/// Near what the agent remembers, and a little beside it.
async fn questions(hub: &TestHub, household: &Household) -> Vec<Asked> {
    let rows: Vec<(String, Vec<f32>)> = hub
        .sql()
        .rows(&format!(
            "select split_part(m.content, ' and ', 1), (e.embedding + f.embedding * array_fill(0.3::real, array[384])::vector)::real[]
             from hub.embeddings_384 e join hub.memories m on m.agent_id = e.agent_id and m.id = e.owner_id,
               (select embedding from hub.embeddings_384 order by owner_id limit 1) f
             where e.agent_id = '{}' order by md5(e.owner_id::text) limit {QUESTIONS}",
            household.agent
        ))
        .await;
    rows.into_iter()
        .map(|(text, numbers)| Asked { text, numbers })
        .collect()
}

async fn of_agent(hub: &TestHub, household: &Household) -> String {
    let model = EmbeddingModel {
        name: "bench".to_owned(),
        dimensions: Dimensions::D384,
    };
    let asked = questions(hub, household).await;
    let (mut whole, mut lane, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    let (mut found, mut wanted) = (0, 0);
    let mut direct = Bare::open(hub).await;
    // The first tenth warms up.
    for (number, asked) in asked.iter().enumerate() {
        let embedding = Embedding::of(asked.numbers.clone(), model.dimensions).unwrap();
        // Whoever comes second finds the pages warm, so they take turns.
        let mut of_bare = Duration::ZERO;
        if number % 2 == 0 {
            of_bare = direct.timed(household, &asked.numbers).await;
        }
        let mut tx = household.household_eyes().await;
        let began = Instant::now();
        let hits = tx.embeddings().nearest(&embedding, &model, DEPTH).await.unwrap();
        let of_lane = began.elapsed();
        drop(tx);
        if number % 2 == 1 {
            of_bare = direct.timed(household, &asked.numbers).await;
        }
        let meaning = Meaning::On {
            model: model.clone(),
            embedding,
            least_cosine: 0.3,
        };
        let of_whole = whole_recall(hub, household, &asked.text, &meaning).await;
        if number >= QUESTIONS / 10 {
            bare.push(of_bare);
            lane.push(of_lane);
            whole.push(of_whole);
        }
        if number % 10 == 0 {
            let exact = direct.search(household, &asked.numbers, "off").await;
            wanted += exact.len().min(10);
            let ours: Vec<_> = hits.iter().take(10).map(|hit| hit.id.0).collect();
            found += exact.iter().take(10).filter(|id| ours.contains(id)).count();
        }
    }
    let ratio = median(&mut lane) / median(&mut bare).max(1e-6);
    format!(
        "whole {}   lane {}   bare {}   lane/bare {ratio:.2}   of the nearest ten {found} of {wanted}",
        spread(&mut whole),
        spread(&mut lane),
        spread(&mut bare)
    )
}

/// As a request does it, its transaction included.
async fn whole_recall(hub: &TestHub, household: &Household, text: &str, meaning: &Meaning) -> Duration {
    let scope = TxScope::Agent {
        agent: household.agent,
        person: None,
        view: hub::places::View::All,
    };
    let question = Question {
        text,
        words: "english",
        meaning,
        most: MOST,
    };
    let began = Instant::now();
    let mut tx = hub.db.begin(scope, hub::identity::Actor::hub()).await.unwrap();
    let found = recall(&mut tx, &question).await.unwrap();
    assert!(!found.is_empty());
    drop(tx);
    began.elapsed()
}

/// A superuser's session, with the settings that the lane has.
struct Bare(sqlx::pool::PoolConnection<sqlx::Postgres>);

impl Bare {
    async fn open(hub: &TestHub) -> Self {
        let mut session = hub.sql().pool().acquire().await.unwrap();
        let settings = "set hnsw.iterative_scan = relaxed_order; set plan_cache_mode = force_custom_plan";
        sqlx::raw_sql(settings).execute(&mut *session).await.unwrap();
        Self(session)
    }

    async fn timed(&mut self, household: &Household, question: &[f32]) -> Duration {
        let began = Instant::now();
        self.search(household, question, "on").await;
        began.elapsed()
    }

    /// By the index, or without it.
    async fn search(&mut self, household: &Household, question: &[f32], index: &str) -> Vec<uuid::Uuid> {
        if index == "off" {
            sqlx::raw_sql("set enable_indexscan = off")
                .execute(&mut *self.0)
                .await
                .unwrap();
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "what no query of the hub does, to compare with"
        )]
        let found = sqlx::query_scalar(
            "select owner_id from hub.embeddings_384 where agent_id = $2 and model = 'bench'
             order by embedding <=> $1::real[]::vector(384) limit $3",
        )
        .bind(question)
        .bind(household.agent.0)
        .bind(DEPTH)
        .fetch_all(&mut *self.0)
        .await
        .unwrap();
        if index == "off" {
            sqlx::raw_sql("reset enable_indexscan")
                .execute(&mut *self.0)
                .await
                .unwrap();
        }
        found
    }
}

fn at(times: &mut [Duration], share: usize) -> f64 {
    times.sort();
    times[(times.len() * share / 100).min(times.len() - 1)].as_secs_f64() * 1000.0
}

fn median(times: &mut [Duration]) -> f64 {
    at(times, 50)
}

fn spread(times: &mut [Duration]) -> String {
    format!("p50 {:>5.2} p95 {:>6.2} ms", at(times, 50), at(times, 95))
}
