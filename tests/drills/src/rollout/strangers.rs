//! Strangers with raw sockets, all the while: requests with half a body, with one too many, with broken chunks, with a body that never
//! comes. None of that may be noticed by anybody else.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::stage::Stage;

/// How many there are.
const AT_ONCE: usize = 4;
/// How long each of them takes breath. The machine also runs the stack.
const PACE: Duration = Duration::from_millis(25);
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(500);
/// All of them are one caller to the edge.
const ADDRESS: &str = "203.0.113.66";

/// What a stranger sends after the request line and the headers that name it, and whether the connection is left half open after it.
const TRICKS: [(&str, &str, bool); 6] = [
    ("GET", "content-length: 2\r\n\r\n{}", true),
    ("POST", "content-length: 500\r\n\r\n{\"email\":\"x", false),
    ("POST", "content-length: 500\r\n\r\n{\"email\":\"x", true),
    (
        "POST",
        "transfer-encoding: chunked\r\n\r\n5\r\n{\"ema\r\nzz\r\n",
        true,
    ),
    ("POST", "content-length: 500\r\n\r\n", true),
    ("POST", "content-length: 9\r\n\r\nno object", true),
];
const PATHS: [&str; 4] = [
    "/auth/login",
    "/auth/register",
    "/auth/verify-token",
    "/v1/auth/login",
];

/// Keeps them at it for as long as `meanwhile` takes. Returns what it returns, and how many requests they made.
pub fn at_it<T>(stage: &Stage, meanwhile: impl FnOnce() -> T) -> (T, u64) {
    let (done, made) = (AtomicBool::new(false), AtomicU64::new(0));
    let result = thread::scope(|scope| {
        for number in 0..AT_ONCE {
            let (done, made) = (&done, &made);
            scope.spawn(move || {
                let tricks = TRICKS.iter().cycle().skip(number);
                for ((method, rest, stays), path) in tricks.zip(PATHS.iter().cycle()) {
                    if done.load(Ordering::Relaxed) || stage.is_stopped() {
                        break;
                    }
                    // Whatever becomes of it is no concern of the drill.
                    if send(&stage.deployment().url, method, path, rest, *stays).is_ok() {
                        made.fetch_add(1, Ordering::Relaxed);
                    }
                    thread::sleep(PACE);
                }
            });
        }
        let result = meanwhile();
        done.store(true, Ordering::Relaxed);
        result
    });
    (result, made.into_inner())
}

fn send(url: &str, method: &str, path: &str, rest: &str, stays: bool) -> std::io::Result<()> {
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\ncf-connecting-ip: {ADDRESS}\r\ncontent-type: application/json\r\n"
    );
    stream.write_all(format!("{head}{rest}").as_bytes())?;
    if !stays {
        stream.shutdown(Shutdown::Write)?;
    }
    let mut answer = [0; 512];
    match stream.read(&mut answer) {
        Err(error) if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Err(error),
        _ => Ok(()),
    }
}
