//! Streams of a model that are cut, stall, never end or are written strangely: what is said of them, and what is left.

use chrono::Duration;
use hub::turns::{Block, TurnState, step::StepOutcome};
use serde_json::{Value, json};
use support::{Line, Piece, Rest, ScriptedServer, turn_of};

use super::{
    planner::{config, planning, planning_with, says},
    stream::{HEAD, REPLY, names, served, text, told},
    turn_about,
};

#[tokio::test]
async fn a_stream_that_is_cut_anywhere_is_waited_out_and_what_it_said_is_taken_back() {
    let (hub, server) = planning().await;
    let pieces = Line::plan(&says(REPLY)).pieces();
    let id = turn_of(&hub.home.kitchen.hears("hello").await);
    for end in 0..pieces.len() {
        let mut cut = pieces[..end].to_vec();
        if let Piece::Send(half) = &pieces[end] {
            cut.push(Piece::Send(half[..half.len() / 2].to_vec()));
        }
        server.then(Line::Stream(cut));
        hub.run_jobs().await;
        let waiting = hub.home.turn(id).await;
        assert_eq!(waiting.state, TurnState::Waiting, "cut after {end}: {waiting:?}");
        hub.clock.advance(Duration::minutes(2));
    }
    let said = hub.sql().count("events", "type = 'message.agent'").await;
    assert_eq!((hub.sql().count("jobs", "attempts > 0").await, said), (0, 0));
    server.then(Line::plan(&says("Hello again.")));
    hub.run_jobs().await;
    // Hours have passed, and Ada's token with them.
    let eva = Rest::of(&hub).user(&hub.member("eva").await).await;
    let all = told(&eva, &id.to_string()).await;
    assert!(names(&all).contains(&"restart"), "{all:?}");
    assert_eq!(
        (text(&all).as_str(), all.last().unwrap().event.as_str()),
        ("Hello again.", "completed")
    );
    let planned = hub.home.turn(id).await;
    assert_eq!(planned.steps.len(), pieces.len() + 1);
    assert_eq!(planned.steps.last().unwrap().outcome, StepOutcome::Answered);
}

#[tokio::test]
async fn a_stream_that_stops_talking_is_not_waited_for_until_the_end() {
    let server = ScriptedServer::start().await;
    let patient = hub::config::ModelConfig {
        timeout_ms: 8_000, // so that silence may last for two seconds
        ..config(&server)
    };
    let hub = planning_with(&patient).await;
    let mut stalled = Line::plan(&says(REPLY)).pieces();
    stalled.truncate(HEAD + 3);
    stalled.push(Piece::Stall);
    server.then(Line::Stream(stalled));
    let waiting = turn_about(&hub, "hello").await;
    assert_eq!(
        (waiting.state, waiting.steps[0].outcome),
        (TurnState::Waiting, StepOutcome::Away)
    );
    assert!(waiting.steps[0].duration_ms >= 1_900, "{waiting:?}");
    hub.expect_leftovers();
}

/// A reply to one guest that never ends: the others are answered meanwhile, and it is a try like any other.
#[tokio::test]
async fn an_answer_that_never_ends_is_a_try_and_stops_nobody_else() {
    let server = ScriptedServer::start().await;
    let brisk = hub::config::ModelConfig {
        timeout_ms: 2_000,
        ..config(&server)
    };
    let hub = planning_with(&brisk).await;
    let mut endless = Line::plan(&says(REPLY)).pieces();
    endless.truncate(HEAD + 1);
    let more = json!({"type": "response.output_text.delta", "delta": "x"});
    let more = format!("data: {more}\n\n").into_bytes();
    endless.push(Piece::Repeat(more, std::time::Duration::from_millis(20)));
    server.then(Line::Stream(endless));
    server.then(Line::plan(&says("Hello.")));
    let id = turn_of(&hub.home.kitchen.hears("tell me all you know").await);
    let other = turn_of(&hub.home.office.hears("hello").await);
    hub.run_jobs().await;
    let steps = hub.home.turn(id).await.steps;
    assert_eq!(steps[0].outcome, StepOutcome::Malformed, "{steps:?}");
    assert_eq!(hub.home.turn(other).await.state, TurnState::Planned);
    assert_eq!(hub.sql().count("jobs", "attempts = 1").await, 1);
    hub.expect_leftovers();
}

