//! Where the hub of a data folder listens: `serve` leaves it in the file `address`, and the commands beside it find it there.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use crate::{config::DataDir, ids};

/// Where a hub listens unless it is told otherwise.
pub const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Leaves the address for the other commands. They read the old one or the new one, never half of it, also where several
/// nodes share the folder and start at once.
pub fn leave(dir: &DataDir, address: SocketAddr) -> io::Result<()> {
    let next = dir.join(format!("address.{}.new", ids::fresh()));
    fs::write(&next, format!("{}\n", reachable(address)))?;
    fs::rename(next, dir.join("address"))
}

/// The address that was left last, else the default.
#[must_use]
pub fn find(dir: &DataDir) -> SocketAddr {
    let left = fs::read_to_string(dir.join("address")).ok();
    left.and_then(|text| text.trim().parse().ok()).unwrap_or(DEFAULT)
}

/// How a program on this machine reaches a hub that listens on an address.
#[must_use]
pub const fn reachable(listening: SocketAddr) -> SocketAddr {
    let ip = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listening.port())
}

#[cfg(test)]
mod tests {
    use super::{super::remote::testing::Folder, *};

    #[test]
    fn what_was_left_is_found_as_it_can_be_reached() {
        let folder = Folder::new();
        assert_eq!(find(&folder.0), DEFAULT);
        leave(&folder.0, "0.0.0.0:9000".parse().unwrap()).unwrap();
        assert_eq!(find(&folder.0), "127.0.0.1:9000".parse().unwrap());
        leave(&folder.0, "[::]:9001".parse().unwrap()).unwrap();
        assert_eq!(find(&folder.0), "[::1]:9001".parse().unwrap());
        std::fs::write(folder.path("address"), "something else").unwrap();
        assert_eq!(find(&folder.0), DEFAULT);
    }
}
