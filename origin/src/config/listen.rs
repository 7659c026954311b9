//! The service's address, and the time limits of requests.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use shared::config::{Reader, whole_number};
use shared::token::Environment;

/// The service's address, and the time limits of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenConfig {
    host: IpAddr,
    port: u16,
    /// The longest a request may take before it is answered 503.
    pub request_timeout: Duration,
    /// How long a connection may go without a complete request head before it is closed, at its beginning and between two requests.
    pub keep_alive: Duration,
    /// How long requests in flight may go on after SIGTERM.
    pub drain: Duration,
}

impl ListenConfig {
    /// Reads `HOST` (127.0.0.1 in development, else 0.0.0.0), `PORT` (3008; 0 = any free one), `REQUEST_TIMEOUT_MS` (10,000),
    /// `KEEP_ALIVE_SECONDS` (75) and `DRAIN_SECONDS` (20).
    pub fn read(reader: &mut Reader<'_>, environment: Environment) -> Self {
        let everywhere = match environment {
            Environment::Development => Ipv4Addr::LOCALHOST,
            Environment::Production | Environment::Staging => Ipv4Addr::UNSPECIFIED,
        };
        let host = reader.or("HOST", IpAddr::V4(everywhere), |text| {
            text.parse().map_err(|_| "is not an IP address")
        });
        let port = reader.or("PORT", 3008, |text| {
            whole_number(text, 0..=65_535).map(|port| u16::try_from(port).unwrap_or(0))
        });
        let milliseconds = reader.or("REQUEST_TIMEOUT_MS", 10_000, |text| {
            whole_number(text, 100..=120_000)
        });
        // More than the 5 s of the edge's runtime and the 60 s for which load balancers usually keep an idle connection.
        let keep_alive = reader.or("KEEP_ALIVE_SECONDS", 75, |text| whole_number(text, 1..=3_600));
        let drain = reader.or("DRAIN_SECONDS", 20, |text| whole_number(text, 0..=600));
        Self {
            host,
            port,
            request_timeout: Duration::from_millis(milliseconds.unsigned_abs()),
            keep_alive: Duration::from_secs(keep_alive.unsigned_abs()),
            drain: Duration::from_secs(drain.unsigned_abs()),
        }
    }

    /// Address and port; port 0 lets the system choose.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }
}
