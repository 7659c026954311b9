//! The OpenAPI 3.1 document of everything the service answers, and the page to read it.
//!
//! It is built from what answers: schemas are derived from the types that are serialised, statuses and codes come from the tables
//! that render failures. What the handlers read field by field is described beside them, in `contract.rs`.

mod envelopes;
mod failure;
mod identity;
mod ledger;
mod operation;
mod operators;
mod page;
mod people;
mod schemas;

use std::sync::LazyLock;

use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, Info, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Paths, Server,
};

pub(super) use failure::Failure;
pub(super) use operation::{Operation, Who};
pub(super) use page::{document_route, page_route};

use operation::Parts;

const DESCRIPTION: &str = "\
Users, their accounts and their tokens. Bodies are JSON objects of at most 64 KiB; fields that are not named here are ignored, and \
every field that breaks its rule is named in `details`. A failure is the envelope `Failure`, or RFC 9457 when `Accept` names \
`application/problem+json`; its `code` is stable and the same in both. Besides what each operation lists, an unknown path is 404 \
`NOT_FOUND` and a known one called with another method 405 `METHOD_NOT_ALLOWED`. `HEAD` answers wherever `GET` does. `X-Request-Id` is taken from \
the request when it is 1 to 64 of `A-Z a-z 0-9 . _ -`, else made, and is on every answer.";

const TAGS: [(&str, &str); 6] = [
    (IDENTITY, "Who is it, and is their token good?"),
    (
        ACCOUNTS,
        "Registering, signing in, and what people do with their own account.",
    ),
    (
        TOKENS,
        "The token ledger: every movement happens once, or not at all.",
    ),
    (PEOPLE, "What administrators do with people."),
    (
        LEGACY,
        "The contract of the legacy service, answered here for people who have moved.",
    ),
    (OPERATORS, "For monitors and load balancers inside the network."),
];

/// Names of the groups of operations.
pub(super) const IDENTITY: &str = "identity";
pub(super) const ACCOUNTS: &str = "accounts";
pub(super) const TOKENS: &str = "tokens";
pub(super) const PEOPLE: &str = "people";
pub(super) const LEGACY: &str = "legacy";
pub(super) const OPERATORS: &str = "operators";

/// The document, compact: what `GET /openapi.json` answers. Built at the first call.
pub fn compact() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        // Maps with text keys and plain values always serialise.
        serde_json::to_string(&document()).unwrap_or_default()
    });
    &TEXT
}

/// The document for people and their reviews: indented, ending in a line feed.
#[must_use]
pub fn pretty() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    let mut parts = Parts::default();
    let mut paths = Paths::new();
    for operation in operations() {
        let (path, method) = (operation.path(), operation.method());
        let described = operation.describe(&mut parts);
        paths.add_path_operation(path, vec![method], described);
    }
    let mut components = ComponentsBuilder::new()
        .schemas_from_iter(parts.schemas.into_entries())
        .responses_from_iter(parts.responses);
    for (name, scheme) in security_schemes() {
        components = components.security_scheme(name, scheme);
    }
    OpenApiBuilder::new()
        .info(info())
        .servers(Some([Server::new("/")]))
        .tags(Some(TAGS.map(|(name, text)| {
            TagBuilder::new().name(name).description(Some(text)).build()
        })))
        .paths(paths)
        .components(Some(components.build()))
        .build()
}

fn operations() -> Vec<Operation> {
    let mut all = identity::operations();
    all.extend(super::accounts::contract::operations());
    all.extend(ledger::operations());
    all.extend(people::operations());
    all.extend(super::legacy::contract::operations());
    all.extend(operators::operations());
    all
}

fn info() -> Info {
    InfoBuilder::new()
        .title("Crossfade origin")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(
            LicenseBuilder::new()
                .name("Apache-2.0")
                .identifier(Some("Apache-2.0"))
                .build(),
        ))
        .build()
}

fn security_schemes() -> [(&'static str, SecurityScheme); 3] {
    let mut bearer = Http::new(HttpAuthScheme::Bearer);
    bearer.bearer_format = Some("JWT".to_owned());
    bearer.description = Some("A Firebase ID token, or a token of the legacy service.".to_owned());
    let header =
        |name, text| SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, text)));
    [
        (operation::BEARER, SecurityScheme::Http(bearer)),
        (
            operation::SERVICE_KEY,
            header(
                "X-Service-Key",
                "One of `INTERNAL_SERVICE_KEYS`, sent once. Administration needs a key marked `:admin`.",
            ),
        ),
        (
            operation::EDGE,
            header(
                "X-Crossfade-Assertion",
                "The edge's statement about the request: an HS256 JWT of at most a minute for this method and path. One that does not open is 403, \
                 or 503 `CONFIG_INVALID` when the keys or clocks of the two disagree, whatever else the request carries.",
            ),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The copy makes a change of the contract visible in review.
    #[test]
    fn the_checked_in_copy_is_the_document() {
        let copy = include_str!("../../../docs/api/openapi.json");
        assert!(
            copy == pretty(),
            "docs/api/openapi.json is not what the code says. Look at what changed for callers, then rewrite it:\n\n    \
             cargo run -p crossfade-origin -- openapi > docs/api/openapi.json\n"
        );
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let mut names = std::collections::BTreeSet::new();
        for operation in operations() {
            let (method, path) = (operation.method(), operation.path());
            assert!(names.insert(operation.id()), "{} twice", operation.id());
            let described = document();
            assert!(
                described.paths.get_path_operation(path, method).is_some(),
                "{path}"
            );
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = serde_json::to_value(document()).unwrap();
        let mut open = vec![&document];
        let mut seen = 0;
        while let Some(value) = open.pop() {
            match value {
                serde_json::Value::Object(fields) => {
                    if let Some(target) = fields.get("$ref").and_then(|target| target.as_str()) {
                        seen += 1;
                        let pointer = target.strip_prefix('#').unwrap();
                        assert!(document.pointer(pointer).is_some(), "{target}");
                    }
                    open.extend(fields.values());
                }
                serde_json::Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
        assert!(seen > 100, "{seen}");
    }
}
