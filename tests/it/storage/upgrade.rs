//! What a migration makes of the rows that were there.

use support::TestHub;

const PAIRINGS: &str = include_str!("../../../migrations/0020_pairings.sql");
const SHADOWS: &str = include_str!("../../../migrations/0022_device_shadows.sql");

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

#[tokio::test]
async fn devices_that_could_do_all_that_a_satellite_could_may_report_and_narrower_ones_may_not() {
    let hub = TestHub::start().await;
    let (kitchen, office) = (hub.home.kitchen.id, hub.home.office.id);
    let narrow = format!(
        "drop table hub.device_shadows;
         update hub.devices set scopes = array_remove(scopes, 'state:write');
         update hub.access_tokens set scopes = array_remove(scopes, 'state:write');
         update hub.devices set scopes = '{{commands:receive}}' where id = '{office}';
         update hub.access_tokens set scopes = '{{commands:receive}}' where device_id = '{office}'"
    );
    hub.sql().execute(&narrow).await;
    hub.sql().execute(&format!("begin; {SHADOWS} commit;")).await;

    for (device, may_report) in [(kitchen, true), (office, false)] {
        let question = format!(
            "select count(*) from (select scopes from hub.devices where id = '{device}'
               union all select scopes from hub.access_tokens where device_id = '{device}') all_of_it
             where 'state:write' = any (scopes)"
        );
        let holds: i64 = hub.sql().value(&question).await;
        assert_eq!(holds, if may_report { 2 } else { 0 });
    }
}
