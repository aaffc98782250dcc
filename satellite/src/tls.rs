//! TLS as a client: the one crypto provider of this process, whom it trusts, and what a certificate that it does not trust means.

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    CertificateError, ClientConfig,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::Verifier;

/// Chooses the provider: two can end up in a build, and then a TLS client without a choice panics. Again changes nothing; to be
/// called before a client is made.
pub fn choose_provider() {
    // An error says that one was chosen before: by us, there is no other.
    let _ = ring::default_provider().install_default();
}

/// Nobody can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustProblem {
    /// The file is of no use.
    #[error("{path} must hold certificates in PEM: {detail}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The machine trusts nobody.
    #[error(
        "no certificate can be checked: {0}\n  install the certificates of this system (ca-certificates)"
    )]
    Machine(rustls::Error),
}

/// A client that trusts whom this machine trusts and, beside them, the authorities whose certificates a file holds.
pub fn client(ca_file: Option<&Path>) -> Result<ClientConfig, TrustProblem> {
    let own = ca_file.map_or(Ok(Vec::new()), authorities)?;
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(own, Arc::clone(&provider));
    let verifier = verifier.map_err(TrustProblem::Machine)?;
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(TrustProblem::Machine)?;
    // "Dangerous" is a verifier of one's own: this one is the system's.
    let config = config
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    Ok(config.with_no_client_auth())
}

/// Why the far side's certificate was refused and what to do, in a sentence; none if something else went wrong.
#[must_use]
pub fn distrust(error: &(dyn Error + 'static)) -> Option<String> {
    distrust_of(error, "with --ca-file FILE (or HUB_CA_FILE)")
}

/// The same where an authority is named in another way than with the commands' option.
#[must_use]
pub fn distrust_of(error: &(dyn Error + 'static), named: &str) -> Option<String> {
    if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref() {
        return Some(explain(why, named));
    }
    // What wraps an error of TLS as one of I/O names that one's cause as its own, and not itself.
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    match wrapped {
        Some(inner) => distrust_of(inner, named),
        None => distrust_of(error.source()?, named),
    }
}

fn explain(why: &CertificateError, named: &str) -> String {
    match why {
        CertificateError::UnknownIssuer => format!(
            "nobody whom this machine trusts vouches for its certificate; if that is one of the \
             house, name its authority's certificate {named}"
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is another name's; use the address that it is made for".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has ended, or this machine's clock is wrong".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not good yet, or this machine's clock is wrong".to_owned()
        }
        // The verifier's own word for what `openssl req -x509` makes when nobody says otherwise.
        CertificateError::Other(why) if why.to_string() == "CaUsedAsEndEntity" => {
            "its certificate is marked as an authority's (CA:TRUE), which only vouches for others; make one with CA:FALSE"
                .to_owned()
        }
        other => format!("its certificate is not good: {other}"),
    }
}

/// The certificates in a file, at least one.
pub fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustProblem> {
    let useless = |detail: String| TrustProblem::File {
        path: path.to_owned(),
        detail,
    };
    let found = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let found: Vec<_> = found.map_err(|error| useless(error.to_string()))?;
    if found.is_empty() {
        return Err(useless("there is none in it".to_owned()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_certificate_is_found_in_whatever_wraps_it() {
        let refused = || rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let deep = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, refused()));
        for error in [&refused() as &(dyn Error + 'static), &deep] {
            let said = distrust(error).unwrap();
            assert!(said.contains("--ca-file"), "{said}");
        }
        assert_eq!(distrust(&io::Error::from(io::ErrorKind::ConnectionRefused)), None);
        assert_eq!(distrust(&io::Error::other(rustls::Error::DecryptError)), None);
    }

    #[test]
    fn a_file_without_certificates_is_refused_by_name() {
        for path in ["/nowhere/ca.pem", "Cargo.toml"] {
            let problem = client(Some(Path::new(path))).unwrap_err().to_string();
            assert!(problem.starts_with(path), "{problem}");
        }
    }
}
