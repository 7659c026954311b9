//! The one guard between production and unsigned tokens.

use std::net::{IpAddr, SocketAddr};

use crate::config::Reader;
use crate::ids::ProjectId;

/// Where a deployment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// Real people. The default, so that forgetting to say so is safe.
    Production,
    /// Like production, for rehearsal.
    Staging,
    /// A developer's machine or a test.
    Development,
}

impl Environment {
    /// Reads `ENVIRONMENT`; production unless it says otherwise.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        reader.or("ENVIRONMENT", Self::Production, |text| match text {
            "production" => Ok(Self::Production),
            "staging" => Ok(Self::Staging),
            "development" => Ok(Self::Development),
            _ => Err("is none of `production`, `staging`, `development`"),
        })
    }
}

/// Proof that the Auth emulator may stand in for Firebase here: only [`permit`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmulatorPermit {
    host: String,
}

impl EmulatorPermit {
    /// `host:port` of the emulator, a loopback address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
}

/// Why the emulator may not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmulatorRefusal {
    /// Not a development machine.
    #[error("is honoured only with ENVIRONMENT=development")]
    Environment,
    /// Somewhere else than this machine.
    #[error("is not a loopback `host:port`")]
    Host,
    /// A project that exists at Google.
    #[error("needs project ids that start with `demo-`")]
    Project,
}

/// Decides whether unsigned tokens may be accepted at all. `host` is `FIREBASE_AUTH_EMULATOR_HOST`; without it the answer is
/// no, quietly. With it, all three conditions hold or the start fails: one stray variable must not open production.
///
/// # Errors
/// [`EmulatorRefusal`], the first condition that does not hold.
pub fn permit(
    environment: Environment,
    host: Option<&str>,
    projects: &[ProjectId],
) -> Result<Option<EmulatorPermit>, EmulatorRefusal> {
    let Some(host) = host else {
        return Ok(None);
    };
    if environment != Environment::Development {
        return Err(EmulatorRefusal::Environment);
    }
    if !is_loopback(host) {
        return Err(EmulatorRefusal::Host);
    }
    if projects.is_empty()
        || !projects
            .iter()
            .all(|project| project.as_str().starts_with("demo-"))
    {
        return Err(EmulatorRefusal::Project);
    }
    Ok(Some(EmulatorPermit {
        host: host.to_owned(),
    }))
}

fn is_loopback(host: &str) -> bool {
    if let Some(port) = host.strip_prefix("localhost:") {
        return port.bytes().all(|byte| byte.is_ascii_digit())
            && port.parse::<u16>().is_ok_and(|port| port > 0);
    }
    host.parse::<SocketAddr>().is_ok_and(|address| {
        address.port() > 0
            && match address.ip() {
                IpAddr::V4(ip) => ip.is_loopback(),
                IpAddr::V6(ip) => ip.is_loopback(),
            }
    })
}
