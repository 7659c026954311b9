//! A failure counts against a service only if the service alone can have caused it.

use edge::ports::UpstreamFault;
use shared::fallback::{BodyFault, Dependency};

use crate::support::{self, Edge, emulator_token};
use crate::{IN_COHORT, LOGIN, NOT_IN_COHORT, half};

const READ: &str = "GET\nhttps://edge/auth/profile";

/// A read by a user who is signed in at v2.
fn read(edge: &Edge) -> support::Answered {
    let token = emulator_token(edge, "person-1", "ann@example.com");
    edge.handle(&format!("{READ}\nauthorization:Bearer {token}"), "")
}

fn signs_in_everybody(edge: &Edge) {
    assert_eq!(edge.open_breakers(), [""; 0]);
    for body in [IN_COHORT, NOT_IN_COHORT] {
        assert_eq!(edge.handle(LOGIN, body).status, 200, "{body}");
    }
    assert_eq!(read(edge).status, 200);
}

#[test]
fn broken_or_stalled_body_affects_its_sender_alone() {
    for (fault, status, code) in [
        (BodyFault::Broken, 400, "VALIDATION_ERROR"),
        (BodyFault::Stalled, 408, "REQUEST_TIMEOUT"),
    ] {
        let edge = Edge::with(&[
            ("ROLLOUT_PERCENT", "50"),
            ("CORS_ALLOWED_ORIGINS", "https://app.example"),
        ]);
        edge.bodies(Some(fault));
        for path in [
            "/auth/login",
            "/auth/register",
            "/auth/verify-token",
            "/auth/profile",
            "/v1/auth/login",
            "/v1/auth/profile",
            "/api/open/x",
        ] {
            for number in 0..50 {
                let request = format!(
                    "POST\nhttps://edge{path}\norigin:https://app.example\ncf-connecting-ip:10.0.0.{number}"
                );
                let reply = edge.handle(&request, IN_COHORT);
                assert_eq!((reply.status, reply.code), (status, Some(code)), "{path}");
                let headers = reply.headers.as_text().to_owned();
                for name in ["x-request-id:", "access-control-allow-origin:"] {
                    assert!(headers.contains(name), "{path}: no {name}\n{headers}");
                }
            }
        }
        assert!(edge.sent().is_empty(), "nothing was sent anywhere");
        assert!(edge.tallies().is_empty());
        edge.bodies(None);
        signs_in_everybody(&edge);
    }
}

#[test]
fn unsendable_requests_and_short_uploads_count_for_nothing() {
    let unsendable = UpstreamFault::Unsendable;
    for (method, fault, status) in [
        ("GET", unsendable, 400),
        ("POST", UpstreamFault::Body(BodyFault::Broken), 400),
        ("POST", UpstreamFault::Body(BodyFault::Stalled), 408),
        ("POST", UpstreamFault::Interrupted, 503),
        ("POST", UpstreamFault::UploadLate, 504),
    ] {
        let edge = half();
        edge.ends(Some(fault));
        let long = "x".repeat(70_000);
        let is_long = matches!(fault, UpstreamFault::Interrupted | UpstreamFault::UploadLate);
        let body: &str = if is_long { &long } else { IN_COHORT };
        for path in ["/auth/login", "/auth/register", "/api/open/x"] {
            for number in 0..50 {
                let request = format!(
                    "{method}\nhttps://edge{path}\ncontent-type:application/json\ncontent-length:50\n\
                     cf-connecting-ip:10.0.0.{number}"
                );
                assert_eq!(edge.handle(&request, body).status, status, "{fault:?} {path}");
            }
        }
        // Once each: the edge does not ask the other side.
        assert_eq!(edge.sent().len(), 150, "{fault:?}");
        assert!(edge.tallies().is_empty());
        edge.ends(None);
        signs_in_everybody(&edge);
    }
}

#[test]
fn a_body_longer_than_the_origin_takes_is_413_before_anything_is_sent() {
    let long = "x".repeat(70_000);
    let edge = half();
    for path in ["/v1/auth/login", "/v1/auth/profile", "/api/auth/v2/refresh"] {
        let reply = edge.handle(&format!("POST\nhttps://edge{path}"), &long);
        assert_eq!((reply.status, reply.code), (413, Some("PAYLOAD_TOO_LARGE")));
    }
    let alone = Edge::with(&[("LEGACY_AUTH_URL", "")]);
    assert_eq!(alone.handle(LOGIN, &long).status, 413);
    assert!(edge.sent().is_empty() && alone.sent().is_empty());
    // The legacy service itself decides what it accepts.
    assert_eq!(edge.handle(LOGIN, &long).route, "legacy");
}

