//! Browsers of listed origins, and of no others, may read what the edge answers; failures too.

use crate::answer::Answer;
use crate::stack;
use crate::users::new_token;

/// An origin of `CORS_ALLOWED_ORIGINS` in development.
const LISTED: &str = "http://localhost:5173";
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Paths that the edge, the origin and the legacy service answer, with success and with failure.
const PATHS: [(&str, u16); 5] = [
    ("/livez", 200),
    ("/nowhere", 404),
    ("/v1/auth/me", 401),
    ("/v1/nowhere", 404),
    ("/auth/profile", 401),
];

#[track_caller]
fn varies_by_origin(answer: &Answer) {
    let varies = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "vary")
        .flat_map(|(_, value)| value.split(','))
        .any(|name| name.trim().eq_ignore_ascii_case("origin"));
    assert!(varies, "Vary: Origin\n{answer}");
}

async fn asked(path: &str, origin: Option<&str>) -> Answer {
    let call = stack::edge().get(path);
    match origin {
        Some(origin) => call.header("origin", origin),
        None => call,
    }
    .send()
    .await
}

#[tokio::test]
async fn a_listed_origin_may_read_every_answer() {
    for (path, status) in PATHS {
        let answer = asked(path, Some(LISTED))
            .await
            .expect(status)
            .has_header("access-control-allow-origin", LISTED)
            .has_header("access-control-allow-credentials", "true");
        varies_by_origin(&answer);
        let exposed = answer
            .header("access-control-expose-headers")
            .unwrap_or_default()
            .to_lowercase();
        for name in ["x-request-id", "x-auth-route", "retry-after", "www-authenticate"] {
            assert!(exposed.contains(name), "{name} is not exposed\n{answer}");
        }
    }
    stack::edge()
        .get("/v1/auth/me")
        .bearer(&new_token())
        .header("origin", LISTED)
        .send()
        .await
        .expect(200)
        .has_header("access-control-allow-origin", LISTED);
}

#[tokio::test]
async fn unlisted_origin_may_read_nothing() {
    for (path, status) in PATHS {
        for origin in [
            None,
            Some("https://evil.example"),
            Some("http://localhost:5173.evil.example"),
            Some("https://localhost:5173"),
            Some("http://localhost"),
            Some("HTTP://LOCALHOST:5173"),
            Some("null"),
        ] {
            let answer = asked(path, origin)
                .await
                .expect(status)
                .lacks_header("access-control-allow-origin")
                .lacks_header("access-control-allow-credentials");
            varies_by_origin(&answer);
        }
    }
}

#[tokio::test]
async fn preflight_reaches_no_service() {
    for path in ["/v1/auth/profile", "/auth/login", "/api/anything", "/nowhere"] {
        let answer = stack::edge()
            .call("OPTIONS", path)
            .header("origin", LISTED)
            .header("access-control-request-method", "PATCH")
            .header(
                "access-control-request-headers",
                "authorization,content-type,idempotency-key,x-request-id,traceparent",
            )
            .send()
            .await
            .expect(204)
            .came_from("edge", "preflight")
            .has_header("access-control-allow-origin", LISTED)
            .has_header("access-control-allow-credentials", "true");
        varies_by_origin(&answer);
        let listed = |name: &str| answer.header(name).unwrap_or_default().to_lowercase();
        let methods = listed("access-control-allow-methods");
        for method in METHODS {
            assert!(methods.contains(&method.to_lowercase()), "{method}\n{answer}");
        }
        let headers = listed("access-control-allow-headers");
        for name in [
            "authorization",
            "content-type",
            "idempotency-key",
            "x-request-id",
            "traceparent",
        ] {
            assert!(headers.contains(name), "{name}\n{answer}");
        }
        stack::edge()
            .call("OPTIONS", path)
            .header("origin", "https://evil.example")
            .header("access-control-request-method", "PATCH")
            .send()
            .await
            .expect(204)
            .lacks_header("access-control-allow-origin")
            .lacks_header("access-control-allow-methods");
    }
}
