//! The files and words that the satellite is started with.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::json;
use uuid::Uuid;

use crate::link::{Target, UrlProblem};
use crate::machine::Entry;
use crate::protocol::BearerToken;
use crate::{Credentials, CredentialsError, Journal, JournalError, ambient};

/// A folder of its own for each test.
struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("hub-satellite-{}", ambient::fresh_client_id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn a_journal_has_one_user_and_survives_a_torn_line() {
    let home = Home::new();
    let path = home.0.join("kitchen.journal");
    let entry = Entry::Started {
        command_id: Uuid::from_u128(7),
    };
    {
        let (mut journal, entries) = Journal::open(&path).unwrap();
        assert_eq!(entries, []);
        journal.append(&entry).unwrap();
        journal.rewrite(std::slice::from_ref(&entry)).unwrap();
        assert!(matches!(Journal::open(&path), Err(JournalError::InUse(_))));
    }
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, [&whole[..], b"{\"step\":\"fini"].concat()).unwrap();
    assert_eq!(Journal::open(&path).unwrap().1, std::slice::from_ref(&entry));
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    std::fs::write(&path, [b"nonsense\n", &whole[..]].concat()).unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::Io { .. })));
}

#[test]
fn credentials_that_others_can_read_are_refused_with_the_remedy() {
    let home = Home::new();
    let path = home.0.join("kitchen.json");
    assert!(matches!(
        Credentials::read(&path),
        Err(CredentialsError::Missing(_))
    ));
    let id = Uuid::nil();
    let text =
        json!({"device_id": id, "agent_id": id, "name": "kitchen", "token": "s3cret", "url": "ws://x/"});
    std::fs::write(&path, text.to_string()).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    let error = Credentials::read(&path).unwrap_err().to_string();
    assert!(
        error.ends_with(&format!("chmod 600 {}", path.display())),
        "{error}"
    );
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let credentials = Credentials::read(&path).unwrap();
    assert!(!format!("{credentials:?}").contains("s3cret"));
    std::fs::write(&path, r#"{"device_id": "s3cret"}"#).unwrap();
    let error = Credentials::read(&path).unwrap_err().to_string();
    assert!(!error.contains("s3cret"), "{error}");
}

#[test]
fn an_address_is_checked_before_anything_is_sent_there() {
    let target = |url: &str| Target::new(url, BearerToken::from("t".to_owned()), None);
    assert!(target("ws://127.0.0.1:8080/v1/satellites/connect").is_ok());
    for (url, is_private) in [
        ("wss://hub.example/", true),
        ("ws://localhost:8080/", true),
        ("ws://[::1]:8080/", true),
        ("ws://hub.example/", false),
        ("ws://192.168.1.2:8080/", false),
    ] {
        assert_eq!(target(url).unwrap().is_private(), is_private, "{url}");
    }
    for wrong in ["http://hub.example/", "kitchen", "", "ws:///x"] {
        assert!(matches!(target(wrong), Err(UrlProblem::Invalid(_))), "{wrong}");
    }
}

#[test]
fn the_readme_shows_the_example_as_it_is_built() {
    let example = include_str!("../examples/lamp.rs");
    assert!(include_str!("../README.md").contains(&format!("```rust\n{example}```")));
}
