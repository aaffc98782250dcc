//! Where a request comes from: the other end of its connection, or whom a trusted proxy forwards for.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};

use super::layers::RequestContext;
use crate::{config::TrustedProxy, hub::Hub, identity::Origin};

/// The header in which a proxy names whom it forwards for; each proxy adds the address that it was called from.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The other end of the connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

impl FromRequestParts<Hub> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, hub: &Hub) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<Peer>();
        let proxies = &hub.config.http.trusted_proxies;
        Ok(Self {
            address: peer.map(|peer| behind(proxies, peer.0, &parts.headers)),
            request_id: Some(RequestContext::of(parts).id),
        })
    }
}

/// The nearest address that is not a trusted proxy's: what stands further left is whatever the sender wrote.
fn behind(proxies: &[TrustedProxy], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let said = headers.get_all(FORWARDED_FOR).iter();
    let hops: Vec<&str> = said
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let mut nearest = peer.to_canonical();
    for hop in hops.into_iter().rev() {
        if !proxies.iter().any(|proxy| proxy.is(nearest)) {
            break;
        }
        let Some(address) = address(hop.trim()) else {
            break;
        };
        nearest = address.to_canonical();
    }
    nearest
}

/// An address, also with its port or in brackets: proxies write all of these.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.parse().ok();
    let with_port = || hop.parse().map(|hop: SocketAddr| hop.ip()).ok();
    let in_brackets = || {
        hop.strip_prefix('[')?
            .strip_suffix(']')?
            .parse()
            .map(Ipv6Addr::into)
            .ok()
    };
    bare.or_else(with_port).or_else(in_brackets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(proxies: &[&str], peer: &str, forwarded: &[&'static str]) -> String {
        let proxies: Vec<TrustedProxy> = proxies.iter().map(|text| text.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        behind(&proxies, peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn nobody_chooses_their_own_address() {
        assert_eq!(seen(&[], "198.51.100.7", &["203.0.113.9"]), "198.51.100.7");
        assert_eq!(
            seen(&["127.0.0.1"], "198.51.100.7", &["203.0.113.9"]),
            "198.51.100.7"
        );
    }

    #[test]
    fn a_trusted_proxy_says_for_whom_it_asks() {
        let proxies = ["127.0.0.1", "10.0.0.2"];
        for (forwarded, expected) in [
            (vec!["203.0.113.9"], "203.0.113.9"),
            (vec!["1.2.3.4, 203.0.113.9"], "203.0.113.9"),
            (vec!["1.2.3.4", "203.0.113.9,10.0.0.2"], "203.0.113.9"),
            (vec!["nonsense"], "127.0.0.1"),
            // With the port, as some proxies write it, and in brackets (RFC 7239, 6).
            (vec!["203.0.113.9:51234"], "203.0.113.9"),
            (vec!["2001:db8::1"], "2001:db8::1"),
            (vec!["[2001:db8::1]:443"], "2001:db8::1"),
            (vec!["[2001:db8::1]"], "2001:db8::1"),
            (vec!["1.2.3.4:80, 203.0.113.9:51234, 10.0.0.2:443"], "203.0.113.9"),
            (vec!["203.0.113.9:"], "127.0.0.1"),
            (vec!["203.0.113.9:99999"], "127.0.0.1"),
            (vec!["[203.0.113.9]"], "127.0.0.1"),
            (vec![], "127.0.0.1"),
        ] {
            assert_eq!(seen(&proxies, "127.0.0.1", &forwarded), expected, "{forwarded:?}");
        }
        assert_eq!(
            seen(&proxies, "::ffff:127.0.0.1", &["203.0.113.9"]),
            "203.0.113.9"
        );
    }

    #[test]
    fn a_load_balancer_has_any_address_of_its_network() {
        let proxies = ["10.0.0.0/27", "10.0.0.32/27"];
        assert_eq!(seen(&proxies, "10.0.0.40", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(seen(&proxies, "10.0.0.64", &["203.0.113.9"]), "10.0.0.64");
        assert_eq!(
            seen(&proxies, "10.0.0.4", &["1.2.3.4, 10.0.0.64, 10.0.0.5"]),
            "10.0.0.64"
        );
    }
}
