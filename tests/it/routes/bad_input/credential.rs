//! Credentials: wrong, forged, expired.

use chrono::Duration;
use hub::identity::tokens::LIFE;
use support::Snapshot;

use super::Case;
use crate::sample::Sample;

#[tokio::test]
async fn a_wrong_credential_is_refused() {
    let sample = Sample::new().await;
    let token = sample.owner.credential().to_owned();
    let (head, signature) = token.rsplit_once('.').expect("a token has three parts");
    let flipped = if signature.starts_with('A') { 'B' } else { 'A' };
    let wrong = [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        token.clone(),
        format!("Basic {token}"),
        format!("Bearer {token}x"),
        format!("Bearer {head}.{flipped}{}", &signature[1..]),
        format!("Bearer {head}."),
        format!("Bearer {head}"),
        // {"alg":"none"} and the same claims.
        format!(
            "Bearer eyJhbGciOiJub25lIn0.{}.",
            head.split('.').nth(1).unwrap_or_default()
        ),
        "Bearer ...".to_owned(),
        "Bearer hubd_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        "Bearer hubr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        format!("Bearer {}", "x".repeat(100_000)),
        format!("Bearer hubd_{}", "x".repeat(100_000)),
        "Bearer \u{fe}\u{fe}".to_owned(),
    ];
    for operation in sample
        .api
        .operations
        .iter()
        .filter(|operation| operation.is_protected)
    {
        let case = Case::of(&sample, operation).await;
        for wrong in &wrong {
            let answer = case.ask().header("authorization", wrong).send().await;
            let answer = answer.refuses(401, "unauthenticated");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
        let answer = case.ask().without("authorization").send().await;
        let _ = answer.refuses(401, "unauthenticated");
        let after = Snapshot::without_hub_chain(sample.hub.sql()).await;
        assert_eq!(after.changed_since(&case.before), Vec::<&str>::new());
    }
}

#[tokio::test]
async fn an_expired_token_is_refused_everywhere() {
    let sample = Sample::new().await;
    sample.hub.clock.advance(LIFE - Duration::seconds(1));
    let _ = sample.owner.get("/v1/me").await.expect(200);
    sample.hub.clock.advance(Duration::seconds(1));
    for operation in sample
        .api
        .operations
        .iter()
        .filter(|operation| operation.is_protected)
    {
        let path = operation
            .path
            .replace("{agent_id}", "self")
            .replace(['{', '}'], "");
        let answer = sample.owner.ask(operation.method.clone(), &path).send().await;
        let _ = answer.refuses(401, "unauthenticated");
    }
}
