//! From the announcement to the bytes and to their end.

use serde_json::json;

use super::{BYTES, Story, client, digest, new, said};

#[tokio::test]
async fn what_was_uploaded_is_downloaded_and_told_of_once() {
    for story in Story::of_both().await {
        let created = story.create().await;
        let artifact = &created.json["artifact"];
        assert_eq!(artifact["state"], "pending");
        assert_eq!(artifact["sha256"], digest(BYTES));
        assert_eq!(artifact["is_private"], false);
        assert_eq!(artifact["space_id"], json!(story.hub.home.elsewhere));
        assert_eq!(created.json["upload"]["method"], "PUT");
        let id = created.text("/artifact/id");
        let path = format!("artifacts/{id}");
        let early = story.owner.get(&format!("{path}/download")).await;
        let _ = early.refuses(409, "not_stored");
        let _ = story.complete(id).await.refuses(409, "not_uploaded");
        assert_eq!(story.send(&created, BYTES).await.status(), 200);
        let completed = story.complete(id).await.expect(200);
        assert_eq!(completed.json["state"], "stored");
        // Again is fine, and tells nobody a second time.
        assert_eq!(story.complete(id).await.expect(200).json, completed.json);
        assert_eq!(story.told("artifact.stored").await, 1);
        assert_eq!(story.owner.get(&path).await.expect(200).json, completed.json);
        let listed = story.owner.get("artifacts").await.expect(200);
        assert_eq!(listed.json["items"], json!([completed.json]));
        let read = client().get(story.link(id).await).send().await.unwrap();
        assert_eq!(read.status(), 200);
        let headers = read.headers().clone();
        assert_eq!(read.bytes().await.unwrap(), BYTES);
        assert_eq!(said(&headers, "content-type"), "image/jpeg");
        let disposition = said(&headers, "content-disposition");
        assert!(
            disposition.starts_with("attachment; filename=\"window _")
                && disposition.ends_with("filename*=UTF-8''window%20%22%C3%BC%22.jpg"),
            "{disposition}"
        );
        if !story.is_bucket() {
            assert_eq!(said(&headers, "x-content-type-options"), "nosniff");
            assert!(said(&headers, "cache-control").starts_with("private"));
        }
    }
}

#[tokio::test]
async fn what_was_deleted_is_gone_with_its_bytes_and_told_of_once() {
    for story in Story::of_both().await {
        let id = story.stored().await;
        let link = story.link(&id).await;
        assert_eq!(story.in_store().await.len(), 1);
        let path = format!("artifacts/{id}");
        let _ = story.owner.delete(&path).await.expect(204);
        assert_eq!(story.in_store().await, Vec::<String>::new());
        for gone in [path.clone(), format!("{path}/download")] {
            let _ = story.owner.get(&gone).await.refuses(404, "not_found");
        }
        let _ = story.complete(&id).await.refuses(404, "not_found");
        let _ = story.owner.delete(&path).await.refuses(404, "not_found");
        let listed = story.owner.get("artifacts").await.expect(200);
        assert_eq!(listed.json["items"], json!([]));
        // The stand-in says of an object that is not there that it may not be read.
        let status = client().get(&link).send().await.unwrap().status().as_u16();
        assert_eq!(status, if story.is_bucket() { 403 } else { 404 });
        assert_eq!(story.told("artifact.deleted").await, 1);
        let names = story.hub.sql().count("artifacts", "name is not null").await;
        assert_eq!(names, 0);
    }
}

#[tokio::test]
async fn a_bucket_that_keeps_versions_keeps_none_of_what_was_deleted() {
    let story = Story::in_a_bucket().await;
    let (aws, address) = story.bucket.as_ref().unwrap();
    let versioned = aws_sdk_s3::types::VersioningConfiguration::builder()
        .status(aws_sdk_s3::types::BucketVersioningStatus::Enabled)
        .build();
    let enabled = hub::adapters::s3::client(&aws.sdk)
        .put_bucket_versioning()
        .bucket(&address.bucket)
        .versioning_configuration(versioned);
    enabled.send().await.unwrap();
    let id = story.stored().await;
    assert_eq!(story.in_store().await.len(), 1);
    let _ = story.owner.delete(&format!("artifacts/{id}")).await.expect(204);
    assert_eq!(story.in_store().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_repeated_announcement_makes_one_artifact_and_a_link_that_works() {
    for story in Story::of_both().await {
        let ask = || {
            let ask = story.owner.ask(axum::http::Method::POST, "artifacts");
            ask.json(&new(BYTES)).header("idempotency-key", "once").send()
        };
        let (first, second) = (ask().await.expect(201), ask().await.expect(201));
        assert_eq!(first.json["artifact"], second.json["artifact"]);
        assert_eq!(story.hub.sql().count("artifacts", "true").await, 1);
        let kept = story
            .hub
            .sql()
            .count("idempotency_keys", "answer::text like '%upload%'");
        assert_eq!(kept.await, 0, "the link was kept");
        assert_eq!(story.send(&second, BYTES).await.status(), 200);
        let _ = story.complete(first.text("/artifact/id")).await.expect(200);
    }
}

#[tokio::test]
async fn a_file_larger_than_any_body_of_a_request_passes() {
    for story in Story::of_both().await {
        let large = vec![b'x'; story.hub.config.http.max_body_bytes * 5];
        let created = story.owner.post("artifacts", new(&large)).await.expect(201);
        assert_eq!(story.send(&created, &large).await.status(), 200);
        let id = created.text("/artifact/id");
        let _ = story.complete(id).await.expect(200);
        let read = client().get(story.link(id).await).send().await.unwrap();
        assert!(read.bytes().await.unwrap() == large, "other bytes came back");
    }
}
