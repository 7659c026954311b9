//! What every call passes before its handler: the faults that a test asked for, and the tenant that it must name.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use super::faults::Fate;
use super::refusal::Refusal;
use super::state::Shared;
use crate::serve::ConnectionEnds;

pub(super) async fn pass(
    State(shared): State<Shared>,
    path: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, super::MAX_BODY_BYTES).await else {
        return Refusal::new(413, "Request payload size exceeds the limit").into_response();
    };
    let said = String::from_utf8_lossy(&body);
    let fate = shared
        .faults()
        .fate(&method(path.as_str(), head.uri.path()), &said, Instant::now());
    if !names_tenant(shared.faults().tenant.as_deref(), head.uri.path(), &said) {
        return Refusal::bad("TENANT_ID_MISMATCH").into_response();
    }
    let request = Request::from_parts(head, body.clone().into());
    match fate {
        Fate::Hang => std::future::pending().await,
        Fate::Down => ConnectionEnds.into_response(),
        Fate::Refuse(latency, refusal) => {
            tokio::time::sleep(latency).await;
            refusal.into_response()
        }
        Fate::Answer(latency) => {
            tokio::time::sleep(latency).await;
            next.run(request).await
        }
        Fate::Lose(latency) => {
            tokio::time::sleep(latency).await;
            next.run(request).await;
            ConnectionEnds.into_response()
        }
    }
}

/// Whether a call about accounts, or for a session cookie, names the tenant, where there is one: an administrator names it in the path, a
/// client in the body.
fn names_tenant(tenant: Option<&str>, path: &str, said: &str) -> bool {
    let Some(tenant) = tenant.filter(|_| path.contains("/accounts") || path.ends_with(COOKIE)) else {
        return true;
    };
    if path.ends_with(COOKIE) {
        return path.ends_with(&format!("/tenants/{tenant}{COOKIE}"));
    }
    if path.contains("/projects/") {
        return path.contains(&format!("/tenants/{tenant}/"));
    }
    let said: Value = serde_json::from_str(said).unwrap_or_default();
    said["tenantId"] == tenant
}

/// The end of the address of a call for a session cookie, with and without a tenant.
const COOKIE: &str = ":createSessionCookie";

/// Google's name for the method of a route.
fn method(route: &str, path: &str) -> String {
    if route.starts_with("/iam/") {
        return format!("iam.{}", path.rsplit(':').next().unwrap_or_default());
    }
    if route.starts_with("/computeMetadata/") {
        return format!("metadata.{}", path.rsplit('/').next().unwrap_or_default());
    }
    if path.ends_with(COOKIE) {
        return "projects.createSessionCookie".to_owned();
    }
    if route == "/sts/v1/token" {
        return "sts.token".to_owned();
    }
    if route == "/token" {
        return "oauth2.token".to_owned();
    }
    let of_project = route.contains("/projects/");
    if let Some((_, method)) = route
        .rsplit_once("/projects/")
        .and_then(|(_, rest)| rest.split_once(':').filter(|(name, _)| !name.contains('/')))
    {
        return format!("projects.{method}");
    }
    let last = route.rsplit('/').next().unwrap_or_default().replace(':', ".");
    if of_project {
        format!("projects.{last}")
    } else {
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_have_googles_names() {
        for (route, name) in [
            (
                "/identitytoolkit.googleapis.com/v1/accounts:signUp",
                "accounts.signUp",
            ),
            (
                "/identitytoolkit.googleapis.com/v1/projects/{project}/accounts",
                "projects.accounts",
            ),
            (
                "/identitytoolkit.googleapis.com/v1/projects/{project}/accounts:batchCreate",
                "projects.accounts.batchCreate",
            ),
            (
                "/identitytoolkit.googleapis.com/v1/projects/demo:createSessionCookie",
                "projects.createSessionCookie",
            ),
            ("/securetoken.googleapis.com/v1/token", "token"),
            ("/token", "oauth2.token"),
        ] {
            assert_eq!(method(route, route), name);
        }
    }
}
