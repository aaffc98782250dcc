//! What happens when nobody answers: what was never sent never started, what was sent may have been done.

use chrono::Duration;
use hub::{
    actions::ActionState,
    ids::{ActionId, CommandId},
    mailbox::{Command, CommandState},
};
use serde_json::json;
use support::{TestHub, User};

use super::{executing, told};

/// Just past the time in which a device must answer.
fn too_long() -> Duration {
    hub::mailbox::COMMAND_LIFE + Duration::microseconds(1)
}

async fn command(hub: &TestHub, action: ActionId) -> Command {
    let attempts = hub.home.whole().await.actions().attempts(action).await.unwrap();
    let id = attempts.last().unwrap().command_id.unwrap();
    hub.home.whole().await.commands().find(id).await.unwrap().unwrap()
}

async fn passes(hub: &TestHub, time: Duration) {
    hub.clock.advance(time);
    hub.sweep().await;
}

#[tokio::test]
async fn what_was_never_sent_has_timed_out() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let id = executing(&hub, &ada).await;
    passes(&hub, hub::mailbox::COMMAND_LIFE).await;
    assert_eq!(
        ada.action(id).await.state,
        ActionState::Executing,
        "it is swept in its last instant"
    );
    passes(&hub, Duration::microseconds(1)).await;
    assert_eq!(
        told(&hub, id).await,
        ["proposed", "approved", "executing", "timed_out"]
    );
    assert_eq!(command(&hub, id).await.state, CommandState::Expired);
    assert!(
        hub.home.office.takes().await.is_empty(),
        "it is sent although it has expired"
    );
}

/// The socket asks before the sweep comes by.
#[tokio::test]
async fn what_has_expired_is_not_sent_any_more() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    executing(&hub, &ada).await;
    hub.clock.advance(hub::mailbox::COMMAND_LIFE);
    assert!(hub.home.office.takes().await.is_empty());
}

#[tokio::test]
async fn what_was_sent_and_not_acknowledged_never_started() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let id = executing(&hub, &ada).await;
    hub.home.office.takes().await;
    passes(&hub, too_long()).await;
    assert_eq!(
        told(&hub, id).await,
        ["proposed", "approved", "executing", "timed_out"]
    );
    assert_eq!(command(&hub, id).await.state, CommandState::Expired);
}

#[tokio::test]
async fn what_was_acknowledged_and_not_answered_is_unknown() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let id = executing(&hub, &ada).await;
    let sent = hub.home.office.takes().await.remove(0);
    hub.home.office.acknowledges(sent.id).await.unwrap();
    passes(&hub, too_long()).await;
    assert_eq!(ada.action(id).await.state, ActionState::Unknown);
}

/// Nobody works on its job: the sweep ends it, and the job, when it comes at last, does nothing.
#[tokio::test]
async fn what_was_approved_and_never_began_has_timed_out() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let id = super::proposed(&hub, &ada).await.id;
    hub.clock.advance(Duration::hours(20));
    let approved = ada.approves(id).await.unwrap();
    passes(&hub, hub::actions::APPROVAL_LIFE).await;
    assert_eq!(
        ada.action(id).await.state,
        ActionState::Approved,
        "in its last instant"
    );
    assert_eq!(ada.action(id).await.deadline_at, approved.deadline_at);
    passes(&hub, Duration::microseconds(1)).await;
    assert_eq!(told(&hub, id).await, ["proposed", "approved", "timed_out"]);
    let why = ada.action(id).await.error;
    assert_eq!(why.as_deref(), Some("it was approved and did not begin in time"));
    assert_eq!(hub.run_jobs().await, 1);
    assert_eq!(hub.sql().count("action_attempts", "true").await, 0);
}

/// The job comes before the sweep, and too late all the same.
#[tokio::test]
async fn what_was_approved_is_not_begun_after_its_time() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let id = super::proposed(&hub, &ada).await.id;
    ada.approves(id).await.unwrap();
    hub.clock
        .advance(hub::actions::APPROVAL_LIFE + Duration::microseconds(1));
    assert_eq!(hub.run_jobs().await, 1);
    assert_eq!(told(&hub, id).await, ["proposed", "approved", "timed_out"]);
    assert!(
        hub.home
            .office
            .takes()
            .await
            .iter()
            .all(|command| command.action_id.is_none())
    );
}

/// A device that says late that it did what it never should have begun: the command keeps its word, the action stays.
#[tokio::test]
async fn a_late_word_does_not_change_what_has_timed_out() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let id = executing(&hub, &ada).await;
    let sent = hub.home.office.takes().await.remove(0);
    passes(&hub, too_long()).await;
    hub.home.office.succeeds(sent.id, json!({"n": 1})).await.unwrap();
    assert_eq!(ada.action(id).await.state, ActionState::TimedOut);
    let kept = command(&hub, id).await;
    assert_eq!((kept.state, kept.is_late), (CommandState::Succeeded, true));
}

