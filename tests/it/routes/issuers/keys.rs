//! Keys that change, and an issuer that is away.

use super::*;
use crate::routes::ada_again;

#[tokio::test]
async fn keys_are_rotated_and_taken_back_and_the_issuer_is_asked_once_a_minute() {
    let (old, new) = (Key::ec("old"), Key::rsa("new"));
    let home = Home::with(&[&old]).await;
    let me = async |key: &Key| home.bearer(&key.signs(&home.claims("s"))).get("/v1/me").await;
    let _ = home.joins(&old.signs(&home.claims("s")), "bob").await.expect(201);
    assert_eq!(home.issuer.asked(), 2, "the document and the keys, once");
    home.issuer.publishes(&[&old, &new]);
    for _ in 0..5 {
        let _ = me(&new).await.refuses(401, "unauthenticated");
    }
    assert_eq!(home.issuer.asked(), 2, "whatever comes within the minute");
    home.hub.clock.advance(Duration::seconds(60));
    for key in [&new, &old] {
        let _ = me(key).await.expect(200);
    }
    assert_eq!(home.issuer.asked(), 4);
    // Taken back: refused once the keys are looked at again.
    home.issuer.publishes(&[&new]);
    let _ = me(&old).await.expect(200);
    home.hub.clock.advance(Duration::minutes(10));
    let _ = me(&old).await.refuses(401, "unauthenticated");
    let _ = me(&new).await.expect(200);
}

#[tokio::test]
async fn an_issuer_that_is_away_takes_nobody_with_it_for_a_day() {
    let (key, other) = (Key::ec("one"), Key::ec("other"));
    let home = Home::with(&[&key]).await;
    let me = async |key: &Key| home.bearer(&key.signs(&home.claims("s"))).get("/v1/me").await;
    let _ = home.joins(&key.signs(&home.claims("s")), "bob").await.expect(201);
    for mood in [
        Mood::Hangs,
        Mood::Broken,
        Mood::TooLong,
        Mood::Redirects,
        Mood::OtherIssuer,
    ] {
        home.issuer.is(mood);
        home.hub.clock.advance(Duration::minutes(10));
        let began = Instant::now();
        let _ = me(&key).await.expect(200);
        let refused = me(&other).await.refuses(503, "full");
        assert_eq!(refused.header("retry-after"), Some("60"), "{mood:?}");
        assert!(
            began.elapsed() < Time::from_secs(5),
            "{mood:?}: {:?}",
            began.elapsed()
        );
        let asked = home.issuer.asked();
        let _ = me(&other).await.refuses(503, "full");
        assert_eq!(home.issuer.asked(), asked, "{mood:?}: nobody waits for it twice");
    }
    home.hub.clock.advance(Duration::hours(24));
    let gone = me(&key).await.refuses(503, "full");
    assert!(gone.told().contains("issuer"), "{}", gone.told());
    // Others are none of its concern.
    let ada = ada_again(&home.hub, &home.rest).await;
    let _ = ada.get("turns").await.expect(200);
    home.issuer.is(Mood::Well);
    home.hub.clock.advance(Duration::minutes(1));
    let _ = me(&key).await.expect(200);
}
