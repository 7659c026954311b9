//! HTTP/1.1 byte by byte, for requests that a client library would tidy up: names in any case and spelling, headers twice.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::answer::Answer;
use crate::api::Api;

const PATIENCE: Duration = Duration::from_secs(15);

/// Sends a request without a body with these very header lines, and reads the answer to its end.
pub async fn send(api: &Api, method: &str, path: &str, lines: &[&str]) -> Answer {
    let host = api.base.trim_start_matches("http://");
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for line in lines {
        request.push_str(line);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    let mut received = Vec::new();
    let exchange = async {
        let mut stream = TcpStream::connect(host).await?;
        stream.write_all(request.as_bytes()).await?;
        stream.read_to_end(&mut received).await
    };
    match timeout(PATIENCE, exchange).await {
        Ok(Ok(_)) => read(request, &received),
        other => panic!("no answer: {other:?}\n{request}"),
    }
}

fn read(request: String, received: &[u8]) -> Answer {
    let end = received
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap_or_else(|| panic!("no head in {:?}\n{request}", String::from_utf8_lossy(received)));
    let head = String::from_utf8_lossy(&received[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let chunked = headers
        .iter()
        .any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let body = &received[end + 4..];
    let body = if chunked { joined(body) } else { body.to_vec() };
    Answer {
        status: status.parse().unwrap_or_default(),
        text: String::from_utf8_lossy(&body).into_owned(),
        request,
        headers,
    }
}

/// The chunks' content (RFC 9112 section 7.1).
fn joined(mut rest: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
        let length = String::from_utf8_lossy(&rest[..line]);
        let length = usize::from_str_radix(length.trim(), 16).unwrap_or_default();
        let from = line + 2;
        if length == 0 || rest.len() < from + length + 2 {
            break;
        }
        whole.extend_from_slice(&rest[from..from + length]);
        rest = &rest[from + length + 2..];
    }
    whole
}
