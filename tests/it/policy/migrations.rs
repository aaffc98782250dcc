//! Released migrations do not change: databases out there were made with them.

use std::fmt::Write;

use hub::storage::MIGRATOR;

/// In the form of `sha384sum`; the same checksums stand in the table of every database that was migrated.
const RELEASED: &str = include_str!("../../../migrations/SHA384SUMS");

#[test]
fn no_released_migration_has_changed() {
    let ours: Vec<String> = MIGRATOR
        .iter()
        .map(|migration| {
            let mut line = String::new();
            for byte in &*migration.checksum {
                write!(line, "{byte:02x}").unwrap();
            }
            let name = migration.description.replace(' ', "_");
            write!(line, "  {:04}_{name}.sql", migration.version).unwrap();
            line
        })
        .collect();
    let released: Vec<&str> = RELEASED.lines().collect();
    assert_eq!(ours, released, "see migrations/README.md");
}
