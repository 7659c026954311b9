//! One path for all: limits, routes and guards judge the path that the edge seals and sends, however a client spells the target, on the
//! Worker's own socket and behind Cloudflare's normalisation.

use serde_json::json;
use testkit::front::{Front, Normalisation};
use testkit::recorder::{Received, Recorder};
use testkit::wire::{self, WireAnswer};

use super::assertions::opened;
use crate::edges::{self, Edge};
use crate::stack;

/// The rest of a target, after the prefix of a service.
const SPELLINGS: [&[u8]; 86] = [
    b"",
    b"/",
    b"/a",
    b"/a/",
    b"//a",
    b"/a//b",
    b"/a///b//",
    b"/./a",
    b"/a/.",
    b"/a/./b",
    b"/../a",
    b"/a/..",
    b"/a/../b",
    b"/%2e/a",
    b"/%2E/a",
    b"/a/%2e",
    b"/%2e%2e/x",
    b"/%2E%2e/%2e%2E/metrics",
    b"/.%2e/x",
    b"/%2e./x",
    b"/a/%2e%2e/b",
    b"/%252e/a",
    b"/%252e%252e/a",
    b"/%25252e",
    b"/..%2fx",
    b"/%2e%2e%2fx",
    b"/a%2fb",
    b"/a%2Fb",
    b"/%2f",
    b"/%5c",
    b"/a%5cb",
    b"/..%5cx",
    b"/a\\b",
    b"/\\..\\x",
    b"/..\\x",
    b"/\\\\evil.example/x",
    b"/a#b",
    b"/#",
    b"/a%23b",
    b"/a;b",
    b"/a;b=c/d",
    b"/..;/x",
    b"/.;/x",
    b"/;/x",
    b"/%3b/x",
    b"/a%3Bb",
    b"/%41%7e",
    b"/%61%2d%5F",
    b"/%zz",
    b"/%",
    b"/a%4",
    b"/%00",
    b"/a%00b",
    b"/a%0d%0ab",
    b"/a%09b",
    b"/\x01",
    b"/a\x7f",
    b"/\xc3\xa9",
    b"/\xe9",
    b"/%c3%a9",
    b"/%E9",
    b"/%c0%ae%c0%ae/x",
    b"/\xff",
    b"/\"<>",
    b"/^`{|}",
    b"/[id]",
    b"/'!$&()*+,;=:@",
    b"/a.",
    b"/a..",
    b"/.../a",
    b"/a%20b",
    b"/a+b",
    b"/a\tb",
    b"?x=../..%2f",
    b"/a?x#y",
    b"/a?\xe9",
    b"/a?\xc3\xa9",
    b"/a?'\"<>",
    b"//evil.example/x",
    b"/http://evil.example/x",
    b"/%2f%2fevil.example/x",
    b"/a%u002e",
    b"/a?..",
    b"/@x:y",
    b"/A/%4A",
    b"/%2525252525252e",
];

async fn in_front_of(recorder: &Recorder) -> Edge {
    let url = &recorder.url;
    edges::edge()
        .with("ORIGIN_URL", url)
        .with("LEGACY_AUTH_URL", url)
        .with("ROLLOUT_PERCENT", "0")
        .with(
            "UPSTREAMS",
            &json!([
                { "prefix": "/api/plain", "url": url, "auth": "none", "name": "plain" },
                { "prefix": "/api/keep", "url": format!("{url}/inner"), "auth": "none", "strip_prefix": true, "name": "keep" },
            ])
            .to_string(),
        )
        .limited("LIMIT_LOGIN", 1, 60)
        .start()
        .await
}

/// The edge's own socket, and a front for each kind of zone.
async fn doors(edge: &Edge) -> (Vec<String>, Vec<Front>) {
    let mut urls = vec![edge.direct.clone(), edge.api.base.clone()];
    let mut fronts = Vec::new();
    for normalisation in [
        Normalisation::Off,
        Normalisation::Rfc3986,
        Normalisation::Cloudflare,
    ] {
        let front = Front::start(&edge.direct, normalisation, "192.0.2.7")
            .await
            .unwrap();
        urls.push(front.url.clone());
        fronts.push(front);
    }
    (urls, fronts)
}

fn shown(door: &str, target: &[u8], answer: &WireAnswer) -> String {
    let target = String::from_utf8_lossy(target);
    let body = String::from_utf8_lossy(&answer.body);
    format!(
        "{door} {target}\n→ {} {:?}\n{body}",
        answer.status, answer.headers
    )
}

/// Which side refused, unless a service answered.
fn refusal(answer: &WireAnswer) -> Option<&str> {
    let reason = answer
        .headers
        .iter()
        .find(|(name, _)| name == "x-auth-route-reason")
        .map_or("no Worker", |(_, value)| value);
    match (answer.status, reason) {
        (400, "request_target" | "no Worker") | (404, "not_found") => Some(reason),
        _ => None,
    }
}

