//! How many wrong passwords somebody can try who never stops: the throttle of sign-ins, with a clock that is moved on.

use std::net::{IpAddr, Ipv4Addr};

use chrono::TimeDelta;
use hub::{
    clock::{Clock, DateTime, SystemClock},
    identity::throttle::Throttle,
};

/// Between two looks whether there is room for a try: the shortest time in which any count gets some.
const STEP: i64 = 10;
const DAY: i64 = 24 * 60 * 60;

/// Somebody who guesses.
struct Guesser {
    who: &'static str,
    names: u32,
    addresses: u32,
}

pub(crate) async fn measure() {
    let guessers = [
        ("one address, one name", 1, 1),
        ("one address, 1,000 names", 1_000, 1),
        ("100 addresses, one name", 1, 100),
        ("100 addresses, 20 names", 20, 100),
    ];
    for (who, names, addresses) in guessers {
        let guesser = Guesser {
            who,
            names,
            addresses,
        };
        println!("  {}", guesser.tries_for_a_day().await);
    }
}

impl Guesser {
    async fn tries_for_a_day(&self) -> String {
        let (throttle, start) = (Throttle::default(), SystemClock.now());
        let ada: IpAddr = Ipv4Addr::new(203, 0, 113, 7).into();
        know(&throttle, ada, start).await;
        let (mut tried, mut after_minute, mut after_hour, mut refused) = (0_u64, 0, 0, 0);
        for second in (0..DAY).step_by(usize::try_from(STEP).unwrap()) {
            let now = start + TimeDelta::seconds(second);
            for address in 0..self.addresses {
                tried += self.try_from(&throttle, address, now).await;
            }
            // She, whom they guess at, mistypes nothing, and comes from where she always does.
            refused += u32::from(
                throttle
                    .take("name 0", Some(ada), now)
                    .await
                    .map(know_again(now))
                    .is_err(),
            );
            match second + STEP {
                60 => after_minute = tried,
                3_600 => after_hour = tried,
                _ => {}
            }
        }
        format!(
            "{:<28} {after_minute:>6} in a minute  {after_hour:>7} in an hour  {tried:>8} in a day   \
             whose name it is was refused {refused} times of {}",
            self.who,
            DAY / STEP
        )
    }

    /// Every name from one address, until that is refused.
    async fn try_from(&self, throttle: &Throttle, address: u32, now: DateTime) -> u64 {
        let from: IpAddr = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, 0, 0)) + address).into();
        let mut tried = 0;
        for name in 0..self.names {
            while throttle
                .take(&format!("name {name}"), Some(from), now)
                .await
                .is_ok()
            {
                tried += 1;
            }
        }
        tried
    }
}

async fn know(throttle: &Throttle, from: IpAddr, now: DateTime) {
    let ticket = throttle.take("name 0", Some(from), now).await;
    know_again(now)(ticket.expect("nobody has tried yet"));
}

fn know_again(now: DateTime) -> impl Fn(hub::identity::throttle::Ticket<'_>) {
    move |ticket| ticket.succeeded(now)
}
