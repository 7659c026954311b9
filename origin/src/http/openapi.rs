//! The OpenAPI 3.1 document of every answer of the service, and the page to read it.
//!
//! Each handler describes itself in an annotation: its arguments, its answers, and its own failures. `finish` adds what calls of one kind
//! have in common. Schemas are derived from the types that are read and written; statuses and codes come from the tables that render
//! failures.

mod envelopes;
mod failure;
mod finish;
pub(super) mod names;
pub(super) mod page;

use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Info, InfoBuilder, LicenseBuilder, OpenApi, Server};

pub(super) use failure::{Failure, OF_FIREBASE, of_users};
pub(super) use names::{ACCOUNTS, BEARER, EDGE, IDENTITY, LEGACY, OPERATORS, SERVICE_KEY, TOKENS, USERS};

const DESCRIPTION: &str = "\
Users, their accounts and their tokens. Bodies are JSON objects of at most 64 KiB; fields that are not named here are ignored, and \
every field that breaks its rule is named in `details`. A failure is the envelope `Failure`, or RFC 9457 when `Accept` names \
`application/problem+json`; its `code` is stable and the same in both. Besides what each operation lists, an unknown path is 404 \
`NOT_FOUND` and a known one called with another method 405 `METHOD_NOT_ALLOWED`. `HEAD` answers wherever `GET` does. `X-Request-Id` is taken from \
the request when it is 1 to 64 of `A-Z a-z 0-9 . _ -`, else made, and is on every answer.";

pub(super) const TAGS: [(&str, &str); 6] = [
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

/// The document, from what the handlers' annotations say.
#[must_use]
pub(super) fn complete(mut api: OpenApi) -> OpenApi {
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
