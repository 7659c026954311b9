//! The header names of this project, and the inbound headers that the edge never lets in.

mod reserved;

pub use reserved::is_reserved;

/// The signed identity assertion, edge → origin and edge → upstreams.
pub const ASSERTION: &str = "x-crossfade-assertion";
/// A request's name, on every hop.
pub const REQUEST_ID: &str = "x-request-id";
/// The dependency that v2 lacks, with a 503 to the edge ([`crate::fallback::Dependency`]). The edge believes it from v2 alone and never
/// forwards it.
pub const DEPENDENCY: &str = "x-crossfade-dependency";
/// W3C Trace Context.
pub const TRACEPARENT: &str = "traceparent";
/// W3C Trace Context: what each vendor keeps about the trace that `traceparent` names.
pub const TRACESTATE: &str = "tracestate";
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

/// The token of an `Authorization` header: exactly one `Bearer` scheme (any case, RFC 9110 section 11.1), one space, one token.
///
/// `None` for anything else: another scheme, several credentials joined by a comma, stray white space.
#[must_use]
pub fn bearer_token(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    // The fold reads to the end in any case: without an early exit the compiler compares many bytes at once.
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
