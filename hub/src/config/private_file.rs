//! Files of secrets in the private folder `secrets`, and the variables that name them.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret, SecretString};

use super::{ConfigError, DataDir};

/// Whether this process has the variable, and not empty.
#[expect(clippy::disallowed_methods, reason = "the environment is read in config/")]
pub(super) fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// Writes a file that only its owner can read, in the place of the one before, wholly or not at all.
pub(super) fn write(dir: &DataDir, variable: &str, text: &SecretString) -> io::Result<PathBuf> {
    let folder = std::path::absolute(dir.join("secrets"))?;
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    // It may have been there before us.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
    let path = folder.join(variable.to_lowercase());
    let new = folder.join(format!(".{}.{}", variable.to_lowercase(), std::process::id()));
    // Left by a process of the same number that was killed here.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(text.expose_secret().as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, &path)?;
    Ok(path)
}

/// Names the file in a variable of this process, for a library that reads it there, as a line of `.env` would.
pub(super) fn expose(variable: &str, path: &Path) -> Result<(), ConfigError> {
    let text = path.to_str().filter(|text| !text.contains(['\'', '\n']));
    let text = text.ok_or_else(|| ConfigError::Secrets {
        problem: format!(
            "{variable} cannot name {}: a variable takes no such path",
            path.display()
        ),
    })?;
    let line = format!("{variable}='{text}'\n");
    Ok(dotenvy::from_read_override(line.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids;

    #[test]
    fn a_file_is_its_owners_only_and_is_replaced_as_a_whole() {
        let folder = std::env::temp_dir().join(format!("hub-secrets-{}", ids::fresh()));
        let dir = DataDir(folder.clone());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        fs::create_dir_all(dir.join("secrets")).unwrap();
        fs::set_permissions(dir.join("secrets"), fs::Permissions::from_mode(0o755)).unwrap();
        for text in ["one", "two"] {
            let path = write(&dir, "A_TOKEN_FILE", &SecretString::from(text)).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        }
        assert_eq!(fs::read_dir(dir.join("secrets")).unwrap().count(), 1);
        fs::remove_dir_all(folder).unwrap();
    }
}
