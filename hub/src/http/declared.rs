//! What each operation takes, as the document says it. A write that is sent anything besides is refused: whoever says something means
//! it, and what would be ignored may be what mattered.
//!
//! The document is made of the routes, so that no handler has to think of this. Where a credential is needed, its extractor looks at
//! what was sent besides as soon as it has let the caller through, as it is with a body that is taken; where none is, and at paths that
//! are not in the document, the layer does.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex},
};

use axum::{
    body::{Body, HttpBody},
    extract::{MatchedPath, Request, State},
    http::{Method, Uri, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::Value;
use utoipa::openapi::{
    OpenApi, PathItem, RefOr,
    path::{Operation, ParameterIn},
};

use super::{
    bodies::{STRANGERS_BODY, Sender},
    extract::{fields, read_body},
    problem::Failed,
    v1::artifacts::BYTES,
};
use crate::{
    error::{Error, FieldError, Result, step},
    hub::Hub,
};

/// Things that a refusal names at most: it is read by people.
const MOST_NAMED: usize = 20;
/// What a write takes that the document does not know.
static NOTHING: Takes = Takes {
    id: String::new(),
    has_body: false,
    in_query: Vec::new(),
    is_open: true,
};

/// The operations of the document, by path and method.
#[derive(Debug)]
pub(super) struct Declared(HashMap<String, HashMap<Method, Takes>>);

#[derive(Debug)]
struct Takes {
    id: String,
    has_body: bool,
    in_query: Vec<String>,
    is_open: bool,
}

impl Declared {
    /// Of the finished document.
    pub(super) fn by(document: &OpenApi) -> Self {
        let paths = document.paths.paths.iter();
        Self(
            paths
                .map(|(path, item)| (path.clone(), operations(item)))
                .collect(),
        )
    }

    /// The id of the operation that is asked for.
    pub(super) fn operation(&self, request: &Request) -> Option<&str> {
        let method = match request.method() {
            &Method::HEAD => &Method::GET,
            method => method,
        };
        let path = request.extensions().get::<MatchedPath>()?.as_str();
        let operation = self.0.get(path)?.get(method)?;
        Some(&operation.id)
    }

    /// What the write takes that is asked for; none where nothing is said of it: it is no write, the path or the method is not there,
    /// or the body is the bytes of an artifact.
    fn of(&self, request: &Request) -> Option<&Takes> {
        let method = request.method();
        let is_write = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(method);
        let path = request.extensions().get::<MatchedPath>()?.as_str();
        if !is_write || path == BYTES {
            return None;
        }
        match self.0.get(path) {
            Some(here) => here.get(method),
            None => Some(&NOTHING),
        }
    }
}

fn operations(item: &PathItem) -> HashMap<Method, Takes> {
    let all = [
        (Method::GET, &item.get),
        (Method::POST, &item.post),
        (Method::PUT, &item.put),
        (Method::PATCH, &item.patch),
        (Method::DELETE, &item.delete),
    ];
    let there = all.into_iter().filter_map(|(method, operation)| {
        let takes = Takes::of(operation.as_ref()?);
        Some((method, takes))
    });
    there.collect()
}

impl Takes {
    fn of(operation: &Operation) -> Self {
        let parameters = operation.parameters.iter().flatten();
        let in_query = parameters.filter_map(|parameter| match parameter {
            RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => {
                Some(parameter.name.clone())
            }
            RefOr::T(_) | RefOr::Ref(_) => None,
        });
        Self {
            id: operation.operation_id.clone().unwrap_or_default(),
            has_body: operation.request_body.is_some(),
            in_query: in_query.collect(),
            is_open: operation.security.is_none(),
        }
    }
}

/// The layer.
pub(super) async fn keep_to_it(
    State((hub, declared)): State<(Hub, Arc<Declared>)>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(takes) = declared.of(&request) {
        let besides = Besides::take(takes, &mut request);
        if !takes.is_open {
            let besides = Kept(Arc::new(Mutex::new(Some(besides))));
            request.extensions_mut().insert(besides);
        } else if let Err(error) = besides.refuse(&hub, Sender::Stranger).await {
            return Failed(error).into_response();
        }
    }
    next.run(request).await
}

/// Refuses what a caller sent besides, now that they are known and may.
pub(super) async fn nothing_besides(parts: &mut Parts, hub: &Hub) -> Result<()> {
    let Some(Kept(kept)) = parts.extensions.remove() else {
        return Ok(());
    };
    let besides = kept.lock().expect("no panic while held").take();
    match besides {
        Some(besides) => besides.refuse(hub, Sender::Caller).await,
        None => Ok(()),
    }
}

/// Kept with the request: the extensions of one want to be copied, which a body cannot be.
#[derive(Debug, Clone)]
struct Kept(Arc<Mutex<Option<Besides>>>);

/// What was sent besides what is taken, as far as it was not looked at.
#[derive(Debug)]
struct Besides {
    in_query: Vec<String>,
    body: Option<Body>,
}

impl Besides {
    fn take(takes: &Takes, request: &mut Request) -> Self {
        let mut in_query = named_in_query(request.uri());
        in_query.retain(|name| !takes.in_query.contains(name));
        let is_empty = takes.has_body || request.body().is_end_stream();
        Self {
            in_query,
            body: (!is_empty).then(|| mem::take(request.body_mut())),
        }
    }

    async fn refuse(self, hub: &Hub, sender: Sender) -> Result<()> {
        let parameters = self.in_query.iter().map(|name| FieldError {
            pointer: format!("?{name}"),
            detail: "is no parameter of this operation".to_owned(),
        });
        refuse_all(parameters)?;
        let Some(body) = self.body else {
            return Ok(());
        };
        let limit = hub.config.http.max_body_bytes.min(STRANGERS_BODY);
        let (bytes, _held) = read_body(body, hub, sender, limit).await?;
        refuse_body(&bytes)
    }
}

fn named_in_query(uri: &Uri) -> Vec<String> {
    match fields(uri) {
        Some(named) => named.into_iter().map(|(name, _)| name).collect(),
        None => vec![String::new()],
    }
}

/// Refuses a body where none is taken. Clients that always send one send an empty one, or an empty object.
fn refuse_body(bytes: &[u8]) -> Result<()> {
    if bytes.trim_ascii().is_empty() {
        return Ok(());
    }
    let body = serde_json::from_slice(bytes);
    let body = body.map_err(|_| Error::Malformed("this operation takes no body: send none".into()))?;
    let Value::Object(said) = body else {
        return Err(Error::invalid(
            "",
            "must be left out: this operation takes no body",
        ));
    };
    refuse_all(said.keys().map(|name| FieldError {
        pointer: step(name),
        detail: "must be left out: this operation takes no body".to_owned(),
    }))
}

fn refuse_all(wrong: impl Iterator<Item = FieldError>) -> Result<()> {
    let wrong: Vec<FieldError> = wrong.take(MOST_NAMED).collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(wrong))
    }
}
