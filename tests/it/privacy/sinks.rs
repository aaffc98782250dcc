//! Every sink, with its space closed: by the switch, and by a mode that nobody knows. Whatever comes then has a word in it that must
//! not be found anywhere.

use axum::http::Method;
use hub::{
    devices::report::Reported,
    events::ingest::Outcome,
    ids::{CommandId, TurnId},
    jobs::worker::run_next,
    memory::embedding::Dimensions,
    places::PrivacyMode,
    turns::TurnState,
};
use serde_json::json;
use support::{Answer, Client, EmbeddingServer, Rest, TestHub, User, heard, thing, turn_of};

use super::{kept, switched_at};

const MODEL: &str = "scripted-embeddings";
const MODELS: &[(&str, Dimensions)] = &[(MODEL, Dimensions::D384)];
/// Stands in everything that comes once the space is closed.
const WORD: &str = "xylophone";
/// The SHA-256 of `xylophone`.
const DIGEST: &str = "ee726105e930b4a502901f9a725b1dac59aab4cfad6a568032a8606c4d6d336e";

/// A kitchen in which all kinds of things are under way.
struct Kitchen {
    hub: TestHub,
    embedder: EmbeddingServer,
    rest: Rest,
    ada: User,
    owner: Client,
    sent_before: usize,
    command: CommandId,
    turn: TurnId,
    announced: Answer,
}

impl Kitchen {
    async fn busy() -> Self {
        let embedder = EmbeddingServer::start(MODELS).await;
        let hub = TestHub::builder().config(embedder.used_as(MODEL)).start().await;
        let ada = hub.owner("ada").await;
        let rest = Rest::of(&hub);
        let owner = rest.user(&ada).await;
        let (kitchen, office) = (&hub.home.kitchen, &hub.home.office);
        kitchen.connects(&["speaker.say"]).await;
        office.connects(&["speaker.say"]).await;
        kitchen.hears("remember that the safe opens with 4711").await;
        assert!(run_next(&hub).await.unwrap(), "the turn runs");
        kitchen.takes().await;
        let body = json!({"device_id": kitchen.id, "kind": "speaker.say", "arguments": {"text": "hello"}});
        let sent = owner.post("commands", body).await.expect(201);
        let command: CommandId = CommandId(sent.text("/id").parse().unwrap());
        kitchen.takes().await;
        kitchen.acknowledges(command).await.unwrap();
        let file = json!({"name": "song", "media_type": "text/plain", "size_bytes": 9, "sha256": DIGEST,
            "space_id": kitchen.space});
        let announced = owner.post("artifacts", file).await.expect(201);
        kitchen.hears("tell the office that dinner is ready").await;
        // The embeddings of the first memories, and the turn, whose memory has none yet.
        for _ in 0..2 {
            assert!(run_next(&hub).await.unwrap());
        }
        assert_eq!(hub.sql().count("actions", "state = 'proposed'").await, 1);
        kitchen.takes().await;
        let turn = turn_of(&kitchen.hears("remember that the cellar opens with 0815").await);
        Self {
            sent_before: embedder.texts().len(),
            hub,
            embedder,
            rest,
            ada,
            owner,
            command,
            turn,
            announced,
        }
    }

    /// All that can be said there, is.
    async fn everything(&self) {
        let kitchen = &self.hub.home.kitchen;
        let said = format!("remember that the word is {WORD}");
        let outcomes = kitchen
            .sends(vec![heard(&said), thing(json!({"word": WORD}))])
            .await
            .unwrap();
        let discarded = Outcome::Discarded {
            reason: "privacy_mode",
        };
        assert!(
            outcomes.iter().all(|outcome| *outcome == discarded),
            "{outcomes:?}"
        );
        let reported = kitchen.reports(json!({"shows": WORD})).await.unwrap();
        assert_eq!(reported, Reported::Discarded);
        self.files().await;
        kitchen.notes(self.command, WORD).await.unwrap();
        kitchen
            .succeeds(self.command, json!({"heard": WORD}))
            .await
            .unwrap();
        kitchen.leaves().await.unwrap();
        kitchen.connects(&["speaker.say"]).await;
        self.hub.run_jobs().await;
        self.hub.backfill().await;
        self.hub.run_jobs().await;
    }

    async fn files(&self) {
        let space = self.hub.home.kitchen.space;
        let file = json!({"name": WORD, "media_type": "text/plain", "size_bytes": 9, "sha256": DIGEST, "space_id": space});
        let _ = self
            .owner
            .post("artifacts", file)
            .await
            .refuses(409, "privacy_mode");
        let put = self
            .rest
            .nobody()
            .ask(Method::PUT, self.announced.text("/upload/url"));
        let put = put.raw(WORD).header("content-type", "text/plain");
        let _ = put.send().await.refuses(409, "privacy_mode");
        let complete = format!("artifacts/{}/complete", self.announced.text("/artifact/id"));
        // There are no bytes, whoever else looks for them.
        let _ = self
            .owner
            .post(&complete, json!({}))
            .await
            .refuses(409, "not_uploaded");
    }

