//! No caller's header about its own identity reaches a service behind the edge: in any spelling, on any path, once or twice.

use testkit::recorder::{Received, Recorder};

use crate::api::Api;
use crate::edges::{self, Edge};
use crate::raw;
use crate::stack;
use crate::users::new_token;

/// Names that only the edge may use, as a caller may spell them.
const FORGED: [&str; 62] = [
    "X-User-ID",
    "x-user-id",
    "X-USER-ID",
    "X_User_ID",
    "x-user_id",
    "X_USER-EMAIL",
    "X-User-Email",
    "x_user_type",
    "X-User-Type",
    "X-User-Balance",
    "X-User-",
    "X-Auth-Token-Kind",
    "x_auth_token_kind",
    "X-Auth-Route",
    "X_AUTH_ROUTE_REASON",
    "X-Auth-User",
    "X-Internal-Service",
    "X_INTERNAL_SERVICE",
    "x-Internal_Anything",
    "X-Crossfade-Assertion",
    "x_crossfade_assertion",
    "X-CROSSFADE-ASSERTION",
    "X-Crossfade-Anything",
    "X-Service-Key",
    "x_service_key",
    "X-SERVICE_KEY",
    "X-Forwarded-For",
    "Forwarded",
    "X-Real-IP",
    "X.User.Id",
    "x--user--id",
    "XUserId",
    "X~User!Type",
    "X.Auth.Token-Kind",
    "X.Internal.Service",
    "X.Crossfade.Assertion",
    "X.Service.Key",
    "X_Forwarded_For",
    "X.Forwarded.For",
    "X-Forwarded",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Proto",
    "X-Forwarded-Prefix",
    "X_Forwarded_Host",
    "X_Real_IP",
    "True-Client-IP",
    "True_Client_IP",
    "X-Client-IP",
    "Client-IP",
    "X-Cluster-Client-IP",
    "CF-Connecting-IP",
    "CF_Connecting_IP",
    "CF.Connecting.IP",
    "X-Original-URL",
    "X_Rewrite_URL",
    "X-HTTP-Method-Override",
    "X-Method-Override",
    "X_Request_Id",
    "Proxy",
    "Cloudflare-Workers-Version-Overrides",
    "Cloudflare-Workers-Version-Key",
];

/// Names that look alike and are reserved for nobody.
const INNOCENT: [&str; 5] = ["X-Users", "X-User", "X-Service-Keys", "X-Authentic", "X_Custom"];

/// An edge in front of services that record what they receive; the origin is the real one.
async fn in_front_of(recorder: &Recorder) -> Edge {
    edges::edge()
        .with("LEGACY_AUTH_URL", &recorder.url)
        .with("ROLLOUT_PERCENT", "0")
        .with(
            "UPSTREAMS",
            &serde_json::json!([
                { "prefix": "/api/required", "url": recorder.url, "auth": "required" },
                { "prefix": "/api/optional", "url": recorder.url, "auth": "optional" },
                { "prefix": "/api/none", "url": recorder.url, "auth": "none" },
            ])
            .to_string(),
        )
        .start()
        .await
}

/// What the recorder receives of a request with these header lines.
async fn arrives(edge: &Edge, method: &str, path: &str, lines: &[&str]) -> Received {
    // Past Miniflare's entry, which would change some of them.
    let answer = raw::send(&Api::at(&edge.direct), method, path, lines)
        .await
        .expect(200);
    serde_json::from_str(&answer.text).unwrap_or_else(|_| panic!("the recorder did not answer\n{answer}"))
}

fn check(received: &Received, path: &str) {
    for (name, value) in &received.headers {
        assert!(
            !value.contains("forged"),
            "{path}: {name}: {value} arrived\n{received:#?}"
        );
    }
    // The check can fail: headers that are not reserved do arrive.
    for name in INNOCENT {
        let name = name.to_ascii_lowercase();
        assert_eq!(
            received.header(&name),
            Some("innocent"),
            "{path}: {name}\n{received:#?}"
        );
    }
}

async fn every_spelling(edge: &Edge, method: &str, path: &str, authorization: Option<&str>) -> Received {
    let forged: Vec<String> = FORGED.iter().map(|name| format!("{name}: forged")).collect();
    let innocent: Vec<String> = INNOCENT.iter().map(|name| format!("{name}: innocent")).collect();
    let always = || innocent.iter().map(String::as_str).chain(authorization);
    // Each alone, and each twice.
    for line in &forged {
        for times in [1, 2] {
            let lines: Vec<&str> = std::iter::repeat_n(line.as_str(), times)
                .chain(always())
                .collect();
            check(&arrives(edge, method, path, &lines).await, path);
        }
    }
    // All at once, and then all in the opposite order.
    let all: Vec<&str> = forged
        .iter()
        .chain(forged.iter().rev())
        .map(String::as_str)
        .chain(always())
        .collect();
    let received = arrives(edge, method, path, &all).await;
    check(&received, path);
    received
}

#[tokio::test]
async fn nothing_forged_reaches_an_app_service() {
    let recorder = Recorder::start().await.unwrap();
    let edge = in_front_of(&recorder).await;
    let authorization = format!("Authorization: Bearer {}", new_token());
    for (path, authorization) in [
        ("/api/required/x", Some(authorization.as_str())),
        ("/api/optional/x", Some(authorization.as_str())),
        ("/api/optional/x", None),
        ("/api/none/x", None),
    ] {
        let received = every_spelling(&edge, "GET", path, authorization).await;
        let known = authorization.is_some();
        assert_eq!(received.header("x-user-id").is_some(), known, "{received:#?}");
        assert_eq!(received.all("x-crossfade-assertion").len(), 1, "{received:#?}");
    }
    edge.end().await;
}

