//! Artifacts over both stores, on the wire: a directory behind links of the hub, and a bucket of the stand-in behind links of its
//! own.

mod away;
mod bounds;
mod links;
mod round_trip;
mod seen;
mod shared;
mod swept;

use std::{collections::BTreeMap, fmt::Write, sync::Arc};

use hub::{
    adapters::{blobs::BlobBucket, s3},
    artifacts::sweep::sweep,
    config::BucketAddress,
};
use reqwest::{Response, header::HeaderMap};
use serde_json::{Value, json};
use support::{Answer, Aws, Client, Rest, Served, TestHub, User};

/// What is uploaded; the hub compares it with its digest.
const BYTES: &[u8] = b"a picture of the window";

/// A hub that listens, with Ada, who owns its agent, and a store.
struct Story {
    hub: TestHub,
    served: Served,
    rest: Rest,
    ada: User,
    owner: Client,
    bucket: Option<(Aws, BucketAddress)>,
}

impl Story {
    async fn of_both() -> [Self; 2] {
        [Self::in_a_directory().await, Self::in_a_bucket().await]
    }

    async fn in_a_directory() -> Self {
        Self::with(TestHub::start().await, None).await
    }

    async fn in_a_bucket() -> Self {
        let aws = Aws::stand_in().await;
        let address = aws.bucket(false).await;
        let (config, store) = (aws.config.clone(), address.to_string());
        let hub = TestHub::builder().config(|all| {
            all.aws = config;
            all.artifacts.store = store;
        });
        let hub = hub.start().await;
        hub.blobs
            .use_store(Arc::new(BlobBucket::new(&aws.sdk, address.clone())));
        Self::with(hub, Some((aws, address))).await
    }

    async fn with(hub: TestHub, bucket: Option<(Aws, BucketAddress)>) -> Self {
        let served = Served::deaf(&hub).await;
        let (rest, ada) = (Rest::of(&hub), hub.owner("ada").await);
        let owner = rest.user(&ada).await;
        Self {
            hub,
            served,
            rest,
            ada,
            owner,
            bucket,
        }
    }

    fn is_bucket(&self) -> bool {
        self.bucket.is_some()
    }

    /// A URL as a client reads it: a path is one of the hub.
    fn at(&self, url: &str) -> String {
        if url.starts_with('/') {
            format!("http://{}{url}", self.served.address())
        } else {
            url.to_owned()
        }
    }

    async fn create(&self) -> Answer {
        self.owner.post("artifacts", new(BYTES)).await.expect(201)
    }

    /// Sends bytes as the answer says.
    async fn send(&self, created: &Answer, bytes: &[u8]) -> Response {
        let headers = created.json["upload"]["headers"].clone();
        let headers: BTreeMap<String, String> = serde_json::from_value(headers).unwrap();
        let mut ask = client().put(self.at(created.text("/upload/url")));
        for (name, value) in headers {
            // The client says the length of what it really sends.
            if name != "content-length" {
                ask = ask.header(name, value);
            }
        }
        ask.body(bytes.to_vec()).send().await.unwrap()
    }

    async fn complete(&self, id: &str) -> Answer {
        let path = format!("artifacts/{id}/complete");
        self.owner.post(&path, json!({})).await
    }

    /// One whose bytes are there.
    async fn stored(&self) -> String {
        let created = self.create().await;
        assert_eq!(self.send(&created, BYTES).await.status(), 200);
        let id = created.text("/artifact/id").to_owned();
        let _ = self.complete(&id).await.expect(200);
        id
    }

    async fn link(&self, id: &str) -> String {
        let answer = self.owner.get(&format!("artifacts/{id}/download")).await;
        self.at(answer.expect(200).text("/url"))
    }

    async fn sweep(&self) {
        sweep(&self.hub).await.expect("the sweep runs");
    }

    /// What the store holds, every version of it.
    async fn in_store(&self) -> Vec<String> {
        let Some((aws, address)) = &self.bucket else {
            return files(&self.hub.config.dir.join("artifacts"));
        };
        let listed = s3::client(&aws.sdk)
            .list_object_versions()
            .bucket(&address.bucket)
            .send()
            .await
            .unwrap();
        let versions = listed.versions().iter();
        let markers = listed.delete_markers().iter().filter_map(|marker| marker.key());
        versions
            .filter_map(|version| version.key())
            .chain(markers)
            .map(str::to_owned)
            .collect()
    }

    /// How often a type of event stands in the log.
    async fn told(&self, kind: &str) -> i64 {
        self.hub.sql().count("events", &format!("type = '{kind}'")).await
    }
}

fn new(bytes: &[u8]) -> Value {
    json!({"name": "window \"ü\".jpg", "media_type": "image/jpeg", "size_bytes": bytes.len(), "sha256": digest(bytes)})
}

fn digest(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in hub::secret::hash(&secrecy::SecretString::from(
        String::from_utf8(bytes.to_vec()).unwrap(),
    )) {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

fn client() -> reqwest::Client {
    hub::tls::choose_provider();
    reqwest::Client::new()
}

fn said(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).map(|value| value.to_str().unwrap());
    value.unwrap_or_default().to_owned()
}

fn files(root: &std::path::Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(root) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path.display().to_string());
        }
    }
    found
}
