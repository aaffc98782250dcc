//! What every use of a bucket shares: its client, and what S3's refusals mean to whoever runs the hub.

use aws_config::SdkConfig;
use aws_sdk_s3::{Client, config::Builder};

use super::aws::{Fault, NO_REGION};
use crate::config::BucketAddress;

/// A client.
#[must_use]
pub fn client(sdk: &SdkConfig) -> Client {
    Client::from_conf(config(sdk).build())
}

/// What a client is made of. A stand-in at an address of its own knows buckets by path only: it has no names for them.
#[must_use]
pub(super) fn config(sdk: &SdkConfig) -> Builder {
    Builder::from(sdk).force_path_style(sdk.endpoint_url().is_some())
}

/// Whether an object is not there. A bucket that is not is something for a person.
#[must_use]
pub(super) fn is_no_object(fault: &Fault) -> bool {
    matches!(fault, Fault::Missing(said) if !said.starts_with("NoSuchBucket"))
}

/// What only a person can mend, in a sentence that says how; none for what passes by itself. `needs` names the permissions.
#[must_use]
pub fn for_a_person(fault: &Fault, address: &BucketAddress, needs: &str) -> Option<String> {
    match fault {
        Fault::Away(_) | Fault::Throttled(_) => None,
        Fault::Missing(said) => Some(format!(
            "there is no bucket {} ({said}): make it, or mend its name",
            address.bucket
        )),
        Fault::Denied(said) if said.starts_with("no credentials") => Some(format!(
            "no AWS credentials were found for {address}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or \
             give the task or the machine a role"
        )),
        Fault::Denied(said) => Some(format!(
            "these AWS credentials may not do this in {address} ({said}): needed are {needs}"
        )),
        Fault::Refused { code, message } => refused(code, message, address),
    }
}

fn refused(code: &str, message: &str, address: &BucketAddress) -> Option<String> {
    match code {
        // Two calls met, or the far side is busy with the bucket.
        "OperationAborted" | "ConditionalRequestConflict" | "PreconditionFailed" => None,
        NO_REGION => Some("no AWS region is configured: set HUB_AWS__REGION or AWS_REGION".to_owned()),
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException"
        | "MovedPermanently" => Some(format!(
            "the bucket {} is in another region than the one that was asked ({code}: {message}): set HUB_AWS__REGION or \
             AWS_REGION to the bucket's",
            address.bucket
        )),
        "RequestTimeTooSkewed" => Some(format!(
            "this machine's clock is too far from S3's ({message}): set it right"
        )),
        _ => Some(format!("S3 refuses {address} ({code}: {message})")),
    }
}
