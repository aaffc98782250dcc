//! How this process was called, for what tells a person to call it again.

/// The program as it was typed, such as `hub` or `target/release/hub`.
#[must_use]
pub fn program() -> String {
    let typed = std::env::args_os().next();
    typed
        .and_then(|typed| typed.into_string().ok())
        .filter(|typed| !typed.is_empty())
        .unwrap_or_else(|| "hub".to_owned())
}
