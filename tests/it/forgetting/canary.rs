//! Strings are planted by every way in, and forgotten; then every file is searched for them: those of the database and of what it
//! writes ahead, the audit log and its export, and the artifacts.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use axum::http::Method;
use chrono::Duration;
use hub::{
    artifacts::sweep::sweep,
    devices::{
        Socket,
        report::{Report, report},
    },
    erasures::scrub::{Scrubbed, scrub},
    identity::Trust,
    ids::CommandId,
    jobs::worker::run_next,
    turns::runtime::{RuntimeError, Thought},
};
use serde_json::{Value, json};
use support::{Client, Cluster, ScriptedRuntime, TestDevice, TestHub, thing};

use super::{Story, stores::hold_words};
use crate::sample::PASSWORD;

/// What stands in every one of them, and nowhere else.
const MARK: &str = "kanari";

/// The SHA-256 of the word for bytes: whoever guesses a text could make sure by it.
const DIGEST: &str = "ad92ad9b7550accc749f1b8b4c3fd112cff34ffb3c77f4ae325dc981f06f5896";

/// Every way in that a text has, by the word that is planted there.
const WAYS: [&str; 28] = [
    "transcript",
    "participant",
    "third",
    "message",
    "action",
    "decision",
    "progress",
    "result",
    "answer",
    "name",
    "bytes",
    "alone",
    "person",
    "relationship",
    "attributed",
    "command",
    "report",
    "desired",
    "alias",
    "evidence",
    "failed",
    "invited",
    "key",
    "medium",
    "reason",
    "rejected",
    "resolved",
    "streamed",
];

/// What the model has said on its way.
const STREAMED: &str = "kanari0streamed";

fn word(way: &str) -> String {
    format!("{MARK}0{way}")
}

/// The words that the files of a folder hold, each with where; the digest in digits or as it is.
fn found_in(folder: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let bytes = DIGEST
        .as_bytes()
        .chunks(2)
        .map(|digits| format!(r"\x{}", digits.escape_ascii()));
    let raw: String = bytes.collect();
    let pattern = format!("{MARK}0({})|{DIGEST}|{raw}", WAYS.join("|"));
    let grep = Command::new("grep")
        .args(["-r", "-a", "-o", "-i", "-P", "-H", "-e", &pattern])
        .arg(folder)
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    // 1: nothing was found.
    assert!(
        grep.status.code().is_some_and(|code| code <= 1),
        "the files could not be searched"
    );
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in String::from_utf8_lossy(&grep.stdout).lines() {
        let (file, word) = line.rsplit_once(':').unwrap();
        let word = if word.is_ascii() { word } else { DIGEST };
        found
            .entry(word.to_lowercase())
            .or_default()
            .insert(file.trim_start_matches(&folder.display().to_string()).to_owned());
    }
    found
}

/// Says something by every way in. What is to be forgotten comes back, each with who has that done.
async fn plant(story: &Story) -> Vec<(Client, String)> {
    let (kitchen, office) = (&story.hub.home.kitchen, &story.hub.home.office);
    office.connects(&["speaker.say"]).await;
    kitchen.connects(&[]).await;
    let mut heard = support::heard(&format!("remember that {}", word("transcript")));
    heard.payload["participant"] = json!(word("participant"));
    kitchen
        .sends(vec![heard, thing(json!({"n": word("third")}))])
        .await
        .unwrap();
    story.hub.run_jobs().await;
    story
        .hears(&format!(
            "remember {} and {} alone",
            word("alone"),
            word("answer")
        ))
        .await;
    story
        .hears(&format!("what do you remember about {}", word("alone")))
        .await;
    // A reply on its way, and one that was taken.
    for reply in kitchen.takes().await {
        kitchen.acknowledges(reply.id).await.unwrap();
        kitchen.succeeds(reply.id, json!({})).await.unwrap();
    }
    act(story).await;
    fail(story).await;
    think(story).await;
    decide(story).await;
    let person = meet(story).await;
    let bob = of_bobs(story).await;
    let carol = invite(story).await;
    story
        .says(&story.bob, &format!("remember that {}", word("message")))
        .await;
    let bobs = story.bob.get("memories?limit=1").await.expect(200);
    let artifact = upload(story, &story.bob).await;
    let session = bobs.text("/items/0/session_id").to_owned();
    let adas = story
        .owner
        .get("events?types=transcript&limit=1")
        .await
        .expect(200);
    let third = story
        .owner
        .get("events?types=x.test.thing&limit=1")
        .await
        .expect(200);
    let (owner, theirs) = (&story.owner, &story.bob);
    vec![
        (
            owner.clone(),
            format!("sessions/{}/forget", adas.text("/items/0/session_id")),
        ),
        (
            owner.clone(),
            format!("events/{}/forget", third.text("/items/0/id")),
        ),
        (owner.clone(), format!("people/{person}/forget")),
        (theirs.clone(), format!("sessions/{session}/forget")),
        (theirs.clone(), format!("artifacts/{artifact}")),
        (theirs.clone(), format!("people/{bob}/forget")),
        (carol, format!("people/{}/forget", story.person("carol").await)),
    ]
}