#[tokio::test]
async fn every_spelling_is_judged_sealed_and_sent_alike() {
    let recorder = Recorder::start().await.unwrap();
    let edge = in_front_of(&recorder).await;
    let (doors, _fronts) = doors(&edge).await;
    let mut arrived = 0;
    for (prefix, audience, inside) in [
        ("/api/plain", "plain", "/api/plain"),
        ("/api/keep", "keep", "/inner"),
    ] {
        for spelling in SPELLINGS {
            let target = [prefix.as_bytes(), spelling].concat();
            for door in &doors {
                let answer = wire::exchange(door, "GET", &target, &[], b"").await.unwrap();
                let shown = shown(door, &target, &answer);
                if refusal(&answer).is_some() {
                    continue;
                }
                assert_eq!(answer.status, 200, "{shown}");
                let received: Received = serde_json::from_slice(&answer.body).expect(&shown);
                let (path, query) = received.target.split_once('?').unwrap_or((&received.target, ""));
                let claims = opened(&received, audience);
                assert_eq!(
                    claims["htu"].as_str(),
                    Some(path),
                    "sealed and sent differ: {shown}"
                );
                let below = path.strip_prefix(inside).expect(&shown);
                assert!(
                    below.is_empty() || below.starts_with('/'),
                    "left its prefix: {shown}"
                );
                let lenient = path.replace("%5C", "/").replace("%2F", "/").replace("%2E", ".");
                assert!(
                    lenient
                        .split('/')
                        .all(|segment| !matches!(segment.split(';').next(), Some("." | ".."))),
                    "leads elsewhere: {shown}"
                );
                assert!(!query.contains(['#', ' ']) && query.is_ascii(), "{shown}");
                arrived += 1;
            }
        }
    }
    // The check can fail: most spellings are ordinary and do arrive.
    assert!(arrived > SPELLINGS.len() * 5, "{arrived}");
    edge.end().await;
}

#[tokio::test]
async fn respelled_batch_registers_no_accounts() {
    let recorder = Recorder::start().await.unwrap();
    let edge = in_front_of(&recorder).await;
    let (doors, _fronts) = doors(&edge).await;
    let key = format!("x-service-key: {}", stack::variable("E2E_SERVICE_KEY"));
    let spellings: [&[u8]; 17] = [
        b"/auth/register/batch",
        b"/auth/register/%2e/batch",
        b"/auth/register/./batch",
        b"/auth/register/x/%2e%2e/batch",
        b"/auth/x/..%2fregister/batch",
        b"/auth/register\\batch",
        b"/auth/register%5cbatch",
        b"/auth/register%2fbatch",
        b"/auth/register%252fbatch",
        b"/auth/register/batch#x",
        b"/auth/register/batch;x",
        b"/auth/register;x/batch",
        b"/auth/register//batch",
        b"/auth/Register/%42atch/",
        b"/auth/%72egister/batch?x#",
        b"/api/auth/register/%2E/batch",
        b"/api/plain/%2e%2e/%2e%2e/auth/register/batch",
    ];
    for target in spellings {
        for door in &doors {
            let answer = wire::exchange(door, "POST", target, &[], b"{}").await.unwrap();
            assert!(
                matches!(answer.status, 400 | 403 | 404),
                "{}",
                shown(door, target, &answer)
            );
        }
    }
    let answer = wire::exchange(&edge.direct, "POST", spellings[1], &[&key], b"{}")
        .await
        .unwrap();
    let received: Received = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(received.target, "/auth/register/batch");
    edge.end().await;
}

#[tokio::test]
async fn respelled_sign_in_counts_against_its_limit() {
    let recorder = Recorder::start().await.unwrap();
    let edge = in_front_of(&recorder).await;
    let address = "cf-connecting-ip: 192.0.2.8";
    // The counter's window is a minute of the clock: the test uses up the calls of this window until one is refused.
    let mut taken = 0;
    while wire::exchange(&edge.direct, "POST", b"/auth/login", &[address], b"{}")
        .await
        .unwrap()
        .status
        != 429
    {
        taken += 1;
        assert!(taken < 5, "no limit");
    }
    for target in [
        b"/auth/login#x".as_slice(),
        b"/auth/login?x#y",
        b"/auth/%6cogin",
        b"/auth/./login",
        b"/auth/%2e/login",
        b"/auth/x/%2e%2e/login",
        b"/auth\\login",
        b"/auth/login;x",
        b"/auth/LOGIN/",
        b"/auth//login",
        b"/api/auth/login/%2e",
    ] {
        let answer = wire::exchange(&edge.direct, "POST", target, &[address], b"{}")
            .await
            .unwrap();
        assert!(
            matches!(answer.status, 400 | 404 | 429),
            "{}",
            shown("direct", target, &answer)
        );
    }
    edge.end().await;
}

#[tokio::test]
async fn refused_target_is_answered_in_the_envelope_with_name_and_cors() {
    let edge = edges::edge().start().await;
    let lines = ["origin: http://localhost:5173", "x-request-id: r-1"];
    let answer = wire::exchange(&edge.direct, "GET", b"/auth/login#x", &lines, b"")
        .await
        .unwrap();
    let shown = shown("direct", b"/auth/login#x", &answer);
    let header = |name: &str| {
        answer
            .headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    };
    assert_eq!(
        (answer.status, header("x-request-id")),
        (400, Some("r-1")),
        "{shown}"
    );
    assert_eq!(
        header("access-control-allow-origin"),
        Some("http://localhost:5173"),
        "{shown}"
    );
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["error"]["code"], "VALIDATION_ERROR", "{shown}");
    // The absolute form, and texts that are no target, end before the Worker, or lead to the path that they name.
    for target in [b"http://other.example/auth/login".as_slice(), b"*", b"abc", b"?x"] {
        let answer = wire::exchange(&edge.direct, "GET", target, &[], b"")
            .await
            .unwrap();
        assert!(answer.status >= 400, "{answer:?}");
    }
    edge.end().await;
}
