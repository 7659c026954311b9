//! The edge reads the legacy service's verdict on a good token in every encoding.

use axum::Router;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::json;
use testkit::serve;

use crate::edges;
use crate::users::register_with_legacy;

/// zlib's container (RFC 1950) around one stored block (RFC 1951 section 3.2.4): what `Content-Encoding: deflate` means.
fn deflated(text: &[u8]) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in text {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    let mut whole = vec![0x78, 0x01, 0x01];
    whole.extend(length.to_le_bytes());
    whole.extend((!length).to_le_bytes());
    whole.extend(text);
    whole.extend(((b << 16) | a).to_be_bytes());
    whole
}

#[tokio::test]
async fn long_or_compressed_verdict_is_read() {
    // Denies every token; compresses even when asked not to, and pads its answer.
    let padding = " ".repeat(20_000);
    let verdict =
        format!(r#"{{"success":true,{padding}"data":{{"valid":false,"error":"Authentication failed"}}}}"#);
    for deflate in [false, true] {
        let verdict = verdict.clone();
        let routes = Router::new().fallback(move |headers: HeaderMap| async move {
            assert_eq!(
                headers.get("accept-encoding").map(|value| value.as_bytes()),
                Some(b"identity".as_slice())
            );
            let response = Response::builder().header("content-type", "application/json");
            if deflate {
                let body = Body::from(deflated(verdict.as_bytes()));
                response.header("content-encoding", "deflate").body(body).unwrap()
            } else {
                response.body(Body::from(verdict)).unwrap()
            }
        });
        let listener = serve::bind_any().await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(serve::serve(listener, routes));
        let edge = edges::edge().with("LEGACY_AUTH_URL", &url).start().await;
        let (_, registered) = register_with_legacy().await;
        let token = registered.text_at("/data/token");
        edge.api
            .post("/auth/verify-token", &json!({ "token": token }))
            .send()
            .await
            .expect(200)
            .came_from("v2", "fallback_denied_there")
            .has("/data/valid", true);
        edge.end().await;
        task.abort();
    }
}