/// Somebody without a login, who is heard in the office.
async fn meet(story: &Story) -> String {
    let new = json!({"name": word("person"), "aliases": ["voice-7", word("alias")],
        "relationship": word("relationship")});
    let made = story.owner.post("people", new).await.expect(201);
    let consents = format!("people/{}/consents", made.text("/id"));
    let voice = json!({"purpose": "voice", "evidence": word("evidence")});
    let granted = story.owner.ask(Method::POST, &consents).json(&voice);
    let granted = granted.header("idempotency-key", "evidence").send().await;
    let _ = granted.expect(201);
    let mut heard = support::heard(&format!("remember that {}", word("attributed")));
    heard.payload["participant"] = json!("Voice-7");
    story.hub.home.office.sends(vec![heard]).await.unwrap();
    story.hub.run_jobs().await;
    made.text("/id").to_owned()
}

/// What Bob sends, and what his own device says and should be like. Who he is.
async fn of_bobs(story: &Story) -> String {
    let office = &story.hub.home.office;
    let command = json!({"device_id": office.id, "kind": "speaker.say", "arguments": {"text": word("command")},
            "supersede_key": word("key")});
    let _ = story.bob.post("commands", command).await.expect(201);
    let home = &story.hub.home;
    let phone = home.satellite("phone", home.elsewhere, Trust::Household).await;
    let bob = story.person("bob").await;
    let owned = format!(
        "update hub.devices set person_id = '{bob}' where id = '{}'",
        phone.id
    );
    story.hub.sql().execute(&owned).await;
    let connected = phone.connects(&[]).await;
    let socket = Socket {
        device: phone.id,
        node: story.hub.node,
        generation: connected.generation,
    };
    let said = Report {
        state: json!({"shows": word("report")}).as_object().unwrap().clone(),
        is_whole: true,
        reached: None,
    };
    let mut tx = story.hub.home.whole().await;
    report(&mut tx, socket, &said).await.unwrap();
    tx.commit().await.unwrap();
    let wanted = json!({"expected_version": 0, "desired": {"shows": word("desired")}});
    let _ = story
        .bob
        .patch(&format!("devices/{}/shadow", phone.id), wanted)
        .await
        .expect(200);
    bob
}

/// Whoever comes by an invitation is called as it says.
async fn invite(story: &Story) -> Client {
    let new = json!({"role": "member", "name": word("invited")});
    let invited = story.owner.ask(Method::POST, "invitations").json(&new);
    let invited = invited.header("idempotency-key", "invited").send().await;
    let body = json!({"code": invited.expect(201).text("/code"), "name": "carol", "password": PASSWORD});
    let joined = story.rest.nobody().post("/v1/invitations/accept", body).await;
    story.rest.bearer(joined.expect(201).text("/access_token"))
}

/// The office is asked to say something, by a device; the action waits.
async fn proposes(story: &Story, by: &TestDevice, what: &str) -> String {
    by.hears(&format!("tell the office that {what} is ready")).await;
    story.hub.run_jobs().await;
    let waiting = story
        .owner
        .get("actions?state=proposed&limit=1")
        .await
        .expect(200);
    waiting.text("/items/0/id").to_owned()
}

/// Somebody approves it, and the office begins. The command.
async fn begins(story: &Story, by: &Client, action: &str, said: Value) -> CommandId {
    let approve = by
        .ask(Method::POST, &format!("actions/{action}/approve"))
        .json(&said)
        .header("idempotency-key", action);
    let _ = approve.send().await.expect(200);
    story.hub.run_jobs().await;
    let office = &story.hub.home.office;
    let mut taken = office.takes().await.into_iter();
    // A reply may be on its way there, too.
    let command = taken.find(|command| command.kind == "speaker.say").unwrap();
    office.acknowledges(command.id).await.unwrap();
    command.id
}

/// An action, with a reason, a kept answer, progress and a result.
async fn act(story: &Story) {
    let (kitchen, office) = (&story.hub.home.kitchen, &story.hub.home.office);
    let action = proposes(story, kitchen, &word("action")).await;
    let reason = json!({"reason": word("decision")});
    let command = begins(story, &story.owner, &action, reason).await;
    office.notes(command, &word("progress")).await.unwrap();
    office
        .succeeds(command, json!({"said": word("result")}))
        .await
        .unwrap();
}

/// One that did not work, as its device says.
async fn fail(story: &Story) {
    let (kitchen, office) = (&story.hub.home.kitchen, &story.hub.home.office);
    let action = proposes(story, kitchen, "tea").await;
    let command = begins(story, &story.owner, &action, json!({})).await;
    office.fails(command, &word("failed")).await.unwrap();
}

/// What Bob says to what the household wants, which stays: one is rejected, of one nobody knows what became.
async fn decide(story: &Story) {
    let (office, bob) = (&story.hub.home.office, &story.bob);
    let action = proposes(story, office, "dinner").await;
    let reason = json!({"reason": word("rejected")});
    let _ = bob
        .post(&format!("actions/{action}/reject"), reason)
        .await
        .expect(200);
    let action = proposes(story, office, "supper").await;
    begins(story, bob, &action, json!({})).await;
    story.hub.clock.advance(Duration::minutes(3));
    story.hub.sweep().await;
    let done = json!({"resolution": "done", "reason": word("resolved")});
    let _ = bob
        .post(&format!("actions/{action}/resolve"), done)
        .await
        .expect(200);
}

