//! What a link lets through, and what it does not.

use axum::{body::Body, http::Method};
use chrono::TimeDelta;
use futures_util::{StreamExt, stream};
use support::Answer;

use super::{BYTES, Story, client, digest, files};

#[tokio::test]
async fn other_bytes_than_were_announced_never_become_an_artifact() {
    for story in Story::of_both().await {
        let short = &BYTES[1..];
        let long = [BYTES, b"!"].concat();
        let other = [b"A", &BYTES[1..]].concat();
        for wrong in [short, &long, &other] {
            let created = story.create().await;
            let id = created.text("/artifact/id");
            let status = story.send(&created, wrong).await.status().as_u16();
            // The stand-in takes what S3 refuses; the hub looks for itself.
            if story.is_bucket() {
                assert_eq!(status, 200);
                let _ = story.complete(id).await.refuses(409, "upload_differs");
            } else {
                assert_eq!(status, 400);
                let _ = story.complete(id).await.refuses(409, "not_uploaded");
                assert_eq!(story.send(&created, BYTES).await.status(), 200);
                let _ = story.complete(id).await.expect(200);
            }
        }
    }
}

#[tokio::test]
async fn a_body_without_a_length_is_counted_as_it_comes_and_leaves_nothing_behind() {
    let story = Story::in_a_directory().await;
    let created = story.create().await;
    for wrong in [
        vec!["a picture"],
        vec!["a picture of the window", " and", " more"],
    ] {
        let pieces = wrong.into_iter().map(Ok::<_, std::io::Error>);
        let sent = streamed(&story, &created, Body::from_stream(stream::iter(pieces))).await;
        let _ = sent.refuses(400, "malformed");
        assert_eq!(story.in_store().await, Vec::<String>::new());
    }
    let whole = std::str::from_utf8(BYTES).unwrap().split_inclusive(' ');
    let pieces: Vec<_> = whole.map(Ok::<_, std::io::Error>).collect();
    let _ = streamed(&story, &created, Body::from_stream(stream::iter(pieces)))
        .await
        .expect(200);
}

/// Sends a body whose length nobody says.
async fn streamed(story: &Story, created: &Answer, body: Body) -> Answer {
    let ask = story.rest.nobody().ask(Method::PUT, created.text("/upload/url"));
    ask.raw(body).header("content-type", "image/jpeg").send().await
}

#[tokio::test]
async fn a_second_upload_changes_nothing() {
    for story in Story::of_both().await {
        let created = story.create().await;
        assert_eq!(story.send(&created, BYTES).await.status(), 200);
        let again = story.send(&created, BYTES).await.status().as_u16();
        assert!([409, 412].contains(&again), "{again}");
        let id = created.text("/artifact/id");
        let _ = story.complete(id).await.expect(200);
        let after = story.send(&created, BYTES).await.status().as_u16();
        assert!([409, 412].contains(&after), "{after}");
    }
}

#[tokio::test]
async fn an_altered_link_or_one_for_another_purpose_opens_nothing() {
    let story = Story::in_a_directory().await;
    let id = story.stored().await;
    let created = story.create().await;
    let (upload, download) = (story.at(created.text("/upload/url")), story.link(&id).await);
    let token = story.owner.credential().to_owned();
    let sign_in = story.at(&format!("/v1/artifact-bytes/{token}"));
    let put = async |url: &str| {
        let ask = client().put(url).header("content-type", "image/jpeg").body(BYTES);
        ask.send().await.unwrap().status().as_u16()
    };
    let get = async |url: &str| client().get(url).send().await.unwrap().status().as_u16();
    for url in [&altered(&upload), &download, &sign_in] {
        assert_eq!(put(url).await, 401);
    }
    for url in [&altered(&download), &upload, &sign_in] {
        assert_eq!(get(url).await, 401);
    }
    // Nor does a link pass for a credential.
    let link = upload.rsplit_once('/').unwrap().1;
    let _ = story
        .rest
        .bearer(link)
        .get("/v1/me")
        .await
        .refuses(401, "unauthenticated");
    assert_eq!((put(&upload).await, get(&download).await), (200, 200));
}

#[tokio::test]
async fn a_link_ends() {
    let story = Story::in_a_directory().await;
    let id = story.stored().await;
    let (created, download) = (story.create().await, story.link(&id).await);
    story.hub.clock.advance(TimeDelta::minutes(5));
    assert_eq!(client().get(&download).send().await.unwrap().status(), 401);
    story.hub.clock.advance(TimeDelta::minutes(55));
    assert_eq!(story.send(&created, BYTES).await.status(), 401);
}

#[tokio::test]
async fn a_body_that_stops_is_given_up_and_leaves_nothing_behind() {
    let hub = support::TestHub::builder().config(|all| all.http.body_timeout_ms = 200);
    let story = Story::with(hub.start().await, None).await;
    let created = story.create().await;
    let piece = stream::iter([Ok::<_, std::io::Error>("a pic")]);
    let body = Body::from_stream(piece.chain(stream::pending()));
    let _ = streamed(&story, &created, body).await.refuses(408, "late");
    assert_eq!(
        files(&story.hub.config.dir.join("artifacts")),
        Vec::<String>::new()
    );
}

/// What AWS enforces and the stand-in does not: what is signed with an upload.
#[tokio::test]
async fn size_type_digest_and_a_free_name_are_signed_with_an_upload_to_s3() {
    let story = Story::in_a_bucket().await;
    let created = story.create().await;
    let headers = &created.json["upload"]["headers"];
    assert_eq!(headers["content-length"], BYTES.len().to_string());
    assert_eq!(headers["content-type"], "image/jpeg");
    assert_eq!(headers["if-none-match"], "*");
    let url = created.text("/upload/url");
    let signed = url.split("X-Amz-SignedHeaders=").nth(1).unwrap();
    let signed = signed.split('&').next().unwrap().to_lowercase();
    for name in ["content-length", "content-type", "host", "if-none-match"] {
        assert!(
            signed.split("%3b").any(|one| one == name),
            "{name} is not in {signed}"
        );
    }
    let in_url = url.to_lowercase().contains("x-amz-checksum-sha256=");
    let in_header = signed.contains("x-amz-checksum-sha256") && headers["x-amz-checksum-sha256"].is_string();
    assert!(
        in_url || in_header,
        "the digest of {} is not signed: {url}",
        digest(BYTES)
    );
    assert!(url.contains("X-Amz-Expires=3600"), "{url}");
    assert!(
        !url.contains("crc32") && !headers.to_string().contains("crc32"),
        "{url} {headers}"
    );
}

fn altered(url: &str) -> String {
    let (path, token) = url.rsplit_once('/').unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let other = if parts[1].starts_with('A') { "B" } else { "A" };
    format!("{path}/{}.{other}{}.{}", parts[0], &parts[1][1..], parts[2])
}
