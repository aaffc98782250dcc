//! The harness can fail, too.

use support::TestHub;

#[tokio::test]
#[should_panic(expected = "jobs were left: run_turn queued")]
async fn a_job_that_was_left_fails_the_test() {
    let hub = TestHub::start().await;
    hub.home.kitchen.hears("hello").await;
}

#[tokio::test]
async fn databases_of_two_hubs_never_meet() {
    let (one, two) = (TestHub::start().await, TestHub::start().await);
    one.home.kitchen.hears("hello").await;
    one.run_jobs().await;
    assert_ne!(one.home.agent, two.home.agent);
    assert_eq!(two.sql().count("turns", "true").await, 0);
}
