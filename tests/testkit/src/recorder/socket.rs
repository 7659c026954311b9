//! A WebSocket (RFC 6455) that sends back every text frame; both ends have no more of the protocol than that needs.

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
/// The first bytes of unbroken frames (section 5.2).
const TEXT: u8 = 0x81;
/// The connection ends; the payload begins with the code.
pub const CLOSE: u8 = 0x88;
/// The answer to a ping: everything sent before the ping has arrived.
pub const PONG: u8 = 0x8a;
/// A client's mask; any will do.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// A client's ping.
pub const CLIENT_PING: [u8; 6] = [0x89, 0x80, 0x37, 0xfa, 0x21, 0x3d];

/// `Sec-WebSocket-Accept` for a client's `Sec-WebSocket-Key`.
#[must_use]
pub fn accept_key(key: &str) -> String {
    let hash = digest::digest(
        &digest::SHA1_FOR_LEGACY_USE_ONLY,
        format!("{key}{GUID}").as_bytes(),
    );
    STANDARD.encode(hash)
}

/// A text frame of a client: masked, as section 5.3 asks.
#[must_use]
pub fn client_frame(text: &str) -> Vec<u8> {
    let mut frame = start(text.len(), 0x80);
    frame.extend(MASK);
    frame.extend(masked(text.as_bytes(), MASK));
    frame
}

/// The beginning of a text frame: its length in one, three or nine bytes, with the bit that says whether it is masked.
fn start(length: usize, masked: u8) -> Vec<u8> {
    let mut start = vec![TEXT];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ 0..=125), _) => start.push(masked | length),
        (_, Ok(length)) => {
            start.push(masked | 126);
            start.extend(length.to_be_bytes());
        }
        _ => {
            start.push(masked | 127);
            start.extend(u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes());
        }
    }
    start
}

/// The first byte of the next frame, and its payload.
///
/// # Errors
/// The connection ends.
pub async fn read_frame(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<(u8, Vec<u8>)> {
    let (kind, length) = (stream.read_u8().await?, stream.read_u8().await?);
    let size = match length & 0x7f {
        126 => u64::from(stream.read_u16().await?),
        127 => stream.read_u64().await?,
        size => u64::from(size),
    };
    let mut mask = [0; 4];
    if length & 0x80 != 0 {
        stream.read_exact(&mut mask).await?;
    }
    let mut payload = Vec::new();
    stream.take(size).read_to_end(&mut payload).await?;
    Ok((kind, masked(&payload, mask)))
}

/// The next text frame's payload.
///
/// # Errors
/// The connection ends, or another kind of frame arrives.
pub async fn read_text(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    match read_frame(stream).await? {
        (TEXT, payload) => Ok(payload),
        (kind, _) => Err(std::io::Error::other(format!("frame {kind:#x}"))),
    }
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
            let frame = [start(payload.len(), 0), payload].concat();
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
        for (length, beginning) in [
            (256, &[0x81, 0x7e, 0x01, 0x00][..]),
            (65_536, &[0x81, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            assert_eq!(start(length, 0), beginning);
            let text = "x".repeat(length);
            let frame = client_frame(&text);
            assert_eq!(read_text(&mut frame.as_slice()).await.unwrap(), text.as_bytes());
        }
        assert_eq!(
            read_frame(&mut CLIENT_PING.as_slice()).await.unwrap(),
            (0x89, Vec::new())
        );
    }
}
