//! What Cloudflare's network does to a request before the Worker sees it, as documented: URL normalisation, headers that clients cannot
//! set, names that are dropped. An edge without this front stands for a zone where normalisation is off.

use std::io::Result;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::serve;

/// The zone's setting "URL normalization".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normalisation {
    /// Switched off.
    Off,
    /// RFC 3986: escapes of unreserved characters decoded, others upper case, dot segments resolved, raw bytes escaped.
    Rfc3986,
    /// As [`Self::Rfc3986`], after `\` has become `/` and each run of slashes one.
    Cloudflare,
}

/// A running front. Ends when dropped.
#[derive(Debug)]
pub struct Front {
    /// Its address.
    pub url: String,
    task: JoinHandle<()>,
}

impl Front {
    /// Starts one before the server at `behind`, for clients at `client_ip`. It takes one request for each connection.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(behind: &str, normalisation: Normalisation, client_ip: &str) -> Result<Self> {
        let listener = serve::bind_any().await?;
        let url = format!("http://{}", listener.local_addr()?);
        let zone = Arc::new(Zone {
            behind: behind.trim_start_matches("http://").to_owned(),
            normalisation,
            client_ip: client_ip.to_owned(),
        });
        Ok(Self {
            url,
            task: tokio::spawn(accept(listener, zone)),
        })
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Zone {
    behind: String,
    normalisation: Normalisation,
    client_ip: String,
}

async fn accept(listener: TcpListener, zone: Arc<Zone>) {
    while let Ok((client, _)) = listener.accept().await {
        let zone = Arc::clone(&zone);
        // A broken connection is for the test to judge.
        tokio::spawn(async move { zone.pass(client).await });
    }
}

impl Zone {
    async fn pass(&self, mut client: TcpStream) -> Result<()> {
        let mut received = Vec::new();
        let end = loop {
            if let Some(at) = received.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            if client.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
        };
        let (head, rest) = received.split_at(end);
        let Some(head) = self.head(head) else {
            return client
                .write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
                .await;
        };
        let mut behind = TcpStream::connect(&self.behind).await?;
        behind.write_all(&[head.as_slice(), rest].concat()).await?;
        tokio::io::copy_bidirectional(&mut client, &mut behind).await?;
        Ok(())
    }

    /// The head of the request as the Worker gets it, without the empty line; `None` where the front answers itself.
    fn head(&self, head: &[u8]) -> Option<Vec<u8>> {
        let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
        let mut first = lines.next()?.splitn(3, |byte| *byte == b' ');
        let (method, target, version) = (first.next()?, first.next()?, first.next()?);
        let target = self.target(target)?;
        let mut sent = [method, b" ", &target, b" ", version].concat();
        let mut forwarded_for = self.client_ip.clone();
        for line in lines {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = line.get(..colon)?.to_ascii_lowercase();
            match name.as_slice() {
                b"cf-connecting-ip" | b"x-forwarded-proto" => {}
                b"x-forwarded-for" => {
                    let earlier = String::from_utf8_lossy(line.get(colon.checked_add(1)?..)?)
                        .trim()
                        .to_owned();
                    forwarded_for = format!("{earlier}, {forwarded_for}");
                }
                _ if name.contains(&b'.') => {}
                _ => sent.extend([b"\r\n", line].concat()),
            }
        }
        for (name, value) in [
            ("cf-connecting-ip", self.client_ip.as_str()),
            ("x-forwarded-for", &forwarded_for),
            ("x-forwarded-proto", "https"),
        ] {
            sent.extend(format!("\r\n{name}: {value}").into_bytes());
        }
        Some(sent)
    }

