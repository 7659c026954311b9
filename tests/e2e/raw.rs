//! Requests byte by byte, for headers that a client library would change: names in any case and spelling, headers twice.

use testkit::wire;

use crate::answer::Answer;
use crate::api::Api;

/// Sends a request without a body with exactly these header lines, and reads the answer to its end.
pub async fn send(api: &Api, method: &str, path: &str, lines: &[&str]) -> Answer {
    let host = format!("host: {}", api.base.trim_start_matches("http://"));
    let all: Vec<&str> = [host.as_str(), "connection: close"]
        .into_iter()
        .chain(lines.iter().copied())
        .collect();
    let request = String::from_utf8_lossy(&wire::head(method, path.as_bytes(), &all)).into_owned();
    match wire::exchange(&api.base, method, path.as_bytes(), &all, b"").await {
        Ok(answer) => Answer {
            request,
            status: answer.status,
            headers: answer.headers,
            text: String::from_utf8_lossy(&answer.body).into_owned(),
        },
        Err(error) => panic!("no answer: {error:?}\n{request}"),
    }
}
