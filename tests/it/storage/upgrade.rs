//! What a migration makes of the rows that were there.

use support::TestHub;

const PAIRINGS: &str = include_str!("../../../migrations/0020_pairings.sql");

#[tokio::test]
async fn devices_that_were_there_keep_what_they_last_declared() {
    let hub = TestHub::start().await;
    let home = &hub.home;
    home.office.connects(&["speaker.say", "echo"]).await;
    hub.sql()
        .execute("alter table hub.devices drop column approved_kinds; drop table hub.pairings")
        .await;
    hub.sql().execute(&format!("begin; {PAIRINGS} commit;")).await;

    let connected = home.office.connects(&["echo", "speaker.say"]).await;
    assert_eq!(connected.waiting_capabilities, [""; 0]);
    let connected = home.office.connects(&["echo", "door.open"]).await;
    assert_eq!(connected.waiting_capabilities, ["door.open"]);
    // One that never said anything says it for the first time.
    let connected = home.kitchen.connects(&["display.show"]).await;
    assert_eq!(connected.waiting_capabilities, [""; 0]);
}