#[tokio::test]
async fn nothing_forged_reaches_the_legacy_service() {
    let recorder = Recorder::start().await.unwrap();
    let edge = in_front_of(&recorder).await;
    for (method, path) in [
        ("POST", "/auth/login"),
        ("POST", "/api/auth/register"),
        ("GET", "/auth/profile"),
    ] {
        let received = every_spelling(&edge, method, path, None).await;
        assert!(received.all("x-crossfade-assertion").is_empty(), "{received:#?}");
    }
    edge.end().await;
}

#[tokio::test]
async fn nothing_forged_reaches_the_origin() {
    let recorder = Recorder::start().await.unwrap();
    let edge = edges::edge().with("ORIGIN_URL", &recorder.url).start().await;
    let authorization = format!("Authorization: Bearer {}", new_token());
    for (method, path, authorization) in [
        ("GET", "/v1/auth/me", Some(authorization.as_str())),
        ("POST", "/v1/auth/login", None),
        ("POST", "/api/auth/v2/refresh", None),
    ] {
        let received = every_spelling(&edge, method, path, authorization).await;
        assert_eq!(received.all("x-crossfade-assertion").len(), 1, "{received:#?}");
    }
    edge.end().await;
}

#[tokio::test]
async fn forged_identity_has_no_effect_at_the_origin() {
    let edge = stack::edge();
    let authorization = format!("Authorization: Bearer {}", new_token());
    let honest = raw::send(&edge, "GET", "/v1/auth/me", &[&authorization])
        .await
        .expect(200);
    let id = honest.text_at("/data/user/id");
    let forged: Vec<String> = FORGED
        .iter()
        .map(|name| format!("{name}: 00000000-0000-4000-8000-000000000000"))
        .collect();
    let with: Vec<&str> = forged
        .iter()
        .map(String::as_str)
        .chain([authorization.as_str()])
        .collect();
    raw::send(&edge, "GET", "/v1/auth/me", &with)
        .await
        .expect(200)
        .has("/data/user/id", id.as_str());
    // Without a token they prove nothing at all.
    let without: Vec<&str> = forged.iter().map(String::as_str).collect();
    raw::send(&edge, "GET", "/v1/auth/me", &without)
        .await
        .refused(401, "TOKEN_MISSING");
    // A caller who reaches the origin past the edge is refused with an assertion of their own making.
    raw::send(&stack::origin(), "GET", "/v1/auth/me", &without)
        .await
        .refused(403, "FORBIDDEN");
}

#[tokio::test]
async fn only_a_proven_service_key_arrives() {
    let recorder = Recorder::start().await.unwrap();
    let edge = in_front_of(&recorder).await;
    let ours = stack::variable("E2E_SERVICE_KEY");
    let line = format!("X-Service-Key: {ours}");
    let received = arrives(
        &edge,
        "POST",
        "/auth/register/batch",
        &[&line, "X-Internal-Service: forged"],
    )
    .await;
    assert_eq!(
        received.header("x-service-key"),
        Some(ours.as_str()),
        "{received:#?}"
    );
    assert_eq!(
        received.header("x-internal-service"),
        Some("true"),
        "{received:#?}"
    );
    // The key opens the origin's routes for services; no other service gets to see it.
    for (method, path) in [
        ("GET", "/api/none/x"),
        ("GET", "/api/optional/x"),
        ("POST", "/auth/login"),
        ("GET", "/auth/profile"),
    ] {
        let received = arrives(&edge, method, path, &[&line]).await;
        assert!(received.all("x-service-key").is_empty(), "{path} {received:#?}");
        assert!(
            received.all("x-internal-service").is_empty(),
            "{path} {received:#?}"
        );
    }
    for line in [
        format!("X-Service-Key: {ours}x"),
        format!("X_Service_Key: {ours}"),
        format!("X-Service-Key: {ours}\r\nX-Service-Key: {ours}"),
    ] {
        raw::send(&edge.api, "POST", "/auth/register/batch", &[&line])
            .await
            .refused(403, "FORBIDDEN");
    }
    edge.end().await;
}

#[tokio::test]
async fn connection_header_drops_only_headers_it_names() {
    let recorder = Recorder::start().await.unwrap();
    let edge = in_front_of(&recorder).await;
    let authorization = format!("Authorization: Bearer {}", new_token());
    let named = [
        "Connection: X-Hop, Authorization, Cookie, X-Crossfade-Assertion, X-User-Id, X-Request-Id, Content-Type",
        "X-Hop: for the edge",
        "Cookie: a=b",
        "Content-Type: text/plain",
        authorization.as_str(),
    ];
    let received = arrives(&edge, "GET", "/api/required/x", &named).await;
    for (name, times) in [
        ("x-hop", 0),
        ("cookie", 1),
        ("content-type", 1),
        ("x-crossfade-assertion", 1),
        ("x-user-id", 1),
        ("x-request-id", 1),
    ] {
        assert_eq!(received.all(name).len(), times, "{name}\n{received:#?}");
    }
    edge.end().await;
}
