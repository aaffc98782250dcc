//! The way to the database: where it is, who logs in, and who vouches for it.

use std::{net::IpAddr, str::FromStr};

use secrecy::ExposeSecret;
use sqlx::{
    ConnectOptions,
    postgres::{PgConnectOptions, PgSslMode},
};

use crate::{
    config::{ConfigError, DatabaseConfig},
    tls,
};

/// What others on the way to the database could do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// There are none: it stays on this machine.
    Local,
    /// Nothing: it is encrypted, and the far side has proved which host it is.
    Verified,
    /// Be the database: it is encrypted, and whoever answers is believed.
    Unverified,
    /// Read along: it may be in the clear.
    Open,
}

/// How to connect, as the configuration says.
pub(super) fn options(config: &DatabaseConfig) -> Result<PgConnectOptions, ConfigError> {
    let url = config.url.expose_secret();
    if url.is_empty() {
        return Err(ConfigError::NoDatabase);
    }
    let mut options = parse(url)?
        .application_name("hub")
        .log_statements(tracing::log::LevelFilter::Trace);
    let password = config.password.expose_secret();
    if !password.is_empty() {
        options = options.password(password);
    }
    if config.ca_file.as_os_str().is_empty() {
        return Ok(options);
    }
    // Read here only to refuse at the start, and by name, what could not be read at the first connection.
    tls::authorities(&config.ca_file).map_err(|problem| ConfigError::OutOfBounds {
        key: "database.ca_file",
        problem: format!("cannot be used: {problem}").into(),
    })?;
    Ok(options
        .ssl_mode(PgSslMode::VerifyFull)
        .ssl_root_cert(&config.ca_file))
}

/// The parser takes any scheme for ours. What is wrong is not said, for it could show the password.
fn parse(url: &str) -> Result<PgConnectOptions, ConfigError> {
    let is_ours = ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.starts_with(scheme));
    let parsed = is_ours.then(|| PgConnectOptions::from_str(url).ok()).flatten();
    parsed.ok_or(ConfigError::OutOfBounds {
        key: "database.url",
        problem: "is not a Postgres URL".into(),
    })
}

/// What others on this way could do.
pub(super) fn of(options: &PgConnectOptions) -> Way {
    if options.get_socket().is_some() || is_this_machine(options.get_host()) {
        return Way::Local;
    }
    match options.get_ssl_mode() {
        PgSslMode::VerifyFull => Way::Verified,
        // With a certificate for any other host, of an authority that everyone trusts, one could be the database.
        PgSslMode::VerifyCa | PgSslMode::Require => Way::Unverified,
        PgSslMode::Prefer | PgSslMode::Allow | PgSslMode::Disable => Way::Open,
    }
}

fn is_this_machine(host: &str) -> bool {
    // An address of IPv6 stands in brackets, as in the URL.
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    fn config(url: &str, ca_file: &str) -> DatabaseConfig {
        DatabaseConfig {
            url: SecretString::from(url),
            ca_file: ca_file.into(),
            ..DatabaseConfig::default()
        }
    }

    #[test]
    fn what_others_could_do_depends_on_host_and_mode() {
        for (url, way) in [
            ("postgres://a@localhost/hub", Way::Local),
            ("postgres://a@127.0.0.2:1/hub", Way::Local),
            ("postgres://a@[::1]/hub?sslmode=require", Way::Local),
            ("postgres://a@%2Frun%2Fpostgresql/hub", Way::Local),
            ("postgres://a@localhost.example.com/hub", Way::Open),
            ("postgres://a@10.0.0.1/hub?sslmode=disable", Way::Open),
            ("postgres://a@10.0.0.1/hub", Way::Open),
            ("postgres://a@db/hub?sslmode=require", Way::Unverified),
            ("postgres://a@db/hub?sslmode=verify-ca", Way::Unverified),
            ("postgres://a@db/hub?sslmode=verify-full", Way::Verified),
        ] {
            assert_eq!(of(&options(&config(url, "")).unwrap()), way, "{url}");
        }
    }

    #[test]
    fn an_authority_means_that_the_database_is_verified() {
        let bundle = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/aws/rds-ca.pem");
        let found = options(&config("postgres://a@db/hub?sslmode=disable", bundle)).unwrap();
        assert_eq!(of(&found), Way::Verified);
        for useless in ["/nowhere/ca.pem", "Cargo.toml"] {
            let refused = options(&config("postgres://a@db/hub", useless))
                .unwrap_err()
                .to_string();
            assert!(
                refused.contains("database.ca_file") && refused.contains(useless),
                "{refused}"
            );
        }
    }
}
