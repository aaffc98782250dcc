//! Whom an address stands for, where addresses are counted.

use std::net::{IpAddr, Ipv6Addr};

/// What one customer has: an IPv4 address, or an IPv6 network of 64 bits. Addresses that are good only on this link or at this
/// site share their network with the whole household, so each stands for itself.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_unicast_link_local() && !address.is_unique_local() => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        single => single,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_one(left: &str, right: &str) -> bool {
        network(left.parse().unwrap()) == network(right.parse().unwrap())
    }

    #[test]
    fn an_address_is_a_network_where_one_customer_has_many() {
        assert!(is_one("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"));
        assert!(!is_one("2001:db8:1:2::1", "2001:db8:1:3::1"));
        assert!(is_one("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!is_one("192.0.2.1", "192.0.2.2"));
    }

    #[test]
    fn neighbours_at_home_are_not_one() {
        assert!(!is_one("fe80::1", "fe80::2"));
        assert!(!is_one("fd12:3456:789a:1::1", "fd12:3456:789a:1::2"));
        assert!(!is_one("::1", "2001:db8::1"));
    }
}
