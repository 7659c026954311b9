//! A WebSocket (RFC 6455) that sends back every short text frame; both ends have no more of the protocol than that needs.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper_util::rt::TokioIo;
use ring::digest;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

/// RFC 6455 section 1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// A final text frame (section 5.2).
const FINAL_TEXT: u8 = 0x81;
/// The longest payload with its length in the second byte itself.
const LONGEST: u8 = 125;

/// `Sec-WebSocket-Accept` for a client's `Sec-WebSocket-Key`.
#[must_use]
pub fn accept_key(key: &str) -> String {
    let hash = digest::digest(
        &digest::SHA1_FOR_LEGACY_USE_ONLY,
        format!("{key}{GUID}").as_bytes(),
    );
    STANDARD.encode(hash)
}

/// A text frame of a client: masked, as section 5.3 asks. `text` is at most 125 bytes long.
#[must_use]
pub fn client_frame(text: &str) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let length = u8::try_from(text.len()).unwrap_or(LONGEST).min(LONGEST);
    let mut frame = vec![FINAL_TEXT, 0x80 | length];
    frame.extend(MASK);
    frame.extend(masked(text.as_bytes(), MASK));
    frame
}

/// The next text frame's payload.
///
/// # Errors
/// The connection ends, or another kind of frame, or a longer one, arrives.
pub async fn read_text(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let mut start = [0; 2];
    stream.read_exact(&mut start).await?;
    let [kind, length] = start;
    if kind != FINAL_TEXT || length & 0x7f > LONGEST {
        return Err(std::io::Error::other(format!("frame {kind:#x}, length {length}")));
    }
    let mut mask = [0; 4];
    if length & 0x80 != 0 {
        stream.read_exact(&mut mask).await?;
    }
    let mut payload = vec![0; usize::from(length & 0x7f)];
    stream.read_exact(&mut payload).await?;
    Ok(masked(&payload, mask))
}

fn masked(payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    payload
        .iter()
        .zip(mask.iter().cycle())
        .map(|(byte, mask)| byte ^ mask)
        .collect()
}

/// Accepts the upgrade and sends frames back until the connection ends. It chooses `chat` where that is offered, and reports the received
/// headers in `X-Offered-Protocols` and `X-Received-Authorization`.
pub(super) fn accept(mut request: Request) -> Response {
    let text = |name: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let (offered, authorization) = (text("sec-websocket-protocol"), text("authorization"));
    let key = accept_key(&text("sec-websocket-key"));
    let Ok(key) = HeaderValue::from_str(&key) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let mut stream = TokioIo::new(upgraded);
        while let Ok(payload) = read_text(&mut stream).await {
            let length = u8::try_from(payload.len()).unwrap_or(LONGEST);
            let frame = [&[FINAL_TEXT, length], payload.as_slice()].concat();
            if stream.write_all(&frame).await.is_err() {
                return;
            }
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, key);
    if offered.split(',').any(|protocol| protocol.trim() == "chat") {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("chat"));
    }
    for (name, value) in [
        ("x-offered-protocols", offered),
        ("x-received-authorization", authorization),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6455 section 1.3.
    #[test]
    fn the_example_handshake() {
        assert_eq!(
            accept_key("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    /// RFC 6455 section 5.7.
    #[tokio::test]
    async fn the_example_frames() {
        assert_eq!(
            client_frame("Hello"),
            [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]
        );
        let unmasked: &[u8] = &[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
        for mut frame in [unmasked, &client_frame("Hello")] {
            assert_eq!(read_text(&mut frame).await.unwrap(), b"Hello");
        }
    }
}
