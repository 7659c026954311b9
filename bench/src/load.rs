//! Load: a number of kept-open HTTP/1.1 connections, each sending its next request when the last has been answered.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What to send, and where.
pub struct Plan<'a> {
    /// `host:port`.
    pub address: &'a str,
    /// The path of every request.
    pub path: &'a str,
    /// Each request carries the next of these; after the last comes the first again.
    pub tokens: &'a [String],
    /// Connections at once.
    pub connections: usize,
    /// How many requests to send in all.
    pub requests: usize,
    /// The status that every answer should have.
    pub status: u16,
}

/// How it went.
#[derive(Default)]
pub struct Outcome {
    /// From the first request sent to the last answer.
    pub took: Duration,
    /// How long each request took.
    pub latencies: Vec<Duration>,
    /// Answers of another status.
    pub failed: usize,
}

/// Sends the load and waits for the last answer.
pub fn send(plan: &Plan<'_>) -> io::Result<Outcome> {
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    let parts: Vec<io::Result<Outcome>> = thread::scope(|scope| {
        let connections: Vec<_> = (0..plan.connections)
            .map(|_| scope.spawn(|| connection(plan, &next)))
            .collect();
        connections
            .into_iter()
            .map(|connection| {
                connection
                    .join()
                    .unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
            })
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

fn connection(plan: &Plan<'_>, next: &AtomicUsize) -> io::Result<Outcome> {
    let stream = TcpStream::connect(plan.address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let mut outcome = Outcome::default();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= plan.requests {
            return Ok(outcome);
        }
        let token = plan
            .tokens
            .get(number % plan.tokens.len().max(1))
            .map_or("", String::as_str);
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\nUser-Agent: crossfade-bench\r\n\
             Authorization: Bearer {token}\r\n\r\n",
            plan.path, plan.address
        );
        let sent = Instant::now();
        writer.write_all(request.as_bytes())?;
        if read_answer(&mut reader)? != plan.status {
            outcome.failed += 1;
        }
        outcome.latencies.push(sent.elapsed());
    }
}

/// Reads one answer to its end and returns its status.
fn read_answer(reader: &mut BufReader<TcpStream>) -> io::Result<u16> {
    let broken = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .ok_or_else(|| broken("no status line"))?;
    let (mut length, mut chunked) = (0_usize, false);
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().map_err(|_| broken("bad length"))?,
            "transfer-encoding" => chunked = true,
            _ => {}
        }
    }
    let mut body = Vec::new();
    if !chunked {
        reader.take(length as u64).read_to_end(&mut body)?;
        return Ok(status);
    }
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let length = u64::from_str_radix(line.trim(), 16).map_err(|_| broken("bad chunk"))?;
        reader.by_ref().take(length + 2).read_to_end(&mut body)?;
        if length == 0 {
            return Ok(status);
        }
    }
}
