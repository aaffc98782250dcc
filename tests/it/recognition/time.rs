//! Bounds of what is written down.

use support::voice;

use super::House;

#[tokio::test]
async fn somebody_who_stays_for_long_is_counted_and_not_written_down_for_ever() {
    let mut house = House::new().await;
    house.ada_is_known().await;
    house.ada_is_there().await;
    for _ in 0..120 {
        house.passes(11).await;
        assert_eq!(house.hears(&voice(1)).await.text("/outcome"), "present");
    }
    let kept = house.hub.sql().count("recognition_observations", "true").await;
    assert_eq!(kept, 100);
    assert_eq!(
        house
            .hub
            .sql()
            .count("identity_hypotheses", "observations = 121")
            .await,
        1
    );
    assert_eq!(house.hub.sql().count("presence", "true").await, 1);
    let told = house.hub.sql().count("events", "type = 'presence.changed'").await;
    assert_eq!(told, 1, "nothing new happened");
}