/// A device starts only after the hub has accepted its acknowledgement, so one that was lost on the way never started.
#[tokio::test]
async fn what_was_sent_once_and_is_queued_again_never_started() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let id = executing(&hub, &ada).await;
    hub.home.office.takes().await;
    hub.home.office.connects(&["speaker.say"]).await;
    assert_eq!(command(&hub, id).await.state, CommandState::Queued);
    passes(&hub, too_long()).await;
    assert_eq!(ada.action(id).await.state, ActionState::TimedOut);
}

#[tokio::test]
async fn progress_gives_time_up_to_an_hour() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    let id = executing(&hub, &ada).await;
    let sent = hub.home.office.takes().await.remove(0);
    hub.home.office.acknowledges(sent.id).await.unwrap();
    for minute in 1..60 {
        passes(&hub, Duration::minutes(1)).await;
        hub.home.office.progresses(sent.id, minute).await.unwrap();
        assert_eq!(
            ada.action(id).await.state,
            ActionState::Executing,
            "after {minute} minutes"
        );
    }
    passes(&hub, Duration::minutes(1) + Duration::microseconds(1)).await;
    assert_eq!(ada.action(id).await.state, ActionState::Unknown);
}

async fn unknown(hub: &TestHub, ada: &User) -> (ActionId, CommandId) {
    let id = executing(hub, ada).await;
    let sent = hub.home.office.takes().await.remove(0);
    hub.home.office.acknowledges(sent.id).await.unwrap();
    passes(hub, too_long()).await;
    (id, sent.id)
}

#[tokio::test]
async fn a_late_result_says_what_happened_and_that_it_was_late() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    for (works, expected) in [(true, ActionState::Succeeded), (false, ActionState::Failed)] {
        let (id, sent) = unknown(&hub, &ada).await;
        let office = &hub.home.office;
        if works {
            office.succeeds(sent, json!({"n": 1})).await.unwrap();
        } else {
            office.fails(sent, "too loud here").await.unwrap();
        }
        assert_eq!(ada.action(id).await.state, expected);
        assert!(command(&hub, id).await.is_late);
        // The second late one changes nothing.
        let before = hub.sql().census().await;
        office.succeeds(sent, json!({"n": 2})).await.unwrap();
        office.fails(sent, "or was it").await.unwrap();
        assert_eq!(hub.sql().census().await, before);
        assert_eq!(ada.action(id).await.state, expected);
    }
}

#[tokio::test]
async fn a_reply_that_nobody_took_has_failed_and_one_that_was_acknowledged_is_unknown() {
    let hub = TestHub::start().await;
    let kitchen = &hub.home.kitchen;
    kitchen.connects(&[]).await;
    kitchen.hears("remember that one").await;
    hub.run_jobs().await;
    let first = kitchen.takes().await.remove(0);
    kitchen.acknowledges(first.id).await.unwrap();
    kitchen.hears("remember that two").await;
    hub.run_jobs().await;
    passes(&hub, hub::mailbox::REPLY_LIFE + Duration::microseconds(1)).await;
    let states: Vec<String> = hub
        .sql()
        .values("select state from hub.deliveries order by id")
        .await;
    assert_eq!(states, ["unknown", "failed"]);
}

#[tokio::test]
async fn a_sweep_that_runs_twice_ends_nothing_twice() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    unknown(&hub, &ada).await;
    let before = hub.sql().census().await;
    hub.sweep().await;
    assert_eq!(hub.sql().census().await, before);
}

/// Two things said in the kitchen, the time of the first of which is just over.
async fn two_replies(hub: &TestHub) {
    for words in ["remember that one", "remember that two"] {
        hub.home.kitchen.hears(words).await;
        hub.run_jobs().await;
        hub.clock.advance(hub::mailbox::REPLY_LIFE / 2);
    }
}

/// A clock that is set back makes what was passed over timely again. The order holds all the same.
#[tokio::test]
async fn nothing_passes_what_is_overdue_before_it_has_ended() {
    let hub = TestHub::start().await;
    let kitchen = &hub.home.kitchen;
    kitchen.connects(&[]).await;
    two_replies(&hub).await;
    let mut taken: Vec<i64> = Vec::new();
    for step in [Duration::zero(), -Duration::seconds(1)] {
        hub.clock.advance(step);
        taken.extend(kitchen.takes().await.iter().map(|command| command.seq));
    }
    assert_eq!(taken, [1, 2]);
}

#[tokio::test]
async fn what_is_overdue_holds_nothing_back_once_it_has_ended() {
    let hub = TestHub::start().await;
    let kitchen = &hub.home.kitchen;
    kitchen.connects(&[]).await;
    two_replies(&hub).await;
    passes(&hub, Duration::microseconds(1)).await;
    let taken = kitchen.takes().await;
    assert_eq!(taken.iter().map(|command| command.seq).collect::<Vec<_>>(), [2]);
}
