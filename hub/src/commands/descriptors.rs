//! File descriptors: each connection and each socket takes one, and what a system gives a process by default is few.

use crate::config::Config;

/// For everything else: strangers' sockets at the door, the audit store, the log, the runtime, and a few to spare. The
/// database's connections come on top.
const RESERVE: u64 = 256;

/// Takes as many descriptors as the process may have, and lowers the bounds on what is open to what they are enough for: a hub
/// that runs out of them could accept nobody, nor tell.
pub(super) fn fit(config: &mut Config) {
    let limit = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => limit,
        Err(error) => return tracing::warn!(%error, "the limit of open files could not be raised"),
    };
    let database = u64::from(config.database.app_connections) + u64::from(config.database.system_connections);
    let room = limit.saturating_sub(RESERVE + database);
    let wanted = Bounds {
        connections: config.http.max_connections,
        sockets: config.satellite.max_sockets,
    };
    let fitting = wanted.within(usize::try_from(room).unwrap_or(usize::MAX));
    if fitting == wanted {
        return;
    }
    tell(limit, fitting);
    config.http.max_connections = fitting.connections;
    config.satellite.max_sockets = fitting.sockets;
}

/// A warning only where fewer are left than a busy household may need; the default bounds are beyond most limits.
fn tell(limit: u64, left: Bounds) {
    const PLENTY: usize = 1_000;
    if left.connections.min(left.sockets) >= PLENTY {
        tracing::info!(
            limit,
            http.max_connections = left.connections,
            satellite.max_sockets = left.sockets,
            "open connections are bounded by the limit of open files"
        );
        return;
    }
    tracing::warn!(
        limit,
        http.max_connections = left.connections,
        satellite.max_sockets = left.sockets,
        "too few open files are allowed for all connections that are configured; there will be fewer: raise the hard limit \
         (ulimit -Hn, LimitNOFILE= of systemd), or lower HUB_HTTP__MAX_CONNECTIONS and HUB_SATELLITE__MAX_SOCKETS"
    );
}

/// What may be open at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    connections: usize,
    sockets: usize,
}

impl Bounds {
    /// The same where there is room. Else sockets, which stay, have what they want up to half of it, and connections, which
    /// come and go, the rest. One of each there always is.
    fn within(self, room: usize) -> Self {
        if self
            .connections
            .checked_add(self.sockets)
            .is_some_and(|all| all <= room)
        {
            return self;
        }
        let sockets = self
            .sockets
            .min((room / 2).max(room.saturating_sub(self.connections)));
        Self {
            connections: self.connections.min(room - sockets.min(room)).max(1),
            sockets: sockets.max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_fit_into_what_there_is() {
        for (wanted, room, expected) in [
            ((20_000, 12_000), 32_000, (20_000, 12_000)),
            ((20_000, 12_000), 31_999, (19_999, 12_000)),
            ((20_000, 12_000), 900, (450, 450)),
            ((20_000, 100), 900, (800, 100)),
            ((100, 12_000), 900, (100, 800)),
            ((20_000, 12_000), 0, (1, 1)),
            (
                (usize::MAX, usize::MAX),
                usize::MAX,
                (usize::MAX / 2 + 1, usize::MAX / 2),
            ),
        ] {
            let bounds = |(connections, sockets)| Bounds { connections, sockets };
            assert_eq!(
                bounds(wanted).within(room),
                bounds(expected),
                "{wanted:?} in {room}"
            );
        }
    }
}
