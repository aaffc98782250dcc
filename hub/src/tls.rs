//! The one crypto provider of this process. Two can end up in a build, and then a TLS client without a choice panics.

/// Chooses it. Again changes nothing; to be called before a client is made.
pub fn choose_provider() {
    // An error says that one was chosen before: by us, there is no other.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
