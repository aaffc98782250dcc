//! A bucket of S3. Links are presigned: size, type, digest and that the name is free are signed with an upload, so that S3 itself
//! refuses everything else. The bucket needs no lock; where it keeps versions, removing removes them all.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_s3::{
    Client,
    config::ResponseChecksumValidation,
    presigning::{PresignedRequest, PresigningConfig},
    types::{ChecksumAlgorithm, ChecksumMode},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};

use super::{Blob, BlobError, BlobStore, Found, SMALL, UploadTo};
use crate::{
    adapters::{
        aws::Fault,
        s3::{config, for_a_person, is_no_object},
    },
    config::BucketAddress,
};

/// What the hub must be permitted.
const NEEDS: &str = "s3:PutObject, s3:GetObject, s3:DeleteObject and s3:DeleteObjectVersion on its objects, and s3:ListBucket and \
                     s3:ListBucketVersions on the bucket";
/// Versions of one object that are removed at once: an upload makes one, and a second one is refused.
const VERSIONS: i32 = 100;

/// A bucket of bytes.
pub struct BlobBucket {
    client: Client,
    address: BucketAddress,
}

impl BlobBucket {
    /// Nothing is asked of the far side yet.
    #[must_use]
    pub fn new(sdk: &SdkConfig, address: BucketAddress) -> Self {
        let config = config(sdk)
            // The hub compares what it reads with what was announced, which is more.
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        Self {
            client: Client::from_conf(config.build()),
            address,
        }
    }

    /// Reads the bytes, and no more than were announced.
    async fn read(&self, blob: &Blob) -> Result<Found, Fault> {
        let key = self.address.key(&blob.path);
        let asked = self.client.get_object().bucket(&self.address.bucket).key(key);
        let mut body = match asked.send().await {
            Ok(answer) => answer.body,
            Err(error) => return missing_or(Fault::of(&error)),
        };
        let (mut digest, mut read) = (Sha256::new(), 0);
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| Fault::Away(error.to_string()))?;
            read += chunk.len() as u64;
            if read > blob.size {
                return Ok(Found::Different);
            }
            digest.update(&chunk);
        }
        let is_same = read == blob.size && <[u8; 32]>::from(digest.finalize()) == blob.sha256;
        Ok(if is_same { Found::Same } else { Found::Different })
    }

    /// Asks for size and checksum, which S3 compared when the bytes came.
    async fn attributes(&self, blob: &Blob) -> Result<Option<Found>, Fault> {
        let asked = self
            .client
            .head_object()
            .bucket(&self.address.bucket)
            .key(self.address.key(&blob.path))
            .checksum_mode(ChecksumMode::Enabled);
        let answer = match asked.send().await {
            Ok(answer) => answer,
            Err(error) => return missing_or(Fault::of(&error)).map(Some),
        };
        let Some(checksum) = answer.checksum_sha256() else {
            return Ok(None);
        };
        let has_size = answer.content_length().and_then(|size| u64::try_from(size).ok()) == Some(blob.size);
        let is_same = has_size && checksum == BASE64_STANDARD.encode(blob.sha256);
        Ok(Some(if is_same { Found::Same } else { Found::Different }))
    }

    /// Removes every version of an object; none are left where the bucket keeps none.
    async fn remove_versions(&self, key: &str) -> Result<(), Fault> {
        let listed = self
            .client
            .list_object_versions()
            .bucket(&self.address.bucket)
            .prefix(key)
            .max_keys(VERSIONS)
            .send()
            .await
            .map_err(|error| Fault::of(&error))?;
        let versions = listed
            .versions()
            .iter()
            .map(|found| (found.key(), found.version_id()));
        let markers = listed
            .delete_markers()
            .iter()
            .map(|found| (found.key(), found.version_id()));
        for (found, version) in versions.chain(markers) {
            // The prefix of a key may begin another's.
            if found == Some(key) {
                self.remove_one(key, version).await?;
            }
        }
        Ok(())
    }

    async fn remove_one(&self, key: &str, version: Option<&str>) -> Result<(), Fault> {
        let asked = self
            .client
            .delete_object()
            .bucket(&self.address.bucket)
            .key(key)
            .set_version_id(version.filter(|id| *id != "null").map(str::to_owned));
        match asked.send().await.map_err(|error| Fault::of(&error)) {
            Err(fault) if is_no_object(&fault) => Ok(()),
            ended => ended.map(drop),
        }
    }

    fn failed(&self, fault: &Fault) -> BlobError {
        match for_a_person(fault, &self.address, NEEDS) {
            Some(problem) => BlobError::Refused(problem),
            None => BlobError::Away(format!("{}: {fault}", self.address)),
        }
    }
}

