//! The stand-in for AWS that the tests share: moto's server, on the wire. It keeps everything in memory and checks no
//! credentials, so every test makes its own buckets and queues, and never looks at all of them.
//!
//! What it does not do as AWS does, so that no test can show it: it does not compare the checksum of an object that is put, nor
//! check the signature, the end or the signed headers of a presigned URL (so uploads of a wrong size, type or digest pass, and
//! `HeadObject` then says of them what was claimed); a body of the type
//! `application/x-www-form-urlencoded`, which curl and others send unasked, it takes for a form and stores nothing of it;
//! the answer of `GetBucketVersioning` is not S3's and cannot be read; `GetObjectRetention` fails, retention in COMPLIANCE mode can
//! be shortened, the lock of a bucket cannot be set later, and messages cannot be moved back from a dead-letter queue.

use aws_config::SdkConfig;
use aws_sdk_s3::{
    config::{Credentials, SharedCredentialsProvider},
    types::{BucketLocationConstraint, CreateBucketConfiguration},
};
use hub::{
    adapters::aws::connect,
    config::{AwsConfig, BucketAddress},
};
use uuid::Uuid;

/// The stand-in, and what reaches it.
#[derive(Debug, Clone)]
pub struct Aws {
    /// For a hub of its own.
    pub config: AwsConfig,
    /// For clients.
    pub sdk: SdkConfig,
}

impl Aws {
    /// The one that `HUB_TEST_AWS_URL` names.
    pub async fn stand_in() -> Self {
        let url = url();
        Self::at(&url).await
    }

    /// One at this address: behind a proxy, or one that is not there.
    pub async fn at(url: &str) -> Self {
        hub::tls::choose_provider();
        let config = AwsConfig {
            region: "eu-central-1".to_owned(),
            endpoint_url: url.to_owned(),
            ..AwsConfig::default()
        };
        let sdk = connect(&config, Some(Self::credentials())).await;
        Self { config, sdk }
    }

    /// A new bucket, and a prefix in it.
    pub async fn bucket(&self, has_lock: bool) -> BucketAddress {
        let bucket = Self::name("hub");
        let made = hub::adapters::s3::client(&self.sdk)
            .create_bucket()
            .bucket(&bucket)
            .create_bucket_configuration(
                CreateBucketConfiguration::builder()
                    .location_constraint(BucketLocationConstraint::EuCentral1)
                    .build(),
            )
            .object_lock_enabled_for_bucket(has_lock)
            .send()
            .await;
        made.expect("the stand-in makes buckets");
        BucketAddress {
            bucket,
            prefix: "home/audit/".to_owned(),
        }
    }

    /// Credentials that it takes.
    #[must_use]
    pub fn credentials() -> SharedCredentialsProvider {
        SharedCredentialsProvider::new(Credentials::new("testing", "testing", None, None, "tests"))
    }

    /// Variables with which the built program reaches it.
    #[must_use]
    pub fn settings(&self) -> Vec<(&str, &str)> {
        vec![
            ("AWS_ACCESS_KEY_ID", "testing"),
            ("AWS_SECRET_ACCESS_KEY", "testing"),
            ("HUB_AWS__REGION", &self.config.region),
            ("HUB_AWS__ENDPOINT_URL", &self.config.endpoint_url),
        ]
    }

    /// A name that nothing else has.
    #[must_use]
    pub fn name(prefix: &str) -> String {
        format!("{prefix}-{}", random())
    }
}

/// Where the stand-in is.
#[expect(
    clippy::disallowed_methods,
    reason = "the harness is told by scripts/test where its servers are"
)]
fn url() -> String {
    std::env::var("HUB_TEST_AWS_URL")
        .expect("HUB_TEST_AWS_URL is set: run scripts/test, or scripts/moto --dir .hub/test start")
}

#[expect(clippy::disallowed_methods, reason = "a name in a test is no id of the hub")]
fn random() -> String {
    Uuid::now_v7().simple().to_string()
}