    /// Nothing of it is anywhere, and nothing of what was kept before is used.
    async fn nothing_is_left(&self, switched_at: i64) {
        let (hub, space) = (&self.hub, self.hub.home.kitchen.space);
        assert_eq!(kept(hub, WORD).await, Vec::<String>::new());
        let after: Vec<String> = hub
            .sql()
            .values(&format!(
                "select distinct type from hub.events where space_id = '{space}' and position > {switched_at} order by 1"
            ))
            .await;
        assert!(
            after
                .iter()
                .all(|kind| ["command.changed", "turn.ended"].contains(&kind.as_str())),
            "{after:?}"
        );
        let turn = hub.home.turn(self.turn).await;
        assert_eq!(
            (turn.state, turn.reason.as_deref()),
            (TurnState::Skipped, Some("privacy_mode"))
        );
        assert_eq!(
            kept(hub, "0815").await,
            ["events"],
            "what was said before the switch stays as it was"
        );
        let command = hub
            .home
            .whole()
            .await
            .commands()
            .find(self.command)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((command.state.as_str(), command.result), ("succeeded", None));
        let progress = format!(
            "id = '{}' and progress is not null and progress ->> 'note' is not null",
            self.command
        );
        assert_eq!(hub.sql().count("commands", &progress).await, 0);
        let sent = self.embedder.texts().len();
        assert_eq!(sent, self.sent_before, "something left the house");
        assert_eq!(
            hub.sql().count("embeddings_384", "true").await,
            2,
            "those of before"
        );
    }

    /// What was learnt there is not used while it is closed.
    async fn nothing_is_recalled(&self) {
        assert_eq!(self.ada.recalls("what opens the safe").await.len(), 0);
        let office = &self.hub.home.office;
        office.hears("what do you remember about the safe").await;
        self.hub.run_jobs().await;
        let told: Vec<String> = office
            .takes()
            .await
            .into_iter()
            .map(|command| command.arguments.to_string())
            .collect();
        assert!(
            !told.is_empty() && told.iter().all(|told| !told.contains("4711")),
            "{told:?}"
        );
    }
}

#[tokio::test]
async fn a_private_space_keeps_nothing_and_uses_nothing() {
    let kitchen = Kitchen::busy().await;
    let space = kitchen.hub.home.kitchen.space;
    kitchen
        .hub
        .home
        .set_privacy(space, PrivacyMode::Private)
        .await
        .unwrap();
    kitchen.everything().await;
    let at = switched_at(&kitchen.hub, space).await;
    kitchen.nothing_is_left(at).await;
    kitchen.nothing_is_recalled().await;
    // What was there before is there again; nothing of the time between is.
    kitchen
        .hub
        .home
        .set_privacy(space, PrivacyMode::Normal)
        .await
        .unwrap();
    assert!(!kitchen.ada.recalls("what opens the safe").await.is_empty());
    assert_eq!(kept(&kitchen.hub, WORD).await, Vec::<String>::new());
}

/// As a later version of the hub may have written it.
#[tokio::test]
async fn a_mode_that_nobody_knows_closes_every_sink() {
    let kitchen = Kitchen::busy().await;
    let sql = kitchen.hub.sql();
    let at: i64 = sql.value("select max(position) from hub.events").await;
    sql.execute(&format!(
        "alter table hub.spaces drop constraint spaces_privacy_mode_check;
         update hub.spaces set privacy_mode = 'veiled' where id = '{}'",
        kitchen.hub.home.kitchen.space
    ))
    .await;
    kitchen.everything().await;
    kitchen.nothing_is_left(at).await;
    kitchen.nothing_is_recalled().await;
}

/// The words of a proposal from a private room are shown to no model, whichever room asks.
#[tokio::test]
async fn what_a_private_room_has_proposed_is_not_read_by_another_rooms_turn() {
    use support::ScriptedRuntime;
    let runtime = ScriptedRuntime::default();
    let hub = TestHub::builder().runtime(runtime.clone()).start().await;
    let (kitchen, office) = (&hub.home.kitchen, &hub.home.office);
    office.connects(&["speaker.say"]).await;
    runtime.then(hub::turns::runtime::Thought {
        actions: vec![hub::actions::propose::ActionProposal {
            tool: "device_command".to_owned(),
            summary: format!("Say {WORD} in the office"),
            arguments: json!({"device_id": office.id, "kind": "speaker.say", "arguments": {"text": "hello"}}),
        }],
        ..Default::default()
    });
    kitchen.hears("say it").await;
    hub.run_jobs().await;
    let mut read = Vec::new();
    for mode in [PrivacyMode::Normal, PrivacyMode::Private] {
        hub.home.set_privacy(kitchen.space, mode).await.unwrap();
        runtime.then_say("yes");
        office.hears("what waits").await;
        hub.run_jobs().await;
        let seen = runtime.seen();
        let waiting = &seen.last().unwrap().waiting_actions;
        read.push(waiting[0].summary.is_some());
    }
    assert_eq!(read, [true, false]);
}
