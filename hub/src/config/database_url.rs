//! The URL of the database that `scripts/run` started, which it leaves in the data folder for the commands beside the hub.

use std::{fs, io, os::unix::fs::PermissionsExt};

use super::{ConfigError, DataDir};

/// Reads the file `database-url`; nothing where there is none. It holds a password, so it must be its owner's only.
pub(super) fn read(dir: &DataDir) -> Result<Option<String>, ConfigError> {
    let path = dir.join("database-url");
    let unreadable = |source: io::Error| ConfigError::DatabaseUrl {
        path: path.clone(),
        problem: source.to_string(),
    };
    let file = match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found.map_err(unreadable)?,
    };
    if file.permissions().mode() & 0o077 != 0 {
        let problem = format!("can be read by others: chmod 600 {}", path.display());
        return Err(ConfigError::DatabaseUrl { path, problem });
    }
    let text = fs::read_to_string(&path).map_err(unreadable)?;
    Ok(Some(text.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids;

    #[test]
    fn the_file_is_read_when_only_its_owner_can() {
        let folder = std::env::temp_dir().join(format!("hub-config-{}", ids::fresh()));
        fs::create_dir(&folder).unwrap();
        let (dir, path) = (DataDir(folder.clone()), folder.join("database-url"));
        assert_eq!(read(&dir).unwrap(), None);
        fs::write(&path, "postgres://somewhere\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read(&dir).unwrap().as_deref(), Some("postgres://somewhere"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = read(&dir).unwrap_err().to_string();
        assert!(refused.contains("chmod 600"), "{refused}");
        fs::remove_dir_all(folder).unwrap();
    }
}