/// A model that tells what it thinks, and one that refuses and says why.
async fn think(story: &Story) {
    let runtime = ScriptedRuntime::default();
    let other = story.hub.another_process(runtime.clone());
    runtime.then_say_and_hold(STREAMED, Thought::default()).go_on();
    runtime.then_fail(RuntimeError::Refused(word("reason")));
    for said in ["hello", "hello again"] {
        story.hub.home.kitchen.hears(said).await;
        assert!(run_next(&other).await.unwrap(), "no turn was thought through");
    }
    assert_eq!(story.hub.dead_jobs().await.len(), 1);
    other.db.close().await;
}

async fn upload(story: &Story, by: &Client) -> String {
    let (bytes, media_type) = (word("bytes"), format!("text/{}", word("medium")));
    let new = json!({"name": word("name"), "media_type": media_type, "size_bytes": bytes.len(), "sha256": DIGEST,
        "is_private": true});
    let made = by.post("artifacts", new).await.expect(201);
    let sent = story
        .rest
        .nobody()
        .ask(Method::PUT, made.text("/upload/url"))
        .raw(bytes)
        .header("content-type", &media_type);
    let _ = sent.send().await.expect(200);
    let id = made.text("/artifact/id").to_owned();
    let completed = by.ask(Method::POST, &format!("artifacts/{id}/complete"));
    let _ = completed.send().await.expect(200);
    id
}

/// How the story goes on after everything was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Kept,
    Erased,
    Scrubbed,
}

/// The whole story; what the files hold at its end.
async fn told(how: Told) -> BTreeMap<String, BTreeSet<String>> {
    let cluster = Cluster::start().await;
    let story = Story::on(TestHub::builder().cluster(&cluster).start().await).await;
    let all = plant(&story).await;
    // As autovacuum would, and what was changed is in the log in full.
    story.hub.sql().execute("analyze; checkpoint").await;
    if how != Told::Kept {
        forget(&story, &all).await;
    }
    if how == Told::Scrubbed {
        scrubbed(&story).await;
    }
    let store = crate::audit::open_store(&story.hub);
    crate::audit::keep(&story.hub, &*store).await.unwrap();
    crate::audit::everything_is_kept(&story.hub, &*store).await;
    story.hub.db.close().await;
    story.hub.sql().pool().close().await;
    cluster.stop().await;
    let mut found = found_in(&cluster.files());
    for (word, files) in found_in(&story.hub.config.dir.0) {
        found.entry(word).or_default().extend(files);
    }
    found
}

async fn forget(story: &Story, all: &[(Client, String)]) {
    for (by, path) in all {
        if path.starts_with("artifacts/") {
            let _ = by.delete(path).await.expect(204);
        } else {
            let _ = by.post(path, json!({})).await.expect(200);
        }
    }
    assert_eq!(
        story.holds(MARK).await,
        [] as [String; 0],
        "it can be read after the commit"
    );
}

async fn scrubbed(story: &Story) {
    sweep(&story.hub).await.unwrap();
    story.hub.clock.advance(Duration::minutes(11));
    let done = scrub(&story.hub).await.unwrap();
    let erasures = story.hub.sql().count("erasures", "true").await.unsigned_abs();
    assert_eq!(done, Scrubbed::Done { erasures, wal: true });
    let left: Vec<Value> = story.owner.get("erasures").await.expect(200).items().to_vec();
    assert!(
        left.iter().all(|erasure| erasure["wal"] == "turned_over"),
        "{left:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forgotten_is_in_no_file() {
    let found = told(Told::Scrubbed).await;
    assert_eq!(found, BTreeMap::new());
}

/// What is deleted is on the disk until it is scrubbed.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_forgotten_is_in_files_until_the_scrub() {
    let found = told(Told::Erased).await;
    assert!(found.contains_key(&word("transcript")), "{found:?}");
}

/// The same without forgetting: each of the strings is found, so that the test above can fail.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_forgotten_is_found() {
    let found = told(Told::Kept).await;
    let words: BTreeSet<String> = found.into_keys().collect();
    let planted = WAYS.map(word).into_iter().chain([DIGEST.to_owned()]);
    assert_eq!(words, planted.collect());
}

/// Every column that forgetting empties was planted before, and nothing was where it does not reach.
#[tokio::test]
async fn what_forgetting_empties_held_something() {
    let story = Story::new().await;
    let all = plant(&story).await;
    let held: BTreeSet<String> = story
        .holds(MARK)
        .await
        .iter()
        .filter_map(|place| Some(place.split_once(':')?.0.to_owned()))
        .collect();
    assert_eq!(
        held,
        hold_words(),
        "what is planted by which way, and is it erased (stores.rs)?"
    );
    forget(&story, &all).await;
}
