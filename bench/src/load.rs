//! Load: kept-open HTTP/1.1 connections, each sending its next request when the last has been answered. Two threads wait for all
//! of them, as pgbench's do: what the clients spend is taken from the service, which shares the machine with them.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};

const THREADS: usize = 2;
const PATIENCE: rustix::event::Timespec = rustix::event::Timespec {
    tv_sec: 30,
    tv_nsec: 0,
};

/// Judges the answer to the request with a number.
pub type IsRight<'a> = dyn Fn(usize, &str) -> bool + Sync + 'a;

/// What to send, and for how long.
pub struct Load<'a> {
    /// `host:port`.
    pub address: &'a str,
    /// Writes the request with this number; `false` when there are no more.
    pub request: &'a (dyn Fn(usize, &mut Vec<u8>) -> bool + Sync),
    /// Connections at once.
    pub connections: usize,
    /// No request is begun after this.
    pub length: Duration,
    /// The status that every answer should have.
    pub status: u16,
    /// Whether this is the right answer to the request with this number, where answers are read.
    pub is_right: Option<&'a IsRight<'a>>,
}

/// How it went.
#[derive(Default)]
pub struct Outcome {
    /// From the first request sent to the last answer.
    pub took: Duration,
    /// How long each request took.
    pub latencies: Vec<Duration>,
    /// Answers of another status, and wrong ones.
    pub failed: usize,
}

/// Sends the load and waits for the last answer.
pub fn send(load: &Load<'_>) -> io::Result<Outcome> {
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    let parts: Vec<io::Result<Outcome>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let share = load.connections / THREADS + usize::from(number < load.connections % THREADS);
                let next = &next;
                scope.spawn(move || one_thread(load, share, next, started))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into())))
            .collect()
    });
    let mut whole = Outcome {
        took: started.elapsed(),
        ..Outcome::default()
    };
    for part in parts {
        let part = part?;
        whole.latencies.extend(part.latencies);
        whole.failed += part.failed;
    }
    Ok(whole)
}

/// A connection whose request is not answered yet.
struct Connection {
    stream: TcpStream,
    /// The number of the request.
    number: usize,
    sent: Instant,
    answer: Vec<u8>,
}

fn one_thread(load: &Load<'_>, share: usize, next: &AtomicUsize, started: Instant) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut request = Vec::with_capacity(4096);
    let mut begin = |connection: &mut Connection| -> io::Result<bool> {
        request.clear();
        if started.elapsed() >= load.length {
            return Ok(false);
        }
        connection.number = next.fetch_add(1, Ordering::Relaxed);
        if !(load.request)(connection.number, &mut request) {
            return Ok(false);
        }
        connection.answer.clear();
        connection.sent = Instant::now();
        connection.stream.write_all(&request)?;
        Ok(true)
    };
    let mut open = Vec::with_capacity(share);
    for _ in 0..share {
        let stream = TcpStream::connect(load.address)?;
        stream.set_nodelay(true)?;
        let mut connection = Connection {
            stream,
            number: 0,
            sent: Instant::now(),
            answer: Vec::with_capacity(4096),
        };
        if begin(&mut connection)? {
            open.push(connection);
        }
    }
    let mut buffer = [0; 16 * 1024];
    while !open.is_empty() {
        let mut waiting: Vec<PollFd<'_>> = open
            .iter()
            .map(|connection| PollFd::new(&connection.stream, PollFlags::IN))
            .collect();
        if poll(&mut waiting, Some(&PATIENCE))? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let readable: Vec<bool> = waiting.iter().map(|fd| !fd.revents().is_empty()).collect();
        let mut ended = Vec::new();
        for (at, (connection, _)) in open
            .iter_mut()
            .zip(readable)
            .enumerate()
            .filter(|(_, (_, readable))| *readable)
        {
            let count = connection.stream.read(&mut buffer)?;
            connection
                .answer
                .extend_from_slice(buffer.get(..count).unwrap_or_default());
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let Some(status) = complete(&connection.answer)? else {
                continue;
            };
            outcome.latencies.push(connection.sent.elapsed());
            let is_right = || {
                let answer = std::str::from_utf8(&connection.answer).unwrap_or_default();
                load.is_right
                    .is_none_or(|is_right| is_right(connection.number, answer))
            };
            if status != load.status || !is_right() {
                outcome.failed += 1;
            }
            if !begin(connection)? {
                ended.push(at);
            }
        }
        for at in ended.into_iter().rev() {
            open.swap_remove(at);
        }
    }
    Ok(outcome)
}

/// The status of an answer that has come in completely. Every service here sends `content-length` with bodies it knows; the string
/// searches are the standard library's, compiled with optimisation also where this program is not.
fn complete(answer: &[u8]) -> io::Result<Option<u16>> {
    let broken = |what: &'static str| io::Error::new(io::ErrorKind::InvalidData, what);
    let text = std::str::from_utf8(answer).map_err(|_| broken("not UTF-8"))?;
    let Some(end) = text.find("\r\n\r\n") else {
        return Ok(None);
    };
    let (head, body) = text.split_at(end);
    let whole = match field(head, "content-length: ").or_else(|| field(head, "Content-Length: ")) {
        Some(length) => {
            let length: usize = length.parse().map_err(|_| broken("bad content-length"))?;
            body.len() >= length + 4
        }
        None => body.ends_with("\r\n0\r\n\r\n"),
    };
    let status = head.get(9..12).and_then(|status| status.parse().ok());
    match status {
        Some(status) => Ok(whole.then_some(status)),
        None => Err(broken("no status")),
    }
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = head.split_once(name)?;
    Some(rest.split_once("\r\n").map_or(rest, |(value, _)| value))
}
