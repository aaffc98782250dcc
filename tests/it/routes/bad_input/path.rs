//! Paths and queries: what is malformed, what names nothing, what is not there.

use axum::http::Method;
use serde_json::Value;
use support::Operation;

use super::Case;
use crate::sample::Sample;

/// Ids that are well formed and of nothing.
const NOBODYS: &str = "01890000-0000-7000-8000-000000000000";

#[tokio::test]
async fn a_path_that_names_nothing_is_not_found_and_a_malformed_one_is_pointed_at() {
    let sample = Sample::new().await;
    for operation in &sample.api.operations {
        let case = Case::of(&sample, operation).await;
        for (name, _) in &operation.in_path {
            let at = |value: &str| replaced(operation, &case.good.path, name, value);
            let _ = case.at(&at(NOBODYS)).await.refuses(404, "not_found");
            let pointer = format!("{{{name}}}");
            let long = "x".repeat(10_000);
            for wrong in [
                "zzz",
                "1",
                "%00",
                "-",
                "%20",
                "..%2f..%2fetc",
                "{id}",
                "%F0%9F%92%A5",
                &long,
            ] {
                let wrong = wrong.replace('{', "%7B").replace('}', "%7D");
                let _ = case.at(&at(&wrong)).await.points_at(&pointer);
            }
            // Which parameter is not text cannot be said of all of them.
            let _ = case.at(&at("%FF")).await.refuses(422, "invalid");
        }
        case.ends().await;
    }
}

/// A path with another value for one of its parameters.
fn replaced(operation: &Operation, path: &str, parameter: &str, value: &str) -> String {
    let pattern = format!("{{{parameter}}}");
    let steps = operation.path.split('/').zip(path.split('/'));
    let steps: Vec<&str> = steps
        .map(|(named, present)| if named == pattern { value } else { present })
        .collect();
    steps.join("/")
}

#[tokio::test]
async fn a_wrong_query_parameter_is_pointed_at() {
    let sample = Sample::new().await;
    for operation in sample
        .api
        .operations
        .iter()
        .filter(|operation| !operation.in_query.is_empty())
    {
        let case = Case::of(&sample, operation).await;
        let path = &case.good.path;
        for (name, schema) in &operation.in_query {
            for wrong in wrong_parameters(name, schema) {
                let _ = case
                    .at(&format!("{path}?{name}={wrong}"))
                    .await
                    .points_at(&format!("?{name}"));
            }
            let twice = case.at(&format!("{path}?{name}=1&{name}=1")).await;
            let _ = twice.points_at(&format!("?{name}"));
        }
        let _ = case.at(&format!("{path}?zzz=1")).await.points_at("?zzz");
        case.ends().await;
    }
}

fn wrong_parameters(name: &str, schema: &Value) -> Vec<String> {
    let known: &[&str] = match name {
        "limit" => &[
            "0",
            "201",
            "-1",
            "1.5",
            "zzz",
            "99999999999999999999",
            "",
            "%00",
            "%FF",
        ],
        "wait_s" => &["31", "-1", "1.5", "zzz", "99999999999999999999", "", "%00"],
        "cursor" => &["zzz", "", "%00", "%FF", "AAAA", "====", "1:1"],
        "after" => &[
            "zzz",
            "1",
            ":",
            "1:",
            "1:-1",
            "9:1",
            "1:999999999",
            "1:99999999999999999999",
            "",
            "%00",
        ],
        // A place that the log does not go on from is told, not refused.
        "since" => &["zzz", "1", ":", "1:", "1:-1", "1:99999999999999999999", "", "%00"],
        "topics" => &[
            "zzz",
            "%00",
            "*,",
            "message",
            "mess*",
            "X.*",
            "*@kitchen",
            "*@",
            "",
        ],
        "types" => &[
            "zzz",
            "%00",
            "transcript,",
            "transcript,%00",
            "x.",
            "X.A",
            "x.%00",
            "",
        ],
        _ if schema["type"] == "boolean" => &["zzz", "", "%00", "%FF", "1", "TRUE"],
        _ if schema["format"] == "uuid" || schema["enum"].is_array() => &["zzz", "", "%00", "%FF", "1"],
        _ => panic!("add here values that are wrong for the parameter {name}"),
    };
    known
        .iter()
        .map(|&wrong| wrong.to_owned())
        .chain(["x".repeat(20_000)])
        .collect()
}

#[tokio::test]
async fn a_path_that_is_not_there_and_a_method_that_is_not_there_are_problems() {
    let sample = Sample::new().await;
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/agents",
        "/v1/me/",
        "//v1/me",
        "/v1/agents/self/zzz",
        "/%FF",
        "/v1/me/%00",
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let answer = sample.owner.ask(method, path).send().await;
            let _ = answer.refuses(404, "not_found");
        }
    }
    for operation in &sample.api.operations {
        let path = operation
            .path
            .replace("{agent_id}", "self")
            .replace(['{', '}'], "");
        let at_path = |method: &Method| {
            let here = |other: &&Operation| other.path == operation.path && other.method == method;
            sample.api.operations.iter().any(|other| here(&other))
        };
        let methods = [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::TRACE,
        ];
        for method in methods.iter().filter(|method| !at_path(method)) {
            let answer = sample.owner.ask(method.clone(), &path).send().await;
            let answer = answer.refuses(405, "method_not_allowed");
            let allowed = answer.header("allow").unwrap_or_default();
            assert!(
                allowed.contains(operation.method.as_str()),
                "{path} allows {allowed}"
            );
        }
    }
}