    fn target(&self, target: &[u8]) -> Option<Vec<u8>> {
        if self.normalisation == Normalisation::Off {
            return Some(target.to_vec());
        }
        if target.contains(&b'#') {
            return None;
        }
        let mark = target
            .iter()
            .position(|byte| *byte == b'?')
            .unwrap_or(target.len());
        let (path, query) = target.split_at(mark);
        let mut path = path.to_vec();
        if self.normalisation == Normalisation::Cloudflare {
            for byte in &mut path {
                if *byte == b'\\' {
                    *byte = b'/';
                }
            }
            path.dedup_by(|a, b| (*a, *b) == (b'/', b'/'));
        }
        Some([without_dots(&spelled(&path)).as_slice(), query].concat())
    }
}

fn spelled(path: &[u8]) -> Vec<u8> {
    let mut spelled = Vec::new();
    let mut rest = path;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, escaped) {
            (b'%', Some(byte)) => {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    spelled.push(byte);
                } else {
                    spelled.extend(format!("%{byte:02X}").into_bytes());
                }
                rest = after.get(2..).unwrap_or_default();
            }
            (byte, _) => {
                if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%".contains(byte) {
                    spelled.push(*byte);
                } else {
                    spelled.extend(format!("%{byte:02X}").into_bytes());
                }
                rest = after;
            }
        }
    }
    spelled
}

fn without_dots(path: &[u8]) -> Vec<u8> {
    let segments: Vec<&[u8]> = path.split(|byte| *byte == b'/').skip(1).collect();
    let mut kept: Vec<&[u8]> = Vec::new();
    for (at, segment) in segments.iter().enumerate() {
        let is_last = at.saturating_add(1) == segments.len();
        match *segment {
            b"." | b".." => {
                if *segment == b".." {
                    kept.pop();
                }
                if is_last {
                    kept.push(b"");
                }
            }
            name => kept.push(name),
        }
    }
    kept.iter()
        .flat_map(|segment| [b"/".as_slice(), *segment].concat())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalised(normalisation: Normalisation, target: &str) -> Option<String> {
        let zone = Zone {
            behind: String::new(),
            normalisation,
            client_ip: "192.0.2.1".to_owned(),
        };
        zone.target(target.as_bytes())
            .map(|target| String::from_utf8_lossy(&target).into_owned())
    }

    /// The examples of Cloudflare's page "How URL normalization works", and cases that its text implies.
    #[test]
    fn targets_are_normalised_as_documented() {
        for (sent, rfc, cloudflare) in [
            ("/a/%2e%2e/b?x=%2e", "/b?x=%2e", "/b?x=%2e"),
            ("/%41%7e%2f", "/A~%2F", "/A~%2F"),
            ("/a\\..\\b", "/a%5C..%5Cb", "/b"),
            ("//a//b/", "//a//b/", "/a/b/"),
            ("/a/.", "/a/", "/a/"),
            ("/é", "/%C3%A9", "/%C3%A9"),
        ] {
            assert_eq!(normalised(Normalisation::Rfc3986, sent).as_deref(), Some(rfc));
            assert_eq!(
                normalised(Normalisation::Cloudflare, sent).as_deref(),
                Some(cloudflare)
            );
            assert_eq!(normalised(Normalisation::Off, sent).as_deref(), Some(sent));
        }
        assert_eq!(normalised(Normalisation::Rfc3986, "/a#b"), None);
    }

    #[test]
    fn headers_of_the_network_are_its_own() {
        let zone = Zone {
            behind: String::new(),
            normalisation: Normalisation::Off,
            client_ip: "192.0.2.1".to_owned(),
        };
        let head = b"GET /a HTTP/1.1\r\nHost: gw\r\nCF-Connecting-IP: 9.9.9.9\r\nX-Forwarded-For: 9.9.9.9\r\nx.dot: 1";
        assert_eq!(
            String::from_utf8(zone.head(head).unwrap()).unwrap(),
            "GET /a HTTP/1.1\r\nHost: gw\r\ncf-connecting-ip: 192.0.2.1\r\nx-forwarded-for: 9.9.9.9, 192.0.2.1\r\n\
             x-forwarded-proto: https"
        );
    }
}
