use support::TestHub;

#[tokio::test]
async fn what_a_satellite_hears_is_remembered() {
    let hub = TestHub::start().await;
    let ada = hub.owner("ada").await;
    hub.home
        .kitchen
        .hears("remember that the spare key is with Nora")
        .await;
    assert_eq!(hub.run_jobs().await, 1);
    let found = ada.recalls("where is the spare key").await;
    assert_eq!(found[0].memory.content, "The spare key is with Nora");
}

#[tokio::test]
#[should_panic(expected = "jobs were left: run_turn queued")]
async fn a_job_that_was_left_fails_the_test() {
    let hub = TestHub::start().await;
    hub.home.kitchen.hears("hello").await;
}
