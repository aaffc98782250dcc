//! The store is away: what needs it waits, and all else goes on.

use std::sync::Arc;

use hub::adapters::blobs::BlobBucket;
use serde_json::json;
use support::{Aws, Proxy, TestHub};

use super::{BYTES, Story};

#[tokio::test]
async fn while_the_store_is_away_uploads_wait_and_deleting_is_done_once_it_is_back() {
    let there = Aws::stand_in().await;
    let address = there.bucket(false).await;
    let proxy = Proxy::before(&there.config.endpoint_url).await;
    let aws = Aws::at(&proxy.url).await;
    let (mut config, store) = (aws.config.clone(), address.to_string());
    config.timeout_ms = 2_000;
    let sdk = hub::adapters::aws::connect(&config, Some(Aws::credentials())).await;
    let hub = TestHub::builder().config(|all| {
        all.aws = config;
        all.artifacts.store = store;
    });
    let hub = hub.start().await;
    hub.blobs
        .use_store(Arc::new(BlobBucket::new(&sdk, address.clone())));
    let story = Story::with(hub, Some((there, address))).await;
    let (kept, created) = (story.stored().await, story.create().await);
    let id = created.text("/artifact/id");
    proxy.cut();
    let refused = story.complete(id).await.refuses(503, "unavailable");
    assert_eq!(refused.json["detail"], "the store of artifacts is not reachable");
    let ready = story.rest.nobody().get("/readyz").await.expect(200);
    assert_eq!(ready.json["is_ready"], true);
    let problem = "it is not reachable, too slow or broken";
    assert_eq!(
        ready.json["artifacts"],
        json!({"kind": "s3", "health": "away", "problem": problem})
    );
    // It is gone for everyone at once.
    let _ = story.owner.delete(&format!("artifacts/{kept}")).await.expect(204);
    let _ = story
        .owner
        .get(&format!("artifacts/{kept}"))
        .await
        .refuses(404, "not_found");
    story.sweep().await;
    assert_eq!(
        story.in_store().await.len(),
        1,
        "the bytes cannot have been removed"
    );
    proxy.heal();
    story.sweep().await;
    assert_eq!(story.in_store().await, Vec::<String>::new());
    let ready = story.rest.nobody().get("/readyz").await.expect(200);
    assert_eq!(ready.json["artifacts"]["health"], "answers");
    assert_eq!(story.send(&created, BYTES).await.status(), 200);
    let _ = story.complete(id).await.expect(200);
}
