//! The people's commands beside a small hub: what they ask, and what they print.

use std::fs;

use clap::Args;
use serde_json::{Value, json};

use super::{
    approve, inbox, login, logout, recall, reject,
    remote::{
        Failure, Options, Remote,
        testing::{Folder, Printed, Small, action, beside_a_hub},
    },
    resolve, say,
};
use crate::{actions::ActionState, ids};

const PROPOSED: &str = "0198aaaa-0000-7000-8000-0000003f9a1c";
const UNKNOWN: &str = "0198aaaa-0000-7000-8000-00000077ab0e";

/// The arguments of a command as they are typed.
fn typed<A: Args>(words: &[&str]) -> A {
    let command = A::augment_args(clap::Command::new("hub")).no_binary_name(true);
    A::from_arg_matches(&command.try_get_matches_from(words).unwrap()).unwrap()
}

async fn signed_in(url: &super::remote::BaseUrl) -> (Folder, Remote, Printed, Printed) {
    let folder = Folder::new();
    folder.sign_in(url, 0, 900).await;
    let (hub, out, err) = folder.remote(&Options::default());
    (folder, hub, out, err)
}

fn turn(state: &str, reply: &str) -> Value {
    json!({
        "id": ids::fresh(), "session_id": ids::fresh(), "state": state, "reason": null, "waiting_for": null,
        "attempt": 1, "runtime": "offline", "usage": null, "input_event_ids": [], "reply_event_id": null,
        "reply": [{"type": "text", "text": reply}], "created_at": "2026-01-02T03:04:05Z", "finished_at": null,
    })
}

