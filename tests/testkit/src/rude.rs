//! A service that answers byte by byte as a script says, however wrong: informational answers first, bodies where none belong, wrong
//! lengths, connections that end at the worst moment.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::serve;

/// The service's next action.
#[derive(Debug, Clone)]
pub enum Act {
    /// Writes exactly these bytes.
    Write(Vec<u8>),
    /// Reads the request's body to its end, by its announced length; reads nothing if the request announces none.
    ReadBody,
    /// Waits.
    Pause(Duration),
    /// Waits for the first byte of the next request, and then resets the connection: a kept connection that turns out to be stale.
    ResetAtNext,
    /// Ends the connection in good order, without reading on.
    End,
    /// Resets the connection.
    Reset,
}

impl Act {
    /// Writes `text`.
    #[must_use]
    pub fn write(text: &str) -> Self {
        Self::Write(text.as_bytes().to_vec())
    }

    /// A good answer with `body`; the connection is kept.
    #[must_use]
    pub fn answer(status: u16, body: &str) -> Self {
        Self::write(&format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
    }
}

/// A request, as far as a script needs it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// How many requests came before it, over all connections.
    pub number: usize,
    /// How many came before it on this connection.
    pub on_connection: usize,
    body_bytes: usize,
}

/// A running service. Ends when dropped.
#[derive(Debug)]
pub struct RudeService {
    /// Its base address.
    pub url: String,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl RudeService {
    /// Starts one on a free port of this machine; `script` decides what it does about each request.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(script: impl Fn(&Asked) -> Vec<Act> + Send + Sync + 'static) -> std::io::Result<Self> {
        let listener = serve::bind_any().await?;
        let url = format!("http://{}", listener.local_addr()?);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (script, noted) = (Arc::new(script), Arc::clone(&asked));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, noted) = (Arc::clone(&script), Arc::clone(&noted));
                tokio::spawn(async move {
                    // This service exists to break connections.
                    let _ = converse(stream, &*script, &noted).await;
                });
            }
        });
        Ok(Self { url, asked, task })
    }

    /// `METHOD target` of all requests so far.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for RudeService {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(
    mut stream: TcpStream,
    script: &(dyn Fn(&Asked) -> Vec<Act> + Send + Sync),
    noted: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut received = Vec::new();
    for on_connection in 0.. {
        let head = loop {
            if let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
                let rest = received.split_off(end.saturating_add(4));
                break std::mem::replace(&mut received, rest);
            }
            if stream.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
        };
        let asked = note(&head, on_connection, noted);
        for act in script(&asked) {
            match act {
                Act::Write(bytes) => stream.write_all(&bytes).await?,
                Act::ReadBody => {
                    while received.len() < asked.body_bytes {
                        if stream.read_buf(&mut received).await? == 0 {
                            return Ok(());
                        }
                    }
                    received.drain(..asked.body_bytes);
                }
                Act::Pause(time) => tokio::time::sleep(time).await,
                Act::ResetAtNext => {
                    stream.read_buf(&mut received).await?;
                    return stream.set_zero_linger();
                }
                Act::End => return stream.shutdown().await,
                Act::Reset => return stream.set_zero_linger(),
            }
        }
    }
    Ok(())
}

fn note(head: &[u8], on_connection: usize, noted: &Mutex<Vec<String>>) -> Asked {
    let head = String::from_utf8_lossy(head);
    let mut words = head.split(' ');
    let (method, target) = (
        words.next().unwrap_or_default().to_owned(),
        words.next().unwrap_or_default().to_owned(),
    );
    let body_bytes = head
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.trim().parse().ok())
        .unwrap_or(0);
    let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
    noted.push(format!("{method} {target}"));
    Asked {
        method,
        target,
        number: noted.len().saturating_sub(1),
        on_connection,
        body_bytes,
    }
}
