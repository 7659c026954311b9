//! The header names this project owns, and which inbound ones never get past the edge.

/// The signed identity assertion, edge → origin and edge → upstreams.
pub const ASSERTION: &str = "x-crossfade-assertion";
/// A request's name, on every hop.
pub const REQUEST_ID: &str = "x-request-id";
/// W3C Trace Context.
pub const TRACEPARENT: &str = "traceparent";
/// Which side answered: `v2`, `legacy` or `edge`.
pub const ROUTE: &str = "x-auth-route";
/// Why that side was chosen.
pub const ROUTE_REASON: &str = "x-auth-route-reason";
/// An internal service's key.
pub const SERVICE_KEY: &str = "x-service-key";
/// Our user id, for app services.
pub const USER_ID: &str = "x-user-id";
/// The verified e-mail, for app services.
pub const USER_EMAIL: &str = "x-user-email";
/// `user`, `admin`, …, for app services.
pub const USER_TYPE: &str = "x-user-type";
/// The kind of token behind the identity, for app services.
pub const TOKEN_KIND: &str = "x-auth-token-kind";

const RESERVED_PREFIXES: [&str; 4] = ["x-user-", "x-auth-", "x-internal-", "x-crossfade-"];

/// Whether an inbound header claims something only the edge may say. Such a header is removed on every path before anything
/// else happens.
///
/// Case does not matter, and `_` counts as `-`: many servers fold both into one variable name, so `X_User_Id` would
/// otherwise arrive as `X-User-Id`. `X-Service-Key` is included; the edge forwards it only after it proved to be one of ours.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    let same = |byte: u8| {
        if byte == b'_' {
            b'-'
        } else {
            byte.to_ascii_lowercase()
        }
    };
    let starts_with = |prefix: &str| {
        name.len() >= prefix.len() && name.bytes().map(same).zip(prefix.bytes()).all(|(a, b)| a == b)
    };
    RESERVED_PREFIXES.iter().any(|prefix| starts_with(prefix))
        || (name.len() == SERVICE_KEY.len() && starts_with(SERVICE_KEY))
}

/// The token of an `Authorization` header: exactly one `Bearer` scheme (any case, RFC 9110 section 11.1), one space, one token.
///
/// `None` for anything else: another scheme, several credentials joined by a comma, stray white space.
#[must_use]
pub fn bearer_token(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    // To the end whatever is found: without a way out early the compiler looks at many bytes at once.
    let plain = token.bytes().fold(true, |plain, byte| {
        plain & byte.is_ascii_graphic() & (byte != b',')
    });
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && plain).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn every_spelling_of_an_identity_header_is_reserved() {
        for name in [
            "x-user-id",
            "X-User-ID",
            "X_USER_ID",
            "x-User_email",
            "X-User-",
            "x-auth-route",
            "X-AUTH-TOKEN-KIND",
            "x_internal_service",
            "X-Internal-Service",
            "X-Crossfade-Assertion",
            "x_crossfade_assertion",
            "X-Service-Key",
            "x_service_key",
        ] {
            assert!(is_reserved(name), "{name}");
        }
        for name in [
            "x-users",
            "x-user",
            "authorization",
            "x-request-id",
            "x-service-keys",
            "x-servicekey",
            "",
            "ü-user-id",
        ] {
            assert!(!is_reserved(name), "{name}");
        }
    }

    #[test]
    fn only_one_bearer_token_is_taken() {
        assert_eq!(bearer_token("Bearer abc.def.ghi"), Some("abc.def.ghi"));
        assert_eq!(bearer_token("bEARER a"), Some("a"));
        for refused in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer  a",
            "Bearer a b",
            "Bearer a, Bearer b",
            "Bearer a,b",
            "Basic a",
            "Bearer\ta",
            "Bearer a\n",
            "xBearer a",
            "Bearer ü",
        ] {
            assert_eq!(bearer_token(refused), None, "{refused:?}");
        }
    }
}
