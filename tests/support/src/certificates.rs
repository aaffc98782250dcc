//! Certificates of an authority that no machine knows.

use std::sync::Arc;

use tokio_rustls::{TlsAcceptor, rustls};

/// A certificate for this machine, and the one of the authority that vouches for it.
pub(crate) fn house_certificates() -> (TlsAcceptor, String) {
    let key = || rcgen::KeyPair::generate().expect("a key can be made");
    let mut authority = rcgen::CertificateParams::default();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = key();
    let certificate = authority.self_signed(&authority_key).expect("it can be signed");
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let own_key = key();
    let own = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address is a name");
    let own = own.signed_by(&own_key, &issuer).expect("it can be signed");
    (acceptor(&own, &own_key), certificate.pem())
}

/// A certificate for this machine that vouches for itself, and whether as an authority.
pub(crate) fn own_certificate(is_authority: bool) -> (TlsAcceptor, String) {
    let key = rcgen::KeyPair::generate().expect("a key can be made");
    let mut own = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address is a name");
    own.is_ca = if is_authority {
        rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained)
    } else {
        rcgen::IsCa::ExplicitNoCa
    };
    let own = own.self_signed(&key).expect("it can be signed");
    (acceptor(&own, &key), own.pem())
}

fn acceptor(own: &rcgen::Certificate, key: &rcgen::KeyPair) -> TlsAcceptor {
    let secret = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der());
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], secret.expect("a key is a key"))
        .expect("key and certificate go together");
    TlsAcceptor::from(Arc::new(config))
}
