//! The ways in which a bucket says no, and what each means to the hub and to whoever runs it.

use std::sync::{Arc, Mutex};

use hub::{
    adapters::worm::{Retention, StoreError, WriteOnceStore},
    audit::breach::AuditError,
    clock::{Clock, SystemClock},
    config::BucketAddress,
};
use support::Aws;

use super::{
    far_side::{FarSide, error},
    stores::bucket,
};

fn somewhere() -> BucketAddress {
    BucketAddress {
        bucket: "some-bucket".to_owned(),
        prefix: "home/".to_owned(),
    }
}

#[tokio::test]
async fn what_only_a_person_can_mend_is_said_in_a_sentence() {
    for (status, code, sentence) in [
        (404, "NoSuchBucket", "there is no bucket some-bucket"),
        (403, "AccessDenied", "may not do this in s3://some-bucket/home/"),
        (403, "InvalidAccessKeyId", "these AWS credentials may not"),
        (403, "SignatureDoesNotMatch", "these AWS credentials may not"),
        (301, "PermanentRedirect", "is in another region"),
        (400, "AuthorizationHeaderMalformed", "is in another region"),
        (403, "RequestTimeTooSkewed", "clock"),
        (
            400,
            "InvalidRequest",
            "S3 refuses s3://some-bucket/home/ (InvalidRequest",
        ),
    ] {
        let far_side = FarSide::refusing(status, code).await;
        let store = bucket(&Aws::at(&far_side.url).await, somewhere());
        for refused in [
            store.probe().await,
            store.put_new("a", b"x", Retention::Full).await.map(drop),
            store.replace_checkpoint(b"x").await,
            store.get("a").await.map(drop),
            store.list("").await.map(drop),
        ] {
            let Err(StoreError::Refused { problem }) = refused else {
                panic!("{code}: {refused:?}")
            };
            assert!(problem.contains(sentence), "{code}: {problem}");
        }
    }
}

#[tokio::test]
async fn what_passes_by_itself_is_an_outage() {
    let nobody = "http://127.0.0.1:9".to_owned();
    let mut far_sides = Vec::new();
    for (status, code) in [
        (503, "SlowDown"),
        (503, "ServiceUnavailable"),
        (500, "InternalError"),
    ] {
        far_sides.push(FarSide::refusing(status, code).await);
    }
    let urls = far_sides.iter().map(|side| side.url.clone()).chain([nobody]);
    for url in urls {
        let store = bucket(&Aws::at(&url).await, somewhere());
        for failed in [store.probe().await, store.get("a").await.map(drop)] {
            assert!(matches!(failed, Err(StoreError::Failed { .. })), "{failed:?}");
            let error = AuditError::from(failed.unwrap_err());
            assert!(matches!(error, AuditError::Store(_)), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_hub_that_may_not_delete_keeps_everything_and_goes_on() {
    let far_side = FarSide::refusing(403, "AccessDenied").await;
    let store = bucket(&Aws::at(&far_side.url).await, somewhere());
    assert_eq!(store.sweep(SystemClock.now()).await.unwrap(), 0);
    let far_side = FarSide::refusing(503, "SlowDown").await;
    let store = bucket(&Aws::at(&far_side.url).await, somewhere());
    let failed = store.sweep(SystemClock.now()).await;
    assert!(matches!(failed, Err(StoreError::Failed { .. })), "{failed:?}");
}

/// What a bucket is asked to list, of how many tries of a sweep.
async fn listed(
    sweeps: usize,
    answer: impl Fn(&str, &str) -> (u16, String) + Send + Sync + 'static,
) -> Vec<String> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    let far_side = FarSide::answering(move |method, path| {
        if method == "GET" {
            log.lock().unwrap().push(path.to_owned());
        }
        answer(method, path)
    })
    .await;
    let store = bucket(&Aws::at(&far_side.url).await, somewhere());
    for _ in 0..sweeps {
        assert_eq!(store.sweep(SystemClock.now()).await.unwrap(), 0);
    }
    heard.lock().unwrap().clone()
}

#[tokio::test]
async fn a_hub_that_may_not_sweep_asks_once() {
    let asked = listed(3, |_, _| (403, error("AccessDenied"))).await;
    assert_eq!(asked.len(), 1, "{asked:?}");
}

/// A bucket of many pages whose first holds more than one sweep deletes.
#[tokio::test]
async fn a_sweep_reads_no_further_than_it_has_to() {
    let asked = listed(1, |method, path| match method {
        "GET" if path.contains("checkpoints") || path.contains("key-marker") => (
            200,
            "<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>".to_owned(),
        ),
        "GET" => (200, many_old_versions()),
        // They went meanwhile.
        _ => (404, String::new()),
    })
    .await;
    assert_eq!(asked.len(), 2, "one page of each series: {asked:?}");
}

fn many_old_versions() -> String {
    let version = |path: &str, number: usize| {
        format!(
            "<Version><Key>home/{path}</Key><VersionId>v{number}</VersionId><IsLatest>true</IsLatest>\
             <LastModified>2020-01-01T00:00:00.000Z</LastModified></Version>"
        )
    };
    let partial = (1..=255).map(|width| version(&format!("tile/0/000.p/{width}"), width));
    let all: String = std::iter::once(version("tile/0/000", 0)).chain(partial).collect();
    format!(
        "<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>home/tile/0/000.p/99</NextKeyMarker>\
         <NextVersionIdMarker>v99</NextVersionIdMarker>{all}</ListVersionsResult>"
    )
}

#[tokio::test]
async fn a_store_that_would_let_objects_be_overwritten_is_refused() {
    let far_side = FarSide::answering(|method, path| match method {
        "GET" if path.contains("versioning") => (
            200,
            "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>".to_owned(),
        ),
        "GET" if path.contains("object-lock") => (404, error("ObjectLockConfigurationNotFoundError")),
        _ => (200, String::new()),
    })
    .await;
    let store = bucket(&Aws::at(&far_side.url).await, somewhere());
    let Err(StoreError::Refused { problem }) = store.probe().await else {
        panic!("it is refused")
    };
    assert!(problem.contains("does not heed If-None-Match"), "{problem}");
    let said = store.describe().protection;
    assert!(
        said.contains("no Object Lock") && said.contains("versioning keeps"),
        "{said}"
    );
}
