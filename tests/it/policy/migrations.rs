//! Released migrations do not change: databases out there were made with them.

use hub::storage::MIGRATOR;

/// In the form of `sha384sum`; the same checksums stand in the table of every database that was migrated.
const RELEASED: &str = include_str!("../../../migrations/SHA384SUMS");

#[test]
fn no_released_migration_has_changed() {
    let ours: Vec<String> = MIGRATOR
        .iter()
        .map(|migration| {
            let checksum: String = migration.checksum.iter().map(|b| format!("{b:02x}")).collect();
            let name = migration.description.replace(' ', "_");
            format!("{checksum}  {:04}_{name}.sql", migration.version)
        })
        .collect();
    let released: Vec<&str> = RELEASED.lines().collect();
    assert_eq!(ours, released, "see migrations/README.md");
}
