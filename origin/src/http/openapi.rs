//! The OpenAPI 3.1 document of every answer of the service, and the page to read it.
//!
//! Each handler describes itself in an annotation: its arguments, its answers, and its own failures. `finish` adds what calls of one kind
//! have in common. Schemas are derived from the types that are read and written; statuses and codes come from the tables that render
//! failures.

mod envelopes;
mod failure;
mod finish;
pub(super) mod page;

use std::sync::LazyLock;

use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Info, InfoBuilder, LicenseBuilder, OpenApi, Server};

pub(super) use failure::{Failure, OF_FIREBASE, of_users};

const DESCRIPTION: &str = "\
Users, their accounts and their tokens. Bodies are JSON objects of at most 64 KiB; fields that are not named here are ignored, and \
every field that breaks its rule is named in `details`. A failure is the envelope `Failure`, or RFC 9457 when `Accept` names \
`application/problem+json`; its `code` is stable and the same in both. Besides what each operation lists, an unknown path is 404 \
`NOT_FOUND` and a known one called with another method 405 `METHOD_NOT_ALLOWED`. `HEAD` answers wherever `GET` does. `X-Request-Id` is taken from \
the request when it is 1 to 64 of `A-Z a-z 0-9 . _ -`, else made, and is on every answer.";

const TAGS: [(&str, &str); 6] = [
    (IDENTITY, "Verify tokens and show their user."),
    (ACCOUNTS, "Register, sign in, and manage one's own account."),
    (
        TOKENS,
        "The token ledger: each movement happens exactly once or not at all.",
    ),
    (
        USERS,
        "For administrators: users, their audit events, the revocation feed.",
    ),
    (
        LEGACY,
        "The contract of the legacy service, for users who have moved.",
    ),
    (OPERATORS, "For monitors and load balancers inside the network."),
];

/// Names of the groups of operations.
pub(super) const IDENTITY: &str = "identity";
pub(super) const ACCOUNTS: &str = "accounts";
pub(super) const TOKENS: &str = "tokens";
pub(super) const USERS: &str = "users";
pub(super) const LEGACY: &str = "legacy";
pub(super) const OPERATORS: &str = "operators";

/// Names of the security schemes.
pub(super) const BEARER: &str = "bearer";
pub(super) const SERVICE_KEY: &str = "serviceKey";
pub(super) const EDGE: &str = "edgeAssertion";

/// The extension in which an annotation lists the handler's own failures; the document shows them as answers.
pub(super) const FAILS: &str = "x-fails";

/// The document, compact: what `GET /openapi.json` answers. Built at the first call.
pub fn compact() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        // Maps with text keys and plain values always serialise.
        serde_json::to_string(&document()).unwrap_or_default()
    });
    &TEXT
}

/// The document for readers and reviews: indented, ending in a line feed.
#[must_use]
pub fn pretty() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    let mut api = super::routes().to_openapi();
    api.info = info();
    api.servers = Some(vec![Server::new("/")]);
    api.tags = Some(
        TAGS.map(|(name, text)| TagBuilder::new().name(name).description(Some(text)).build())
            .into(),
    );
    finish::finish(&mut api);
    let components = api.components.get_or_insert_default();
    components
        .security_schemes
        .extend(security_schemes().map(|(name, scheme)| (name.to_owned(), scheme)));
    api
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
        (BEARER, SecurityScheme::Http(bearer)),
        (
            SERVICE_KEY,
            header(
                "X-Service-Key",
                "One of `INTERNAL_SERVICE_KEYS`, sent once. Administration needs a key marked `:admin`.",
            ),
        ),
        (
            EDGE,
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
    fn checked_in_copy_equals_the_document() {
        let copy = include_str!("../../../docs/api/openapi.json");
        assert!(
            copy == pretty(),
            "docs/api/openapi.json is not what the code says. Look at what changed for callers, then rewrite it:\n\n    \
             cargo run -p crossfade-origin -- openapi > docs/api/openapi.json\n"
        );
    }

    #[test]
    fn every_operation_has_a_unique_id_and_a_summary() {
        let document = serde_json::to_value(document()).unwrap();
        let mut names = std::collections::BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let at = format!("{method} {path}");
                assert!(
                    names.insert(operation["operationId"].as_str().unwrap().to_owned()),
                    "{at}"
                );
                let summary = operation["summary"].as_str().unwrap();
                assert!(!summary.is_empty() && !summary.contains('\n'), "{at}: {summary}");
                let tags: Vec<&str> = TAGS.iter().map(|(tag, _)| *tag).collect();
                assert!(tags.contains(&operation["tags"][0].as_str().unwrap()), "{at}");
                assert_eq!(operation.get(FAILS), None, "{at}");
            }
        }
        assert!(names.len() > 40, "{names:?}");
    }

    #[test]
    fn every_reference_resolves() {
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
