//! What the edge changes in a service's answer, and what it asks of caches.

use serde_json::json;
use testkit::recorder::{Received, Recorder};
use testkit::wire;

use crate::edges::{self, Edge};
use crate::users::new_token;

const ORIGIN: &str = "http://localhost:5173";

async fn in_front_of(recorder: &Recorder) -> Edge {
    let url = &recorder.url;
    edges::edge()
        .with("LEGACY_AUTH_URL", url)
        .with("ROLLOUT_PERCENT", "0")
        .with(
            "UPSTREAMS",
            &json!([
                { "prefix": "/api/open", "url": url, "auth": "none" },
                { "prefix": "/api/known", "url": url, "auth": "optional" },
                { "prefix": "/api/shelf", "url": format!("{url}/inner"), "auth": "none", "strip_prefix": true },
            ])
            .to_string(),
        )
        .start()
        .await
}

#[tokio::test]
async fn redirect_to_the_services_address_becomes_the_edges_path() {
    let recorder = Recorder::start().await.unwrap();
    let edge = in_front_of(&recorder).await;
    let inner = &recorder.url;
    for (path, location, told) in [
        (
            "/api/open/x",
            format!("{inner}/api/open/y?z"),
            "/api/open/y?z".to_owned(),
        ),
        (
            "/api/shelf/x",
            format!("{inner}/inner/y"),
            "/api/shelf/y".to_owned(),
        ),
        (
            "/auth/profile",
            format!("{inner}/auth/login"),
            "/auth/login".to_owned(),
        ),
        // An address that is not the service's, or has no host: the edge leaves it.
        ("/api/shelf/x", format!("{inner}/other"), format!("{inner}/other")),
        (
            "/api/open/x",
            "https://elsewhere.example/x".to_owned(),
            "https://elsewhere.example/x".to_owned(),
        ),
        ("/api/shelf/x", "/y".to_owned(), "/y".to_owned()),
        ("/api/open/x", "y".to_owned(), "y".to_owned()),
    ] {
        let target = format!("{path}?status=302&location={location}");
        let answer = wire::exchange(&edge.direct, "GET", target.as_bytes(), &[], b"")
            .await
            .unwrap();
        let found = answer.headers.iter().find(|(name, _)| name == "location");
        assert_eq!(answer.status, 302, "{path}");
        assert_eq!(found.map(|(_, value)| value), Some(&told), "{path} {location}");
    }
    edge.end().await;
}

#[tokio::test]
async fn no_cache_keeps_private_answers_or_subrequests() {
    let recorder = Recorder::start().await.unwrap();
    let edge = in_front_of(&recorder).await;
    let token = new_token();
    for (path, token, kept) in [
        ("/api/known/x", Some(&token), Some("no-store")),
        ("/auth/profile", None, Some("no-store")),
        ("/api/known/x", None, None),
        ("/api/open/logo.png", None, None),
    ] {
        let call = edge.api.get(path);
        let answer = match token {
            Some(token) => call.bearer(token),
            None => call,
        }
        .send()
        .await
        .expect(200);
        assert_eq!(answer.header("cache-control"), kept, "{answer}");
        // The runtime sends this for `cache: "no-store"` where the client sends nothing.
        let received: Received = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(
            received.header("cache-control"),
            Some("no-cache"),
            "{received:#?}"
        );
    }
    edge.end().await;
}

#[tokio::test]
async fn headers_that_a_service_exposes_stay_exposed() {
    let recorder = Recorder::start().await.unwrap();
    let edge = in_front_of(&recorder).await;
    let answer = edge
        .api
        .get("/api/open/x?expose=X-Total-Count,Link")
        .header("origin", ORIGIN)
        .send()
        .await
        .expect(200);
    let exposed: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "access-control-expose-headers")
        .flat_map(|(_, value)| value.split(','))
        .map(|name| name.trim().to_lowercase())
        .collect();
    for name in ["x-total-count", "link", "x-request-id", "retry-after"] {
        assert!(exposed.iter().any(|found| found == name), "{name}\n{answer}");
    }
    edge.end().await;
}

#[tokio::test]
async fn pages_of_apps_and_usual_preflights_are_allowed() {
    let edge = edges::edge()
        .with(
            "CORS_ALLOWED_ORIGINS",
            "capacitor://localhost,ionic://localhost,https://app.example.com",
        )
        .start()
        .await;
    for origin in [
        "capacitor://localhost",
        "ionic://localhost",
        "https://app.example.com",
    ] {
        for asked in [
            "x-firebase-appcheck",
            "authorization,x-firebase-client,x-firebase-gmpid",
            "baggage,sentry-trace",
            "x-datadog-trace-id,x-datadog-parent-id",
            "x-requested-with,if-none-match,range,cache-control",
        ] {
            let answer = edge
                .api
                .call("OPTIONS", "/v1/auth/me")
                .header("origin", origin)
                .header("access-control-request-method", "GET")
                .header("access-control-request-headers", asked)
                .send()
                .await
                .expect(204)
                .has_header("access-control-allow-origin", origin);
            let allowed = answer.header("access-control-allow-headers").unwrap_or_default();
            for name in asked.split(',') {
                assert!(
                    allowed
                        .split(',')
                        .any(|found| found.trim().eq_ignore_ascii_case(name)),
                    "{name}\n{answer}"
                );
            }
        }
    }
    edge.end().await;
}

#[tokio::test]
async fn pages_of_listed_origins_can_read_bad_configuration() {
    let edge = edges::edge().with("UPSTREAM_TIMEOUT_MS", "soon").start().await;
    edge.api
        .get("/v1/auth/me")
        .header("origin", ORIGIN)
        .send()
        .await
        .refused(503, "CONFIG_INVALID")
        .has_header("access-control-allow-origin", ORIGIN);
    edge.api
        .call("OPTIONS", "/v1/auth/me")
        .header("origin", ORIGIN)
        .header("access-control-request-method", "GET")
        .send()
        .await
        .expect(204)
        .has_header("access-control-allow-origin", ORIGIN);
    edge.api
        .get("/v1/auth/me")
        .header("origin", "https://evil.example")
        .send()
        .await
        .refused(503, "CONFIG_INVALID")
        .lacks_header("access-control-allow-origin");
    edge.end().await;
}

#[tokio::test]
async fn restarted_trace_drops_the_tracestate() {
    let recorder = Recorder::start().await.unwrap();
    let edge = in_front_of(&recorder).await;
    let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (traceparent, kept) in [(Some(good), true), (Some("00-1-2-3"), false), (None, false)] {
        let call = edge.api.get("/api/open/x").header("tracestate", "vendor=1");
        let call = match traceparent {
            Some(traceparent) => call.header("traceparent", traceparent),
            None => call,
        };
        let received: Received = serde_json::from_str(&call.send().await.expect(200).text).unwrap();
        assert_eq!(
            received.header("tracestate"),
            kept.then_some("vendor=1"),
            "{received:#?}"
        );
    }
    edge.end().await;
}