#[async_trait]
impl BlobStore for BlobBucket {
    async fn upload_to(&self, blob: &Blob, life: Duration) -> Result<Option<UploadTo>, BlobError> {
        let signed = self
            .client
            .put_object()
            .bucket(&self.address.bucket)
            .key(self.address.key(&blob.path))
            .content_length(i64::try_from(blob.size).unwrap_or(i64::MAX))
            .content_type(&blob.media_type)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(BASE64_STANDARD.encode(blob.sha256))
            .if_none_match("*")
            .presigned(until(life)?)
            .await
            .map_err(|error| self.failed(&Fault::of(&error)))?;
        Ok(Some(upload(&signed)))
    }

    async fn download_from(
        &self,
        blob: &Blob,
        disposition: &str,
        life: Duration,
    ) -> Result<Option<String>, BlobError> {
        let signed = self
            .client
            .get_object()
            .bucket(&self.address.bucket)
            .key(self.address.key(&blob.path))
            .response_content_disposition(disposition)
            .response_content_type(&blob.media_type)
            .response_cache_control("private, no-store")
            .presigned(until(life)?)
            .await
            .map_err(|error| self.failed(&Fault::of(&error)))?;
        Ok(Some(signed.uri().to_owned()))
    }

    async fn examine(&self, blob: &Blob) -> Result<Found, BlobError> {
        let attributes = if blob.size > SMALL {
            self.attributes(blob).await.map_err(|fault| self.failed(&fault))?
        } else {
            None
        };
        match attributes {
            Some(found) => Ok(found),
            // A small one, or one of a store that keeps no checksums: what it holds is read.
            None => self.read(blob).await.map_err(|fault| self.failed(&fault)),
        }
    }

    async fn remove(&self, path: &str) -> Result<(), BlobError> {
        let key = self.address.key(path);
        let removed = match self.remove_versions(&key).await {
            Err(Fault::Denied(said)) => {
                tracing::info!(said, "S3 may keep older versions of removed artifacts");
                self.remove_one(&key, None).await
            }
            ended => ended,
        };
        removed.map_err(|fault| self.failed(&fault))
    }

    async fn probe(&self) -> Result<(), BlobError> {
        let asked = self
            .client
            .list_objects_v2()
            .bucket(&self.address.bucket)
            .prefix(&self.address.prefix)
            .max_keys(1);
        let answer = asked
            .send()
            .await
            .map_err(|error| self.failed(&Fault::of(&error)));
        answer.map(drop)
    }
}

impl fmt::Debug for BlobBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BlobBucket").field(&self.address).finish()
    }
}

fn until(life: Duration) -> Result<PresigningConfig, BlobError> {
    PresigningConfig::expires_in(life).map_err(|error| BlobError::Refused(error.to_string()))
}

/// What must be sent, as it was signed; what every client sends by itself is not named.
fn upload(signed: &PresignedRequest) -> UploadTo {
    let headers = signed
        .headers()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("host"));
    UploadTo {
        url: signed.uri().to_owned(),
        headers: headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect(),
    }
}

/// An object that is not there, or what went wrong.
fn missing_or(fault: Fault) -> Result<Found, Fault> {
    match fault {
        fault if is_no_object(&fault) => Ok(Found::Missing),
        fault => Err(fault),
    }
}