#[tokio::test]
async fn errors_in_a_stream_are_sorted() {
    let (hub, server) = planning().await;
    let event = |event: Value| Line::stream(&[event]);
    let huge = Line::Stream(vec![
        Piece::Send(b"data: ".to_vec()),
        Piece::Send(vec![b'x'; 3 * 1024 * 1024]),
    ]);
    for (line, outcome) in [
        (Line::error_event("server_error"), StepOutcome::Away),
        (Line::error_event("invalid_prompt"), StepOutcome::Refused),
        (Line::failed("rate_limit_exceeded"), StepOutcome::Away),
        (Line::failed("invalid_prompt"), StepOutcome::Refused),
        (Line::incomplete(), StepOutcome::Malformed),
        (
            event(json!({"type": "response.completed", "response": {}})),
            StepOutcome::Malformed,
        ),
        (
            event(json!({"type": "response.output_text.delta"})),
            StepOutcome::Malformed,
        ),
        (
            Line::Stream(vec![Piece::Send(b"data: [1]\n\n".to_vec())]),
            StepOutcome::Malformed,
        ),
        (
            Line::Stream(vec![Piece::Send(b"data: {\n\n".to_vec())]),
            StepOutcome::Malformed,
        ),
        (huge, StepOutcome::Malformed),
    ] {
        let id = turn_of(&hub.home.office.hears("hello").await);
        server.then(line.clone());
        hub.run_jobs().await;
        let ended = hub.home.turn(id).await;
        let state = match outcome {
            StepOutcome::Away => TurnState::Waiting,
            StepOutcome::Refused => TurnState::Dead,
            _ => TurnState::Queued,
        };
        assert_eq!(
            (ended.steps[0].outcome, ended.state),
            (outcome, state),
            "{line:?}"
        );
        if state != TurnState::Dead {
            server.then(Line::plan(&says("Hello.")));
        }
        hub.clock.advance(Duration::minutes(2));
        hub.run_jobs().await;
    }
    hub.expect_leftovers();
}

#[tokio::test]
async fn however_the_stream_is_written_it_is_the_same_answer() {
    let (hub, server, _, ada) = served().await;
    let sent = Line::plan(&says(REPLY))
        .pieces()
        .into_iter()
        .map(|piece| match piece {
            Piece::Send(bytes) => String::from_utf8(bytes).unwrap(),
            _ => String::new(),
        });
    let strange = "event: response.dreamt\ndata: {\"type\":\"response.dreamt\",\"delta\":{\"reply\":1}}\n\n: a comment\n\n";
    let whole = sent.fold(String::new(), |whole, event| whole + strange + &event);
    let whole = whole.replace('\n', "\r\n") + "data: [DONE]\r\n\r\n";
    let in_pieces = whole
        .as_bytes()
        .chunks(5)
        .map(|piece| Piece::Send(piece.to_vec()));
    let unstreamed = Line::plan(&says(REPLY)).whole();
    for (line, is_streamed) in [(Line::Stream(in_pieces.collect()), true), (unstreamed, false)] {
        server.then(line);
        let id = turn_of(&hub.home.kitchen.hears("hello").await);
        hub.run_jobs().await;
        assert_eq!(hub.home.turn(id).await.reply, Some(vec![Block::text(REPLY)]));
        let all = told(&ada, &id.to_string()).await;
        assert_eq!(text(&all) == REPLY, is_streamed, "{all:?}");
        assert_eq!(all.last().unwrap().event, "completed");
    }
}

/// What was taken back is not told to whoever comes later, and does not pile up.
#[tokio::test]
async fn what_a_failed_try_has_said_is_removed() {
    let (hub, server, _, ada) = served().await;
    let mut cut = Line::plan(&says(REPLY)).pieces();
    cut.truncate(HEAD + 3);
    for _ in 0..3 {
        server.then(Line::Stream(cut.clone()));
    }
    server.then(Line::plan(&says(REPLY)));
    let id = turn_of(&hub.home.kitchen.hears("hello").await);
    for _ in 0..4 {
        hub.run_jobs().await;
        hub.clock.advance(Duration::minutes(2));
    }
    let all = told(&ada, &id.to_string()).await;
    assert_eq!(
        (text(&all).as_str(), all.last().unwrap().event.as_str()),
        (REPLY, "completed")
    );
    let places: Vec<i64> = all
        .iter()
        .map(|heard| heard.id.as_deref().unwrap().parse().unwrap())
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    let before_the_last: Vec<&str> = names(&all)
        .into_iter()
        .take_while(|name| *name == "restart")
        .collect();
    assert_eq!(before_the_last.len(), 3, "{:?}", names(&all));
}
