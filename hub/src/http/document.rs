//! The OpenAPI document: our base, the routes' own descriptions, and the problem that every operation may answer.

use utoipa::{
    OpenApi,
    openapi::{
        Components, ContactBuilder, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi as Document,
        OpenApiBuilder, Ref, RefOr, ResponseBuilder,
        path::Operation,
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use super::problem::Problem;

/// Operations that need no credential.
pub const OPEN: [&str; 10] = [
    "get_health",
    "get_readiness",
    "get_metrics",
    "get_openapi",
    "claim_agent",
    "accept_invitation",
    "sign_in",
    "refresh_sign_in",
    "start_pairing",
    "poll_pairing",
];

#[derive(OpenApi)]
#[openapi(components(schemas(Problem)))]
struct Schemas;

/// What the routes are added to.
pub(super) fn base() -> Document {
    let license = LicenseBuilder::new()
        .name("Apache-2.0")
        .identifier(Some("Apache-2.0"))
        .build();
    let info = InfoBuilder::new()
        .title("Agent Hub")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("The authoritative hub of a personal AI agent."))
        .contact(Some(ContactBuilder::new().name(Some("Agent Hub")).build()))
        .license(Some(license))
        .build();
    let mut components = Schemas::openapi().components.unwrap_or_else(Components::new);
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "A user's access token from /v1/sign-in or of an issuer that the hub believes, a personal access token (hubt_…), a device credential (hubd_…), or a delegation to a service (hubg_…). Whoever acts for another agent sends their own credential here, and the delegation in Hub-Delegation.",
        ));
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .build()
}

/// Adds what every operation shares.
pub(super) fn finish(mut document: Document) -> Document {
    for item in document.paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
            &mut item.patch,
            &mut item.options,
            &mut item.head,
            &mut item.trace,
        ];
        operations.into_iter().flatten().for_each(finish_operation);
    }
    document
}

fn finish_operation(operation: &mut Operation) {
    let problem = ContentBuilder::new()
        .schema(Some(RefOr::Ref(Ref::from_schema_name("Problem"))))
        .build();
    let response = ResponseBuilder::new()
        .description("A problem")
        .content("application/problem+json", problem)
        .build();
    operation
        .responses
        .responses
        .insert("default".to_owned(), RefOr::T(response));
    let id = operation.operation_id.as_deref().unwrap_or_default();
    if !OPEN.contains(&id) {
        operation.security = Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new())]);
    }
}
