//! Clients that credit one token a request, each on its own persistent connection. Plain sockets without an HTTP library: the clients share
//! the machine with the service and must leave it the processor.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::service::SERVICE_KEY;
use crate::{Target, user_text};

/// The results of the clients.
pub struct Outcome {
    pub per_second: f64,
    pub latency: Latency,
}

#[derive(Clone, Copy)]
pub struct Latency {
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// Runs `clients` for `length`.
pub fn run(address: SocketAddr, target: Target, people: u32, clients: u32, length: Duration) -> Outcome {
    // Keys must not repeat over all turns.
    static RUN: AtomicU32 = AtomicU32::new(0);
    let run = RUN.fetch_add(1, Ordering::Relaxed);
    let started = Instant::now();
    let mut times: Vec<u32> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..clients)
            .map(|client| {
                scope.spawn(move || one(address, target, people, &format!("{run}-{client}"), length))
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    let elapsed = started.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |share: f64| f64::from(times[((times.len() - 1) as f64 * share) as usize]) / 1000.0;
    Outcome {
        per_second: times.len() as f64 / elapsed,
        latency: Latency {
            p50_ms: at(0.5),
            p99_ms: at(0.99),
        },
    }
}

/// Runs one client; answers the microseconds of each request.
fn one(address: SocketAddr, target: Target, people: u32, name: &str, length: Duration) -> Vec<u32> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut random = Random::new(name);
    let mut times = Vec::new();
    let mut answer = Vec::new();
    let started = Instant::now();
    let mut number = 0_u64;
    while started.elapsed() < length {
        number += 1;
        let person = match target {
            Target::Random => 1 + random.below(people),
            Target::Hot => 1,
        };
        let body = r#"{"amount":1,"reason":"bench"}"#;
        let request = format!(
            "POST /v1/users/{}/tokens/credit HTTP/1.1\r\nhost: bench\r\nx-service-key: {SERVICE_KEY}\r\n\
             idempotency-key: {name}-{number}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            user_text(person),
            body.len()
        );
        let sent = Instant::now();
        stream.write_all(request.as_bytes()).unwrap();
        read_answer(&mut stream, &mut answer);
        times.push(u32::try_from(sent.elapsed().as_micros()).unwrap());
        assert!(
            answer.starts_with(b"HTTP/1.1 200"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    times
}

/// Reads one answer with a `content-length` into `answer`.
fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) {
    answer.clear();
    let mut buffer = [0; 4096];
    let mut whole = usize::MAX;
    while answer.len() < whole {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "the service hung up");
        answer.extend_from_slice(&buffer[..count]);
        if whole == usize::MAX
            && let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")
        {
            let head = std::str::from_utf8(&answer[..end]).unwrap();
            let length: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
                .expect("no content-length");
            whole = end + 4 + length;
        }
    }
}

/// Xorshift: random enough to spread users, and too cheap to distort the measurement.
struct Random(u64);

impl Random {
    fn new(name: &str) -> Self {
        Self(
            name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
            }) | 1,
        )
    }

    fn below(&mut self, end: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 32) % u64::from(end)) as u32
    }
}
