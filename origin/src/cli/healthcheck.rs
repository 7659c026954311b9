//! `origin healthcheck`: for containers without a shell. Asks the service on this machine whether it is ready for requests.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use crate::config::ListenConfig;

/// The limit for connecting, sending and each read.
const PATIENCE: Duration = Duration::from_secs(3);
/// Only the status line is read.
const MOST_BYTES: u64 = 64;

/// Answers 0 when `/readyz` of the service at the address in `listen` is 200, else 1.
#[must_use]
pub fn run(listen: &ListenConfig) -> ExitCode {
    match status_line(listen.address()) {
        Ok(line) if line.starts_with("HTTP/1.1 200") => ExitCode::SUCCESS,
        Ok(line) => {
            eprintln!("not ready: {}", line.lines().next().unwrap_or_default());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("no answer: {error}");
            ExitCode::FAILURE
        }
    }
}

fn status_line(listening: SocketAddr) -> std::io::Result<String> {
    let mut address = listening;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut line = Vec::new();
    stream.take(MOST_BYTES).read_to_end(&mut line)?;
    Ok(String::from_utf8_lossy(&line).into_owned())
}
