//! The gateway's map: which paths exist, and what each needs. Pure; it does not know the addresses of the services.

mod endpoint;
mod legacy;

use std::borrow::Cow;

pub use endpoint::endpoint;
pub use legacy::LegacyCall;
pub(crate) use legacy::plain;
pub use shared::limits::Limit;

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route<'a> {
    /// The edge answers itself.
    Own(Own),
    /// The new contract: always the origin, at this path.
    New {
        /// The origin's path.
        path: Cow<'a, str>,
        /// Who may call.
        access: Access,
    },
    /// The legacy contract: the legacy service or the origin, at this path.
    Legacy {
        /// The path on either side.
        path: &'a str,
        /// The kind of the call.
        call: LegacyCall,
    },
    /// Perhaps the path of a configured app service.
    App,
    /// A path of none of these.
    Unknown,
}

/// The edge's own answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// The isolate runs.
    Live,
    /// The configuration is good and keys are available.
    Ready,
    /// Both, for users.
    Health,
    /// The rollout's variables and the override in force; an admin service changes them.
    Rollout,
}

/// Whether the edge looks at a call's `Authorization` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The edge neither looks at it nor forwards it. Clients attach their token to every call; an expired one must not keep its user from
    /// signing in or from refreshing it.
    Public,
    /// A bearer token must be good if there is one. Without one the origin decides: some calls come from a service.
    Bearer,
}

/// Finds the route of `path`.
#[must_use]
pub fn route(path: &str) -> Route<'_> {
    match path {
        "/livez" => return Route::Own(Own::Live),
        "/readyz" => return Route::Own(Own::Ready),
        "/health" | "/api/health" => return Route::Own(Own::Health),
        "/v1/rollout" => return Route::Own(Own::Rollout),
        _ => {}
    }
    if path.starts_with("/v1/") {
        return Route::New {
            path: Cow::Borrowed(path),
            access: access_of(path),
        };
    }
    if let Some(rest) = path.strip_prefix("/api/auth/v2/") {
        let path = format!("/v1/auth/{rest}");
        let access = access_of(&path);
        return Route::New {
            path: Cow::Owned(path),
            access,
        };
    }
    let legacy = match path.strip_prefix("/api") {
        Some(inner) if inner.starts_with("/auth/") => Some(inner),
        _ => path.starts_with("/auth/").then_some(path),
    };
    if let Some(path) = legacy {
        let (path, call) = legacy::call(path);
        return Route::Legacy { path, call };
    }
    if path.starts_with("/api/") {
        return Route::App;
    }
    Route::Unknown
}

fn access_of(path: &str) -> Access {
    match path {
        "/v1/auth/register"
        | "/v1/auth/login"
        | "/v1/auth/mfa/start"
        | "/v1/auth/mfa/finish"
        | "/v1/auth/refresh"
        | "/v1/auth/forgot-password"
        | "/v1/auth/reset-password"
        | "/v1/auth/verify-token"
        | "/v1/token/verify" => Access::Public,
        _ => Access::Bearer,
    }
}

/// The limit on a call. In the legacy contract the spelling of the path does not matter: the legacy service answers
/// `/auth/Change-Password/` as the call that it looks like.
#[must_use]
pub fn limit_of(method: &str, path: &str) -> Option<Limit> {
    let odd = |byte: u8| byte.is_ascii_uppercase() || matches!(byte, b'%' | b'\\' | b';');
    let is_odd = path.ends_with('/') || path.contains("//") || path.bytes().any(odd);
    if is_odd && path.starts_with("/auth") {
        return Limit::of(method, &legacy::plain(path));
    }
    Limit::of(method, path)
}

/// The binding that counts calls about one account, from any network.
pub const ACCOUNT_BINDING: &str = "LIMIT_ACCOUNT";
/// The binding that counts calls of one network about one account, once all networks together have made too many.
pub const ACCOUNT_NETWORK_BINDING: &str = "LIMIT_ACCOUNT_NETWORK";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_their_routes() {
        let new = |path: &'static str, access| Route::New {
            path: Cow::Borrowed(path),
            access,
        };
        let legacy = |path, call| Route::Legacy { path, call };
        for (path, expected) in [
            ("/livez", Route::Own(Own::Live)),
            ("/readyz", Route::Own(Own::Ready)),
            ("/health", Route::Own(Own::Health)),
            ("/v1/auth/me", new("/v1/auth/me", Access::Bearer)),
            ("/v1/auth/login", new("/v1/auth/login", Access::Public)),
            ("/v1/auth/login/", new("/v1/auth/login/", Access::Bearer)),
            ("/v1/token/verify", new("/v1/token/verify", Access::Public)),
            (
                "/v1/token/verify-header",
                new("/v1/token/verify-header", Access::Bearer),
            ),
            ("/api/auth/v2/refresh", new("/v1/auth/refresh", Access::Public)),
            ("/api/auth/v2/profile", new("/v1/auth/profile", Access::Bearer)),
            ("/auth/login", legacy("/auth/login", LegacyCall::SignIn)),
            ("/api/auth/login", legacy("/auth/login", LegacyCall::SignIn)),
            (
                "/api/auth/register",
                legacy("/auth/register", LegacyCall::Registration),
            ),
            (
                "/auth/register/batch",
                legacy("/auth/register/batch", LegacyCall::ServiceOnly),
            ),
            (
                "/auth/verify-token",
                legacy("/auth/verify-token", LegacyCall::VerifyToken),
            ),
            ("/auth/profile", legacy("/auth/profile", LegacyCall::Bearer)),
            ("/api/auth/LOGIN/", legacy("/auth/login", LegacyCall::SignIn)),
            ("/api/archive/jobs", Route::App),
            ("/api/authors", Route::App),
            ("/v1", Route::Unknown),
            ("/auth", Route::Unknown),
            ("//auth/login", Route::Unknown),
            ("/V1/auth/me", Route::Unknown),
            ("/metrics", Route::Unknown),
            ("/", Route::Unknown),
        ] {
            assert_eq!(route(path), expected, "{path}");
        }
    }
}
