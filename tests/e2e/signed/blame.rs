//! A failure counts against a service only if the service alone can have caused it. Callers with half a body, slow ones and odd ones, and
//! services that break the protocol, in the Workers runtime and on a socket of the Worker's own.

mod answers;
mod bodies;
mod leaving;

use testkit::wire::{Wire, WireAnswer, head};

use crate::answer::Answer;
use crate::edges::{self, Edge, Wanted};
use crate::puppet::Puppet;

/// The origin of the calling pages.
const PAGE: &str = "https://app.example.com";

/// An edge with two sides that a test plays. `ann@v2.example` signs in at v2, every other user at the legacy service.
fn between(v2: &str, legacy: &str) -> Wanted {
    let upstreams = serde_json::json!([{ "prefix": "/api/open", "url": v2, "auth": "none" }]);
    edges::edge()
        .with("ORIGIN_URL", v2)
        .with("LEGACY_AUTH_URL", legacy)
        .with("UPSTREAMS", &upstreams.to_string())
        .with("CORS_ALLOWED_ORIGINS", PAGE)
        .with("ROLLOUT_PERCENT", "0")
        .with("ROLLOUT_FORCE_V2", "@v2.example")
        .with("UPSTREAM_TIMEOUT_MS", "1000")
}

/// A request from the stranger at `address`, sent by a page, with these additional header lines.
fn by(address: &str, method: &str, path: &str, lines: &[&str]) -> Vec<u8> {
    let (address, page) = (format!("cf-connecting-ip: {address}"), format!("origin: {PAGE}"));
    let all: Vec<&str> = [address.as_str(), page.as_str()]
        .into_iter()
        .chain(lines.iter().copied())
        .collect();
    head(method, path.as_bytes(), &all)
}

fn shown(answer: WireAnswer, request: &str) -> Answer {
    Answer {
        request: request.to_owned(),
        status: answer.status,
        headers: answer.headers,
        text: String::from_utf8_lossy(&answer.body).into_owned(),
    }
}

/// Sends a whole request and reads the answer.
async fn exchange(edge: &Edge, request: &[u8]) -> Answer {
    let mut wire = Wire::connect(&edge.direct).await.unwrap();
    wire.write(request).await.unwrap();
    let text = String::from_utf8_lossy(request)
        .chars()
        .take(300)
        .collect::<String>();
    match wire.answer().await {
        Ok(answer) => shown(answer, &text),
        Err(error) => panic!("no answer: {error}\n{text}"),
    }
}

/// Checks that the answer refuses with this code, in an envelope that a page may read, and names its request.
#[track_caller]
fn refused(answer: Answer, status: u16, code: &str) {
    let answer = answer.refused(status, code).marked();
    let name = answer.text_at("/request_id");
    answer
        .has_header("x-request-id", &name)
        .has_header("access-control-allow-origin", PAGE);
}

/// Signs in at both sides, in either contract: each sign-in goes to its own side, without a fallback.
async fn both_sides_serve(edge: &Edge) {
    for (path, email, route, reason) in [
        ("/auth/login", "ann@v2.example", "v2", "forced_v2"),
        ("/auth/login", "ann@example.com", "legacy", "not_in_cohort"),
        ("/v1/auth/login", "ann@example.com", "v2", "new_contract"),
        ("/api/open/x", "ann@example.com", "edge", "app_service"),
    ] {
        let body = serde_json::json!({ "email": email, "password": "x" });
        edge.api
            .post(path, &body)
            .send()
            .await
            .expect(200)
            .came_from(route, reason);
    }
}

async fn puppets() -> (Puppet, Puppet) {
    (Puppet::start().await, Puppet::start().await)
}
