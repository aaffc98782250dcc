//! How AWS is reached, where something of it is used. Credentials, region and profile come from where the AWS tools look, too:
//! `AWS_ACCESS_KEY_ID`, `AWS_REGION`, `AWS_PROFILE`, the role of the task or the machine.

use serde::{Deserialize, Serialize};

use super::{ConfigError, between, within};

/// The section `aws`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AwsConfig {
    /// The region. Empty: as the AWS tools find it.
    pub region: String,
    /// Another address for every service, such as a stand-in on this machine. Empty: AWS.
    pub endpoint_url: String,
    /// How long one call may take, its second try included, in milliseconds.
    pub timeout_ms: u64,
}

impl Default for AwsConfig {
    fn default() -> Self {
        Self {
            region: String::new(),
            endpoint_url: String::new(),
            timeout_ms: 10_000,
        }
    }
}

impl AwsConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let is_region = self.region.len() <= 64
            && self
                .region
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        within(is_region, "aws.region", "must be a region like eu-central-1")?;
        let is_url = self.endpoint_url.is_empty()
            || (self.endpoint_url.starts_with("https://") || self.endpoint_url.starts_with("http://"))
                && self.endpoint_url.bytes().all(|byte| byte.is_ascii_graphic());
        within(
            is_url,
            "aws.endpoint_url",
            "must be a URL like http://127.0.0.1:5000",
        )?;
        between(self.timeout_ms, 500..=60_000, "aws.timeout_ms")
    }
}
