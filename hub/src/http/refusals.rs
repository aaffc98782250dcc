//! Who lacks a role or a scope is told so, and it is written down before.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{
    declared::Declared,
    layers::RequestContext,
    problem::{Failed, Refusal},
};
use crate::{
    hub::Hub,
    identity::refuse_request::{lacked, refuse_request},
};

/// The layer. What cannot be written down is not answered either: whoever tries finds no moment in which nobody sees it.
pub(super) async fn written_down(
    State((hub, declared)): State<(Hub, Arc<Declared>)>,
    request: Request,
    next: Next,
) -> Response {
    let operation = declared.operation(&request);
    let context = request.extensions().get::<RequestContext>().cloned();
    let response = next.run(request).await;
    let (Some(operation), Some(context)) = (operation, context) else {
        return response;
    };
    let (Some(Refusal(error)), Some(caller)) = (response.extensions().get(), context.caller()) else {
        return response;
    };
    let Some(lacked) = lacked(caller, error) else {
        return response;
    };
    match refuse_request(&hub, caller, operation, lacked).await {
        Ok(()) => response,
        Err(error) => Failed(error).into_response(),
    }
}