#[test]
fn one_caller_opens_no_breaker_for_others() {
    let one_address = |_| "cf-connecting-ip:10.0.0.1".to_owned();
    let one_site = |n: u32| format!("cf-connecting-ip:2001:db8:7:{n:x}::1");
    // The network in front made an IPv4 address up for each of these networks.
    let made_up = |n: u32| format!("cf-connecting-ip:240.0.0.{n}\ncf-connecting-ipv6:2001:db8:7:{n:x}::1");
    let callers: [fn(u32) -> String; 3] = [one_address, one_site, made_up];
    for (fault, caller) in [UpstreamFault::Timeout, UpstreamFault::Unreachable]
        .into_iter()
        .flat_map(|fault| callers.map(|caller| (fault, caller)))
    {
        let edge = half();
        edge.ends(Some(fault));
        for number in 0..200 {
            for request in [
                LOGIN,
                "GET\nhttps://edge/v1/auth/me",
                "GET\nhttps://edge/api/open/x",
            ] {
                edge.handle(&format!("{request}\n{}", caller(number)), IN_COHORT);
            }
        }
        edge.ends(None);
        let (_, failed) = edge.tallies().v2.callers();
        assert_eq!(failed, 1, "{}", caller(0));
        signs_in_everybody(&edge);
    }
}

#[test]
fn without_google_reads_go_on_and_sign_ins_spare_the_wait() {
    for named in [true, false] {
        let edge = half();
        edge.side("http://origin", 503);
        if named {
            edge.lacks(Some(Dependency::Firebase));
        } else {
            // Google hangs, and v2 with it.
            edge.ends(Some(UpstreamFault::Timeout));
        }
        edge.handle_by(30, "POST\nhttps://edge/v1/auth/login", IN_COHORT);
        assert_eq!(edge.open_breakers(), ["origin/sign-ins"], "{named}");
        edge.ends(None);
        // The edge asks the legacy service at once. It still sends a call of the new contract: v2 signs some users in without Google.
        let before = edge.sent().len();
        let reply = edge.handle(LOGIN, IN_COHORT);
        assert_eq!((reply.status, reply.reason), (200, "fallback_breaker_open"));
        assert_eq!(edge.sent().len(), before + 1);
        edge.handle("POST\nhttps://edge/v1/auth/login", IN_COHORT);
        assert_eq!(edge.sent().len(), before + 2);
        edge.side("http://origin", 200);
        assert_eq!(read(&edge).status, 200);
        edge.pass(16);
        assert_eq!(edge.handle(LOGIN, IN_COHORT).reason, "in_cohort");
        signs_in_everybody(&edge);
    }
}

#[test]
fn only_v2_may_name_a_dependency_and_no_caller_sees_it() {
    let edge = half();
    edge.side("http://legacy", 503);
    edge.lacks(Some(Dependency::Firebase));
    // The legacy service names a dependency too: the edge still counts it as down.
    edge.handle_by(6, LOGIN, NOT_IN_COHORT);
    assert_eq!(edge.open_breakers(), ["legacy"]);
    let edge = half();
    edge.side("http://origin", 503);
    edge.lacks(Some(Dependency::Database));
    let reply = edge.handle("GET\nhttps://edge/v1/auth/me", "");
    assert_eq!(reply.status, 503);
    let removed = reply
        .headers
        .as_text()
        .lines()
        .any(|line| line == "x-crossfade-dependency");
    assert!(removed, "{}", reply.headers.as_text());
    edge.handle_by(6, "GET\nhttps://edge/v1/auth/me", "");
    assert_eq!(edge.open_breakers(), ["origin"]);
}

/// Google wants a second factor (403), blocks the sign-in (403), calls the password wrong (401).
#[test]
fn definite_refusal_of_v2_causes_no_fallback() {
    for status in [400, 401, 403, 408, 413, 422, 429] {
        let edge = half();
        edge.side("http://origin", status);
        for _ in 0..60 {
            let reply = edge.handle(LOGIN, IN_COHORT);
            assert_eq!((reply.status, reply.route), (status, "v2"));
        }
        let asked_legacy = edge
            .sent()
            .iter()
            .any(|sent| sent.url.starts_with("http://legacy"));
        assert!(!asked_legacy, "{status}");
        assert_eq!(edge.tallies().v2.failures, 0);
        assert_eq!(edge.open_breakers(), [""; 0]);
        // When v2 is asked second, its refusal is final too.
        for legacy in [0, 404, 500, 503] {
            edge.side("http://legacy", legacy);
            let reply = edge.handle(LOGIN, NOT_IN_COHORT);
            assert_eq!((reply.status, reply.route), (status, "v2"), "legacy {legacy}");
        }
    }
}

#[test]
fn invalid_answer_ends_in_an_envelope() {
    let edge = half();
    edge.ends(Some(UpstreamFault::Unusable));
    for request in ["GET\nhttps://edge/v1/auth/me", "GET\nhttps://edge/api/open/x"] {
        let reply = edge.handle(request, "");
        assert_eq!((reply.status, reply.code), (502, Some("UPSTREAM_INVALID")));
    }
    edge.ends(None);
    for (status, told) in [(520, 503), (522, 504), (524, 504), (526, 503), (530, 503)] {
        edge.side("http://open", status);
        assert_eq!(edge.handle("GET\nhttps://edge/api/open/x", "").status, told);
    }
}

#[test]
fn an_upgrade_is_a_handshake_with_get_alone() {
    let edge = half();
    for path in ["/auth/login", "/v1/auth/login", "/api/open/x"] {
        let reply = edge.handle(
            &format!("POST\nhttps://edge{path}\nupgrade:websocket\ncontent-type:application/json"),
            IN_COHORT,
        );
        assert_eq!(reply.status, 200, "{path}");
        assert!(edge.last_sent().removes("upgrade"), "{path}");
    }
}