#[tokio::test]
async fn saying_prints_the_reply_and_what_waits() {
    let turn = turn("planned", "May I? \u{1b}[2J");
    let mut proposed = action(PROPOSED, ActionState::Proposed);
    proposed.turn_id = serde_json::from_value(turn["id"].clone()).unwrap();
    let other = action(UNKNOWN, ActionState::Proposed);
    let small = Small {
        turn,
        actions: vec![proposed, other],
        ..Small::default()
    };
    beside_a_hub(small, async |small, url| {
        let (_folder, mut hub, out, _) = signed_in(&url).await;
        let args = typed(&["tell", "the", "office"]);
        say::say(&args, &mut hub).await.unwrap();
        assert_eq!(
            out.text(),
            "May I? \u{fffd}[2J\n\nProposed, and waiting for you (hub inbox):\n  3f9a1c  Say \"dinner is ready\" in the office\n"
        );
        let content = &small.lock().unwrap().asked[0].1;
        assert_eq!(*content, json!({"content": [{"type": "text", "text": "tell the office"}]}));
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_said_to_come_later() {
    let small = Small {
        turn: turn("running", ""),
        ..Small::default()
    };
    beside_a_hub(small, async |_, url| {
        let (_folder, mut hub, out, err) = signed_in(&url).await;
        let code = say::say(&typed(&["hello", "--wait", "0"]), &mut hub)
            .await
            .unwrap();
        assert_eq!(
            format!("{code:?}"),
            format!("{:?}", std::process::ExitCode::from(2))
        );
        assert_eq!(out.text(), "");
        assert!(err.text().starts_with("No answer yet; the hub has your message"));
    })
    .await;
}

#[tokio::test]
async fn a_message_that_was_not_kept_says_why() {
    beside_a_hub(Small::default(), async |_, url| {
        let (_folder, mut hub, out, _) = signed_in(&url).await;
        let code = say::say(&typed(&["hello"]), &mut hub).await.unwrap();
        assert_eq!(
            format!("{code:?}"),
            format!("{:?}", std::process::ExitCode::FAILURE)
        );
        assert_eq!(out.text(), "The hub did not keep your message: privacy_mode\n");
    })
    .await;
}

#[tokio::test]
async fn approving_binds_what_is_shown_and_waits_for_the_result() {
    let small = Small {
        actions: vec![action(PROPOSED, ActionState::Proposed)],
        ..Small::default()
    };
    beside_a_hub(small, async |small, url| {
        let (_folder, mut hub, out, _) = signed_in(&url).await;
        approve::approve(&typed(&["3f9a1c", "--reason", "yes"]), &mut hub).await.unwrap();
        assert_eq!(
            out.text(),
            "Say \"dinner is ready\" in the office\n  device_command · arguments.text \"dinner is ready\" · kind \"speaker.say\"\nDone: said \"dinner is ready\"\n"
        );
        let (what, body) = &small.lock().unwrap().asked[2];
        assert_eq!(*what, format!("POST /v1/agents/self/actions/{PROPOSED}/approve"));
        assert_eq!(*body, json!({"arguments_sha256": "5ea1", "reason": "yes"}));
    })
    .await;
}

#[tokio::test]
async fn without_an_id_only_the_only_one_is_decided_on() {
    let small = Small {
        actions: vec![
            action(PROPOSED, ActionState::Proposed),
            action(UNKNOWN, ActionState::Proposed),
        ],
        ..Small::default()
    };
    beside_a_hub(small, async |small, url| {
        let (_folder, mut hub, ..) = signed_in(&url).await;
        let failure = reject::reject(&typed(&[]), &mut hub).await.unwrap_err();
        assert!(matches!(failure, Failure::Usage(text) if text.starts_with("2 actions are proposed")));
        reject::reject(&typed(&["3f9a1c"]), &mut hub).await.unwrap();
        reject::reject(&typed(&[]), &mut hub).await.unwrap();
        let states = small
            .lock()
            .unwrap()
            .actions
            .iter()
            .map(|action| action.state)
            .collect::<Vec<_>>();
        assert_eq!(states, [ActionState::Rejected; 2]);
        // By its whole id the hub itself says why not.
        let failure = approve::approve(&typed(&[PROPOSED]), &mut hub).await.unwrap_err();
        assert!(matches!(failure, Failure::Refused(problem) if problem.code == "wrong_state"));
    })
    .await;
}

#[tokio::test]
async fn an_unknown_end_is_resolved() {
    let small = Small {
        actions: vec![action(UNKNOWN, ActionState::Unknown)],
        ..Small::default()
    };
    beside_a_hub(small, async |small, url| {
        let (_folder, mut hub, out, _) = signed_in(&url).await;
        inbox::inbox(&typed(&[]), &mut hub).await.unwrap();
        assert!(out.text().contains("hub resolve done 77ab0e"));
        resolve::resolve(&typed(&["done", "77ab0e"]), &mut hub)
            .await
            .unwrap();
        let body = small.lock().unwrap().asked.last().unwrap().1.clone();
        assert_eq!(body, json!({"resolution": "done"}));
    })
    .await;
}

#[tokio::test]
async fn recall_says_where_and_why() {
    let memory = json!({
        "id": ids::fresh(), "tier": "semantic", "content": "The spare key is with Nora.", "importance": 0.8,
        "confidence": 0.9, "trust": "household", "audience_person_id": null, "space_id": ids::fresh(),
        "session_id": null, "valid_from": "2026-01-02T03:04:05Z", "valid_until": null,
        "created_at": "2026-01-02T03:04:05Z",
    });
    let source = json!({
        "event_id": ids::fresh(), "event_type": "transcript.final", "excerpt": "remember that\nthe spare key",
        "device_id": null, "recorded_at": "2026-01-02T03:04:05Z",
    });
    let words = json!({"rank": 1, "score": 0.1, "matched": ["key", "spare"], "asked": 2});
    let why = json!({"words": words, "recency": 0.0, "importance": 0.0, "tier": 0.0, "sources": [source]});
    let small = Small {
        recalled: json!([{"memory": memory, "score": 0.02, "why": why}]),
        ..Small::default()
    };
    beside_a_hub(small, async |_, url| {
        let (_folder, mut hub, out, _) = signed_in(&url).await;
        recall::recall(&typed(&["spare", "key", "--why"]), &mut hub)
            .await
            .unwrap();
        let text = out.text();
        assert!(
            text.starts_with(" 1  The spare key is with Nora.\n    semantic · "),
            "{text}"
        );
        assert!(
            text.contains("words: rank 1, 2 of 2 matched (key, spare), score 0.1000"),
            "{text}"
        );
        assert!(text.contains("“remember that the spare key”"), "{text}");
    })
    .await;
}

#[tokio::test]
async fn claiming_signs_in_and_uses_the_code_up() {
    beside_a_hub(Small::default(), async |small, url| {
        let (folder, hub, out, _) = signed_in(&url).await;
        fs::write(folder.path("claim-code"), "abcde-fghjk\n").unwrap();
        let (code, person) = login::who("ABCDE-FGHJK", "ada", "correct horse");
        let mut hub = hub;
        login::enter(&mut hub, Some(&code), person).await.unwrap();
        assert!(
            out.text()
                .starts_with("The agent is yours. You are ada, owner of Home.\n\nTry next:\n")
        );
        assert!(!folder.path("claim-code").exists());
        assert_eq!(small.lock().unwrap().asked[0].0, "POST /v1/claim");
        logout::logout(false, &mut hub).await.unwrap();
        assert!(!folder.path("login.json").exists());
    })
    .await;
}

#[tokio::test]
async fn a_refused_claim_keeps_the_code_and_the_former_sign_in() {
    beside_a_hub(Small::default(), async |_, url| {
        let (folder, mut hub, ..) = signed_in(&url).await;
        fs::write(folder.path("claim-code"), "ABCDE-FGHJK\n").unwrap();
        let (code, person) = login::who("ABCDE-FGHJK", "ada", "short");
        let failure = login::enter(&mut hub, Some(&code), person).await.unwrap_err();
        assert_eq!(
            failure.to_string(),
            "Invalid input\n  /password must have 10 characters at least\n  request id: r-42"
        );
        assert!(folder.path("claim-code").exists() && folder.path("login.json").exists());
    })
    .await;
}

#[tokio::test]
async fn without_a_terminal_a_code_that_waits_is_told_and_nothing_is_asked() {
    beside_a_hub(Small::default(), async |small, url| {
        let folder = Folder::new();
        fs::write(folder.path("claim-code"), "ABCDE-FGHJK\n").unwrap();
        let options: Options = typed(&["--url", &url.to_string()]);
        let (mut hub, _, err) = folder.remote(&options);
        let failure = login::login(&typed(&[]), &mut hub).await.unwrap_err();
        assert!(matches!(failure, Failure::Usage(_)));
        assert!(err.text().starts_with("A code to claim the agent is in "));
        assert!(small.lock().unwrap().asked.is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_code_is_offered_unless_somebody_is_really_signed_in() {
    for is_ended in [false, true] {
        let small = Small {
            is_ended,
            ..Small::default()
        };
        beside_a_hub(small, async |_, url| {
            let (folder, mut hub, _, err) = signed_in(&url).await;
            fs::write(folder.path("claim-code"), "ABCDE-FGHJK\n").unwrap();
            // It stops at the password, which it cannot ask for here.
            login::login(&typed(&[]), &mut hub).await.unwrap_err();
            assert_eq!(err.text().starts_with("A code to claim"), is_ended);
        })
        .await;
    }
}
