//! The throttle by itself.

use chrono::TimeZone;
use futures_util::FutureExt;

use super::{
    table::{MOST_COUNTS, PLACE_LIFE},
    *,
};

fn noon() -> DateTime {
    chrono::Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()
}

fn at(address: &str) -> IpAddr {
    address.parse().unwrap()
}

/// Addresses of the whole world, as many as there are numbers.
fn world(number: u32) -> IpAddr {
    IpAddr::V4(number.into())
}

/// Fails until it has to wait: how often it could, and how long to wait in seconds.
fn fails(throttle: &Throttle, name: &str, address: IpAddr, now: DateTime) -> (u32, u64) {
    until_refused(|| throttle.try_take(name, Some(address), now).map(drop))
}

/// The same with a secret.
fn guesses(throttle: &Throttle, what: Secret, address: IpAddr, now: DateTime) -> (u32, u64) {
    until_refused(|| {
        throttle
            .wrong(what, Some(address), now)
            .map_err(Refused::Failures)
    })
}

fn until_refused(mut tries: impl FnMut() -> Result<(), Refused>) -> (u32, u64) {
    for before in 0.. {
        match tries() {
            Ok(()) => {}
            Err(Refused::Failures(wait)) => return (before, wait.as_secs()),
            Err(Refused::UnderWay) => unreachable!("one try at a time"),
        }
    }
    unreachable!()
}

/// Whether a try would be let through now.
fn may(throttle: &Throttle, name: &str, address: IpAddr, now: DateTime) -> bool {
    let taken = throttle.try_take(name, Some(address), now);
    taken.map(Ticket::give_back).is_ok()
}

fn signs_in(throttle: &Throttle, name: &str, address: IpAddr, now: DateTime) {
    let ticket = throttle.try_take(name, Some(address), now).unwrap();
    ticket.succeeded(now);
}

#[test]
fn a_name_at_an_address_has_a_burst_and_then_one_try_every_half_minute() {
    let throttle = Throttle::default();
    let (now, home) = (noon(), at("192.0.2.1"));
    assert_eq!(fails(&throttle, "ada", home, now), (10, 30));
    for (seconds, expected) in [(29, (0, 1)), (30, (1, 30)), (3600, (10, 30))] {
        let later = now + Duration::seconds(seconds);
        assert_eq!(fails(&throttle, "ada", home, later), expected, "{seconds}");
    }
}

#[test]
fn others_are_not_held_up_by_who_fails() {
    let throttle = Throttle::default();
    fails(&throttle, "ada", at("192.0.2.1"), noon());
    assert!(may(&throttle, "bob", at("192.0.2.1"), noon()));
    assert!(may(&throttle, "ada", at("192.0.2.2"), noon()));
}

#[test]
fn an_address_has_a_limit_over_all_names_that_it_tries() {
    let throttle = Throttle::default();
    let mut names = (0..).map(|number| format!("name {number}"));
    let tries = || {
        let name = names.next().unwrap();
        throttle.try_take(&name, Some(at("192.0.2.1")), noon()).map(drop)
    };
    assert_eq!(until_refused(tries), (40, 10));
}

#[test]
fn who_signed_in_from_a_place_is_held_up_by_nobody_elses_failures() {
    let throttle = Throttle::default();
    let (home, now) = (at("192.0.2.1"), noon());
    signs_in(&throttle, "ada", home, now);
    // The whole world at this name, and somebody behind this address at every other.
    for number in 0..20 {
        fails(&throttle, "ada", world(number), now);
        fails(&throttle, &format!("name {number}"), home, now);
    }
    assert!(!may(&throttle, "ada", at("203.0.113.1"), now));
    assert!(!may(&throttle, "bob", home, now));
    // Its own failures are still counted.
    assert_eq!(fails(&throttle, "ada", home, now), (10, 30));
    let later = now + PLACE_LIFE;
    for number in 0..20 {
        fails(&throttle, "ada", world(number), later);
    }
    assert!(!may(&throttle, "ada", home, later), "the place is forgotten");
}

#[test]
fn wrong_secrets_are_counted_by_kind_and_hold_no_password_up() {
    let throttle = Throttle::default();
    let home = at("192.0.2.1");
    for what in [Secret::ClaimCode, Secret::RefreshToken] {
        assert_eq!(guesses(&throttle, what, home, noon()), (40, 10), "{what:?}");
    }
    assert!(may(&throttle, "ada", home, noon()));
}

#[test]
fn what_did_not_fail_is_given_back() {
    let throttle = Throttle::default();
    for _ in 0..100 {
        signs_in(&throttle, "ada", at("192.0.2.1"), noon());
        assert!(may(&throttle, "ada", at("192.0.2.1"), noon()));
    }
    assert_eq!(fails(&throttle, "ada", at("192.0.2.1"), noon()).0, 10);
}

#[test]
fn tries_at_once_are_counted_before_they_end_and_the_next_waits_for_their_ends() {
    let throttle = Throttle::default();
    let (home, now) = (at("192.0.2.1"), noon());
    let tries = || throttle.try_take("ada", Some(home), now);
    let mut under_way: Vec<_> = std::iter::from_fn(|| tries().ok()).collect();
    assert_eq!(under_way.len(), 10);
    let mut next = Box::pin(throttle.take("ada", Some(home), now));
    assert!(next.as_mut().now_or_never().is_none(), "it may be right as well");
    under_way.pop().unwrap().succeeded(now);
    let mut after = Box::pin(throttle.take("ada", Some(home), now));
    next.as_mut().now_or_never().unwrap().unwrap().succeeded(now);
    // All the others are wrong: then who waits is told for how long.
    drop(under_way);
    drop(after.as_mut().now_or_never().unwrap().unwrap());
    assert_eq!(
        tries().err(),
        Some(Refused::Failures(std::time::Duration::from_secs(30)))
    );
}

#[test]
fn a_clock_that_was_set_back_makes_nobody_wait_for_days() {
    let throttle = Throttle::default();
    let (home, now) = (at("192.0.2.1"), noon());
    fails(&throttle, "ada", home, now + Duration::days(7));
    assert_eq!(fails(&throttle, "ada", home, now), (0, 30));
    assert_eq!(
        fails(&throttle, "ada", home, now + Duration::seconds(300)),
        (10, 30)
    );
}

#[test]
fn the_table_is_bounded_and_who_failed_most_or_is_under_way_stays_in_it() {
    let throttle = Throttle::default();
    let (home, now) = (at("192.0.2.1"), noon());
    fails(&throttle, "ada", home, now);
    let _under_way = throttle.try_take("bob", Some(home), now).unwrap();
    for number in 0..u32::try_from(MOST_COUNTS).unwrap() {
        let _ = throttle.wrong(Secret::ClaimCode, Some(world(number)), now);
    }
    assert_eq!(throttle.lock().len(), MOST_COUNTS);
    assert!(!may(&throttle, "ada", home, now));
}
