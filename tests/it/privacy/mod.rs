//! Nobody is kept who does not want to be: private spaces, sessions that are not recorded.

mod consents;
mod many;
mod race;
mod remembering;
mod sessions;
mod sinks;

use hub::ids::SpaceId;
use support::TestHub;

/// The tables in which a word stands.
async fn kept(hub: &TestHub, word: &str) -> Vec<String> {
    let listed =
        "select relname::text from pg_class where relnamespace = 'hub'::regnamespace and relkind = 'r'";
    let mut found = Vec::new();
    for table in hub.sql().values::<String>(listed).await {
        let stands = format!("{table}::text ilike '%{word}%'");
        if hub.sql().count(&table, &stands).await > 0 {
            found.push(table);
        }
    }
    found
}

/// The position of a space's last switch.
async fn switched_at(hub: &TestHub, space: SpaceId) -> i64 {
    let query = format!(
        "select coalesce(max(position), 0) from hub.events where space_id = '{space}' and type = 'space.changed'"
    );
    hub.sql().value(&query).await
}
