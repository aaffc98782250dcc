//! What a bucket does to keep its objects, as it says itself.

use aws_sdk_s3::{
    Client,
    types::{BucketVersioningStatus, ObjectLockRule},
};

use super::Keeping;
use crate::{
    adapters::aws::{Fault, UNREADABLE},
    config::RetentionMode,
};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Protection {
    /// Whether old versions of objects are kept; none where the answer could not be read.
    pub(super) is_versioned: Option<bool>,
    /// Its Object Lock; none where it has none.
    pub(super) lock: Option<Lock>,
}

/// An Object Lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lock {
    /// What it does to objects that come without a retention; ours bring their own.
    default: Option<String>,
}

impl Protection {
    /// Asks the bucket.
    pub(super) async fn of(client: &Client, bucket: &str) -> Result<Self, Fault> {
        Ok(Self {
            is_versioned: versioning(client, bucket).await?,
            lock: lock(client, bucket).await?,
        })
    }

    /// Whether somebody other than the hub keeps objects from being changed.
    pub(super) fn is_enforced(&self) -> bool {
        // S3 has no lock without versioning; what says otherwise is not believed.
        self.lock.is_some() && self.is_versioned != Some(false)
    }

    /// In a sentence for everyone.
    pub(super) fn describe(&self, keeping: Keeping) -> String {
        let Some(lock) = &self.lock else {
            return self.without_lock();
        };
        let days = keeping.full.num_days();
        let bound = match keeping.mode {
            RetentionMode::Compliance => format!(
                "S3 Object Lock in compliance mode: no version of a full object can be changed or deleted for {days} days, nor \
                 of a partial one for 30, by anybody, the owner of the account included"
            ),
            RetentionMode::Governance => format!(
                "S3 Object Lock in governance mode: a version of a full object is kept for {days} days and of a partial one for \
                 30, from all but those who hold s3:BypassGovernanceRetention or may take it"
            ),
        };
        let default = lock.default.as_ref().map_or_else(String::new, |default| {
            format!("; the bucket's own default is {default}")
        });
        let versioning = match self.is_versioned {
            Some(true) => "",
            Some(false) => "; but the bucket says that its versioning is off, so this cannot be relied on",
            None => "; whether the bucket keeps old versions could not be read",
        };
        format!("{bound}{default}{versioning}")
    }

    fn without_lock(&self) -> String {
        let kept = match self.is_versioned {
            Some(true) => {
                "versioning keeps what is overwritten or deleted, until somebody deletes the old version, too"
            }
            Some(false) => "what is overwritten or deleted is gone",
            None => "whether the bucket keeps old versions could not be read",
        };
        format!(
            "no Object Lock: nobody but the hub keeps these objects from being changed; {kept}; `hub audit verify` finds changes, \
             it does not prevent them"
        )
    }
}

async fn versioning(client: &Client, bucket: &str) -> Result<Option<bool>, Fault> {
    match client.get_bucket_versioning().bucket(bucket).send().await {
        Ok(answer) => Ok(Some(answer.status() == Some(&BucketVersioningStatus::Enabled))),
        Err(error) => match Fault::of(&error) {
            Fault::Refused { code, .. } if code == UNREADABLE => Ok(None),
            fault => Err(fault),
        },
    }
}

async fn lock(client: &Client, bucket: &str) -> Result<Option<Lock>, Fault> {
    let asked = client.get_object_lock_configuration().bucket(bucket);
    match asked.send().await {
        Ok(answer) => Ok(answer.object_lock_configuration().and_then(|found| {
            let is_enabled = found.object_lock_enabled().is_some();
            is_enabled.then(|| Lock {
                default: found.rule().and_then(default_of),
            })
        })),
        Err(error) => match Fault::of(&error) {
            // The second is what stores say that only resemble S3.
            Fault::Refused { code, .. }
                if ["ObjectLockConfigurationNotFoundError", "NotImplemented"].contains(&&*code) =>
            {
                Ok(None)
            }
            fault => Err(fault),
        },
    }
}

fn default_of(rule: &ObjectLockRule) -> Option<String> {
    let default = rule.default_retention()?;
    let mode = default.mode()?.as_str().to_lowercase();
    let time = match (default.days(), default.years()) {
        (Some(days), _) => format!("{days} days"),
        (None, Some(years)) => format!("{years} years"),
        (None, None) => return None,
    };
    Some(format!("{mode}, {time}"))
}
