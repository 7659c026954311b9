//! HTTP/1.1 byte by byte (RFC 9112): for requests that a client library would change, break off or refuse to send, and for answers that it
//! would not show. On the direct socket of an edge (`Edge::direct` of the end-to-end suite) nothing changes them before the Worker.

use std::io::{Cursor, Error, ErrorKind, Result};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Chain, Join, join};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

/// How long [`Wire::answer`] waits.
const PATIENCE: Duration = Duration::from_secs(15);

/// A connection to a server.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    received: Vec<u8>,
}

/// A connection that is no longer read as HTTP.
pub type Stream = Join<Chain<Cursor<Vec<u8>>, OwnedReadHalf>, OwnedWriteHalf>;

/// An answer, read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireAnswer {
    /// The status.
    pub status: u16,
    /// Names in lower case and values, in the order of the wire.
    pub headers: Vec<(String, String)>,
    /// The body, joined from its chunks.
    pub body: Vec<u8>,
}

impl Wire {
    /// Connects to the server at `url`: `http://host:port`, and any path.
    ///
    /// # Errors
    /// Nothing listens there.
    pub async fn connect(url: &str) -> Result<Self> {
        let address = url
            .trim_start_matches("http://")
            .split('/')
            .next()
            .unwrap_or_default();
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::new(),
        })
    }

    /// Writes exactly these bytes.
    ///
    /// # Errors
    /// The connection has ended.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Reads the next answer; the bytes behind it stay for the next call. It does not wait for the end of the connection, which the runtime
    /// leaves open.
    ///
    /// # Errors
    /// The connection ends earlier (the error holds the bytes read), or nothing comes for 15 seconds.
    pub async fn answer(&mut self) -> Result<WireAnswer> {
        let reading = async {
            loop {
                if let Some((answer, length)) = read(&self.received) {
                    self.received.drain(..length);
                    return Ok(answer);
                }
                if self.stream.read_buf(&mut self.received).await? == 0 {
                    let half = String::from_utf8_lossy(&self.received).into_owned();
                    return Err(Error::new(ErrorKind::UnexpectedEof, half));
                }
            }
        };
        timeout(PATIENCE, reading)
            .await
            .map_err(|_| ErrorKind::TimedOut)?
    }

    /// Announces that nothing more will be written (FIN), and can still read.
    ///
    /// # Errors
    /// The connection has ended.
    pub async fn finish(&mut self) -> Result<()> {
        self.stream.shutdown().await
    }

    /// Leaves at once, like a client that crashes or loses its network (RST). A FIN would only end the request.
    ///
    /// # Errors
    /// The connection has ended.
    pub fn leave(self) -> Result<()> {
        self.stream.set_zero_linger()
    }

    /// The connection itself, for other protocols than HTTP: what came behind the last answer, then what is still to come.
    #[must_use]
    pub fn into_stream(self) -> Stream {
        let (reader, writer) = self.stream.into_split();
        join(Cursor::new(self.received).chain(reader), writer)
    }
}

/// The head of a request with exactly these bytes as its target and these header lines. Adds `Host` unless a line names it.
#[must_use]
pub fn head(method: &str, target: &[u8], lines: &[&str]) -> Vec<u8> {
    let mut head = [method.as_bytes(), b" ", target, b" HTTP/1.1\r\n"].concat();
    if !lines
        .iter()
        .any(|line| line.to_ascii_lowercase().starts_with("host:"))
    {
        head.extend_from_slice(b"host: gw.example.com\r\n");
    }
    for line in lines {
        head.extend_from_slice(line.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Sends one request with `body` on a connection of its own and reads the answer. Adds `Content-Length` for a body.
///
/// # Errors
/// See [`Wire::connect`], [`Wire::answer`].
pub async fn exchange(
    url: &str,
    method: &str,
    target: &[u8],
    lines: &[&str],
    body: &[u8],
) -> Result<WireAnswer> {
    let length = format!("content-length: {}", body.len());
    let mut all = lines.to_vec();
    if !body.is_empty() {
        all.push(&length);
    }
    let mut wire = Wire::connect(url).await?;
    wire.write(&[head(method, target, &all).as_slice(), body].concat())
        .await?;
    wire.answer().await
}

/// The answer at the beginning of `received` and its length, once all of it is there (section 6.3).
fn read(received: &[u8]) -> Option<(WireAnswer, usize)> {
    let end = received.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(received.get(..end)?).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let from = end.saturating_add(4);
    let rest = received.get(from..)?;
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let (body, used) = match length {
        _ if matches!(status, 100..=199 | 204 | 304) => (Vec::new(), 0),
        Some((_, length)) => {
            let length = length.parse().ok()?;
            (rest.get(..length)?.to_vec(), length)
        }
        None => joined(rest)?,
    };
    let answer = WireAnswer {
        status,
        headers,
        body,
    };
    Some((answer, from.saturating_add(used)))
}

/// The content of all chunks and their length (section 7.1), once the last one is there.
fn joined(chunks: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut whole = Vec::new();
    let mut at = 0_usize;
    loop {
        let rest = chunks.get(at..)?;
        let line = rest.windows(2).position(|two| two == b"\r\n")?;
        let length = String::from_utf8_lossy(rest.get(..line)?).into_owned();
        let length = usize::from_str_radix(length.trim(), 16).ok()?;
        let from = line.checked_add(2)?;
        let to = from.checked_add(length)?;
        whole.extend_from_slice(rest.get(from..to)?);
        (rest.get(to..to.checked_add(2)?)? == b"\r\n").then_some(())?;
        at = at.checked_add(to)?.checked_add(2)?;
        if length == 0 {
            return Some((whole, at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_one_by_one() {
        let first =
            b"HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n";
        let second = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno";
        let both = [first.as_slice(), second].concat();
        let (answer, length) = read(&both).unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"abcd".as_slice()));
        assert_eq!(answer.headers[0], ("x-a".to_owned(), "b".to_owned()));
        let (answer, rest) = read(&both[length..]).unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (404, b"no".as_slice()));
        assert_eq!(length + rest, both.len());
        for end in 0..first.len() {
            assert_eq!(read(&first[..end]), None, "{end}");
        }
        let (empty, _) = read(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        assert_eq!(empty.status, 204);
    }
}
