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
    let exchange = async {
        let mut stream = TcpStream::connect(host).await?;
        stream.write_all(request.as_bytes()).await?;
        // Not to the end of the connection: the runtime leaves it open for seconds.
        let mut received = Vec::new();
        while read(&received).is_none() && stream.read_buf(&mut received).await? > 0 {}
        std::io::Result::Ok(received)
    };
    let received = match timeout(PATIENCE, exchange).await {
        Ok(Ok(received)) => received,
        other => panic!("no answer: {other:?}\n{request}"),
    };
    match read(&received) {
        Some(answer) => Answer { request, ..answer },
        None => panic!(
            "half an answer: {:?}\n{request}",
            String::from_utf8_lossy(&received)
        ),
    }
}

/// The answer, once all of it is there (RFC 9112 section 6.3).
fn read(received: &[u8]) -> Option<Answer> {
    let end = received.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&received[..end]);
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let body = &received[end + 4..];
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let body = match length {
        Some((_, length)) => body.get(..length.parse().ok()?)?.to_vec(),
        None => joined(body)?,
    };
    Some(Answer {
        request: String::new(),
        status,
        headers,
        text: String::from_utf8_lossy(&body).into_owned(),
    })
}

/// The content of all chunks (RFC 9112 section 7.1), once the last one is there.
fn joined(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n")?;
        let length = usize::from_str_radix(String::from_utf8_lossy(&rest[..line]).trim(), 16).ok()?;
        if length == 0 {
            return Some(whole);
        }
        let from = line + 2;
        whole.extend_from_slice(rest.get(from..from + length)?);
        rest = rest.get(from + length + 2..)?;
    }
}
