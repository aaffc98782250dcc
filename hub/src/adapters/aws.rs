//! The way to AWS: credentials and region from where its own tools look, our TLS, our deadlines, and what its errors mean to
//! whoever runs the hub.

use std::{error::Error, time::Duration};

use aws_config::{AppName, BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_s3::{
    config::{SharedCredentialsProvider, http::HttpResponse},
    error::{ProvideErrorMetadata, SdkError},
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

use crate::{config::AwsConfig, error::chain};

/// How long a connection may take to be made: an address that does not answer is away, not slow.
const CONNECT: Duration = Duration::from_secs(3);
/// Tries of one call. Beyond the second, waiting is for the circuit of who asked.
const TRIES: u32 = 2;

/// The code of an answer that could not be read.
pub const UNREADABLE: &str = "unknown";
/// The code of a call that was not made, because nobody said in which region.
pub const NO_REGION: &str = "NoRegion";
/// Characters of an error that are said.
const MOST_SAID: usize = 500;

/// What every client is made from. Nothing is asked of AWS yet, save credentials of a role when they are first needed.
pub async fn connect(config: &AwsConfig, credentials: Option<SharedCredentialsProvider>) -> SdkConfig {
    let client = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let timeout = Duration::from_millis(config.timeout_ms);
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT.min(timeout))
        .operation_timeout(timeout)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .app_name(AppName::new("agent-hub").expect("the name is of letters"))
        .http_client(client)
        .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
        .timeout_config(timeouts);
    if !config.region.is_empty() {
        loader = loader.region(Region::new(config.region.clone()));
    }
    if !config.endpoint_url.is_empty() {
        loader = loader.endpoint_url(&config.endpoint_url);
    }
    if let Some(credentials) = credentials {
        loader = loader.credentials_provider(credentials);
    }
    loader.load().await
}

/// What a failed call means.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not reachable, too slow or broken: asking again later helps.
    #[error("{0}")]
    Away(String),
    /// It asks for fewer calls: asking again later helps.
    #[error("it asks for fewer calls ({0})")]
    Throttled(String),
    /// These credentials may not do this, or there are none.
    #[error("not permitted: {0}")]
    Denied(String),
    /// What was named does not exist.
    #[error("{0}")]
    Missing(String),
    /// It understood and says no. The code is the far side's.
    #[error("{code}: {message}")]
    Refused {
        /// The far side's word.
        code: String,
        /// Its explanation.
        message: String,
    },
}

impl Fault {
    /// Whether the same call may succeed later without anybody doing anything.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        matches!(self, Self::Away(_) | Self::Throttled(_))
    }

    /// Sorts the error of a call.
    pub fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let SdkError::ServiceError(refused) = error else {
            return Self::unsent(error);
        };
        let meta = refused.err().meta();
        let code = meta.code().unwrap_or(UNREADABLE).to_owned();
        let message = meta
            .message()
            .unwrap_or_default()
            .trim_end_matches('.')
            .to_owned();
        let said = format!("{code}: {message}");
        match Sort::of(&code) {
            Sort::Throttled => Self::Throttled(code),
            Sort::Denied => Self::Denied(said),
            Sort::Missing => Self::Missing(said),
            Sort::Away => Self::Away(said),
            // Something between us that has no code, such as a load balancer.
            Sort::Other if refused.raw().status().is_server_error() => Self::Away(said),
            Sort::Other => Self::Refused { code, message },
        }
    }

    /// The call got no answer that could be read.
    fn unsent<E, R>(error: &SdkError<E, R>) -> Self
    where
        E: Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        let said: String = chain(error).replace('\n', " ").chars().take(MOST_SAID).collect();
        // The library's own words, here and below; it has no codes for what it finds before it asks.
        if said.contains("A region must be set")
            || said.contains("missing signing region")
            || said.contains("must be set when sending requests")
        {
            let (code, message) = (NO_REGION.to_owned(), "set aws.region or AWS_REGION".to_owned());
            return Self::Refused { code, message };
        }
        if NO_CREDENTIALS.iter().any(|words| said.contains(words)) {
            return Self::Denied(
                "no credentials were found: not in the environment, a profile, a web identity, nor as the role of the task \
                 or the machine"
                    .to_owned(),
            );
        }
        Self::Away(said)
    }
}

/// What is said where credentials were looked for everywhere, and not found.
const NO_CREDENTIALS: [&str; 4] = [
    "no credentials",
    "credentials provider",
    "credential provider was not enabled",
    "IMDS is disabled",
];

enum Sort {
    Throttled,
    Denied,
    Missing,
    Away,
    Other,
}

impl Sort {
    /// The codes of S3, SQS, SSM and Secrets Manager, and those common to all.
    fn of(code: &str) -> Self {
        match code {
            "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "RequestThrottled"
            | "SlowDown"
            | "KmsThrottled"
            | "OverLimit" => Self::Throttled,
            "AccessDenied"
            | "AccessDeniedException"
            | "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "MissingAuthenticationToken"
            | "OptInRequired"
            | "InvalidSecurity"
            | "KmsAccessDenied" => Self::Denied,
            "NoSuchBucket"
            | "NoSuchKey"
            | "NotFound"
            | "AWS.SimpleQueueService.NonExistentQueue"
            | "QueueDoesNotExist"
            | "ParameterNotFound"
            | "ResourceNotFoundException" => Self::Missing,
            "InternalError"
            | "InternalFailure"
            | "InternalServerError"
            | "InternalServiceError"
            | "ServiceUnavailable"
            | "RequestTimeout"
            | "RequestTimeoutException" => Self::Away,
            _ => Self::Other,
        }
    }
}
