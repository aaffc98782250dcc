//! The throttle by itself.

use chrono::TimeZone;

use super::*;

const ADA: Attempt<'_> = Attempt::Password("ada");

fn noon() -> DateTime {
    chrono::Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()
}

fn at(address: &str) -> IpAddr {
    address.parse().unwrap()
}

/// Fails until it has to wait: how often it could, and how long to wait in seconds.
fn fails(throttle: &Throttle, attempt: Attempt<'_>, address: IpAddr, now: DateTime) -> (u32, u64) {
    for tries in 0.. {
        match throttle.take(attempt, Some(address), now) {
            Ok(failed) => drop(failed),
            Err(wait) => return (tries, wait.as_secs()),
        }
    }
    unreachable!()
}

#[test]
fn a_name_at_an_address_has_a_burst_and_then_one_try_every_half_minute() {
    let throttle = Throttle::default();
    let now = noon();
    assert_eq!(fails(&throttle, ADA, at("192.0.2.1"), now), (10, 30));
    assert_eq!(
        fails(
            &throttle,
            Attempt::Password("ADA"),
            at("192.0.2.1"),
            now + Duration::seconds(29)
        ),
        (0, 1)
    );
    assert_eq!(
        fails(&throttle, ADA, at("192.0.2.1"), now + Duration::seconds(30)),
        (1, 30)
    );
    assert_eq!(
        fails(&throttle, ADA, at("192.0.2.1"), now + Duration::hours(1)),
        (10, 30)
    );
}

#[test]
fn others_are_not_held_up_by_who_fails() {
    let throttle = Throttle::default();
    fails(&throttle, ADA, at("192.0.2.1"), noon());
    assert!(
        throttle
            .take(Attempt::Password("bob"), Some(at("192.0.2.1")), noon())
            .is_ok()
    );
    assert!(throttle.take(ADA, Some(at("192.0.2.2")), noon()).is_ok());
}

#[test]
fn an_address_has_a_limit_over_all_that_it_tries() {
    let throttle = Throttle::default();
    let names: Vec<String> = (0..30).map(|number| format!("name {number}")).collect();
    for name in &names {
        drop(throttle.take(Attempt::Password(name), Some(at("192.0.2.1")), noon()));
    }
    assert_eq!(
        fails(&throttle, Attempt::Claim, at("192.0.2.1"), noon()),
        (10, 10)
    );
    assert_eq!(fails(&throttle, Attempt::Refresh, at("192.0.2.1"), noon()).0, 0);
}

#[test]
fn an_address_is_a_network_where_one_customer_has_many() {
    let throttle = Throttle::default();
    fails(&throttle, ADA, at("2001:db8:1:2::1"), noon());
    assert!(
        throttle
            .take(ADA, Some(at("2001:db8:1:2:ffff::9")), noon())
            .is_err()
    );
    assert!(throttle.take(ADA, Some(at("2001:db8:1:3::1")), noon()).is_ok());
}

#[test]
fn who_signed_in_from_a_place_is_not_locked_out_of_it_by_the_whole_world() {
    let throttle = Throttle::default();
    throttle
        .take(ADA, Some(at("192.0.2.1")), noon())
        .unwrap()
        .succeeded(noon());
    for number in 0..20 {
        fails(&throttle, ADA, at(&format!("198.51.100.{number}")), noon());
    }
    assert!(throttle.take(ADA, Some(at("203.0.113.1")), noon()).is_err());
    assert!(throttle.take(ADA, Some(at("192.0.2.1")), noon()).is_ok());
    let later = noon() + PLACE_LIFE;
    for number in 0..20 {
        fails(&throttle, ADA, at(&format!("198.51.100.{number}")), later);
    }
    assert!(throttle.take(ADA, Some(at("192.0.2.1")), later).is_err());
}

#[test]
fn what_did_not_fail_is_given_back() {
    let throttle = Throttle::default();
    for _ in 0..100 {
        throttle
            .take(ADA, Some(at("192.0.2.1")), noon())
            .unwrap()
            .succeeded(noon());
        throttle
            .take(ADA, Some(at("192.0.2.1")), noon())
            .unwrap()
            .give_back();
    }
    assert_eq!(fails(&throttle, ADA, at("192.0.2.1"), noon()).0, 10);
}

#[test]
fn tries_at_once_are_counted_before_they_end() {
    let throttle = Throttle::default();
    let under_way: Vec<_> = (0..10)
        .map(|_| throttle.take(ADA, Some(at("192.0.2.1")), noon()).unwrap())
        .collect();
    assert!(throttle.take(ADA, Some(at("192.0.2.1")), noon()).is_err());
    drop(under_way);
}

#[test]
fn the_table_is_bounded_and_who_failed_most_stays_in_it() {
    let throttle = Throttle::default();
    fails(&throttle, ADA, at("192.0.2.1"), noon());
    for number in 0..MOST_COUNTS {
        let address = IpAddr::V4(u32::try_from(number).unwrap().into());
        drop(throttle.take(Attempt::Claim, Some(address), noon()));
    }
    assert_eq!(throttle.table.lock().unwrap().counts.len(), MOST_COUNTS);
    assert!(throttle.take(ADA, Some(at("192.0.2.1")), noon()).is_err());
}
