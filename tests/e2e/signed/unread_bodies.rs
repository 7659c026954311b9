//! The edge answers before any program has read the request's body. The client may send its next request on that connection: the runtime
//! closes a connection with an unread body, and the client takes that for an outage.

use testkit::wire::{Wire, head};

use crate::edges::{Edge, edge};

const KEY: &str = "a-service-key-of-at-least-32-characters";
const ON_ONE_CONNECTION: usize = 5;

/// How the body arrives.
#[derive(Debug, Clone, Copy)]
enum Sent {
    /// Together with the head.
    AtOnce,
    /// In a packet of its own.
    AfterHead,
}

/// Requests that the edge refuses by their head alone.
const REFUSED: [(&str, &str, &str, u16); 6] = [
    (
        "PUT",
        "/v1/rollout",
        "x-service-key: a-service-key-of-at-least-32-characters",
        403,
    ),
    ("PUT", "/v1/rollout", "x-service-key: nobody's", 403),
    ("POST", "/v1/rollout", "x-service-key: nobody's", 403),
    ("POST", "/v1/auth/logout", "authorization: Bearer nonsense", 401),
    ("POST", "/auth/register/batch", "accept: */*", 403),
    ("POST", "/nowhere", "accept: */*", 404),
];

async fn converse(
    url: &str,
    sent: Sent,
    length: usize,
    (method, path, line, status): (&str, &str, &str, u16),
) {
    let announced = format!("content-length: {length}");
    let head = head(
        method,
        path.as_bytes(),
        &["content-type: application/json", line, &announced],
    );
    let body = vec![b' '; length];
    let mut wire = Wire::connect(url).await.unwrap();
    for number in 0..ON_ONE_CONNECTION {
        let failed = |error: std::io::Error| -> ! {
            panic!("{method} {path} {length} bytes {sent:?}, request {number}: {error:?}")
        };
        let (first, later) = match sent {
            Sent::AtOnce => ([head.as_slice(), &body].concat(), [].as_slice()),
            Sent::AfterHead => (head.clone(), body.as_slice()),
        };
        wire.write(&first).await.unwrap_or_else(|error| failed(error));
        wire.write(later).await.unwrap_or_else(|error| failed(error));
        let answer = wire.answer().await.unwrap_or_else(|error| failed(error));
        assert_eq!(
            answer.status,
            status,
            "{method} {path}: {}",
            String::from_utf8_lossy(&answer.body)
        );
    }
}

async fn all(edge: &Edge) {
    for url in [&edge.api.base, &edge.direct] {
        for request in REFUSED {
            for length in [2, 105, 4_096, 60_000] {
                for sent in [Sent::AtOnce, Sent::AfterHead] {
                    converse(url, sent, length, request).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn refusal_before_the_body_is_read_leaves_the_connection_usable() {
    let edge = edge()
        .with("INTERNAL_SERVICE_KEYS", &format!("app:{KEY}"))
        .start()
        .await;
    all(&edge).await;
    edge.end().await;
}

#[tokio::test]
async fn misconfigured_edge_leaves_the_connection_usable() {
    let edge = edge().with("UPSTREAM_TIMEOUT_MS", "long").start().await;
    for sent in [Sent::AtOnce, Sent::AfterHead] {
        converse(
            &edge.direct,
            sent,
            105,
            ("POST", "/v1/auth/login", "accept: */*", 503),
        )
        .await;
    }
    edge.end().await;
}
