//! The one guard between production and unsigned tokens.

use std::net::{IpAddr, SocketAddr};

use crate::config::Reader;
use crate::ids::ProjectId;

/// The kind of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// Real users. The default: a deployment that forgets the variable is safe.
    Production,
    /// Like production, for rehearsal.
    Staging,
    /// A developer's machine or a test.
    Development,
}

impl Environment {
    /// Reads `ENVIRONMENT`; production if it is not set.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        reader.or("ENVIRONMENT", Self::Production, |text| match text {
            "production" => Ok(Self::Production),
            "staging" => Ok(Self::Staging),
            "development" => Ok(Self::Development),
            _ => Err("is none of `production`, `staging`, `development`"),
        })
    }
}

/// Proof that the Auth emulator may replace Firebase here: only [`permit`] makes one.
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
    /// The host is not this machine.
    #[error("is not a loopback `host:port`")]
    Host,
    /// A project that exists at Google.
    #[error("needs project ids that start with `demo-`")]
    Project,
}

/// Decides whether unsigned tokens may be accepted at all. `host` is `FIREBASE_AUTH_EMULATOR_HOST`; without it the answer is no, and no
/// fault is reported. With it, all three conditions hold or the start fails: one stray variable must not open production.
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

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// The whole truth table: every environment × host × set of projects.
    #[test]
    fn unsigned_tokens_need_all_three_conditions() {
        use Environment::{Development, Production, Staging};
        let hosts = [
            (None, false),
            (Some("127.0.0.1:9099"), true),
            (Some("localhost:9099"), true),
            (Some("[::1]:9099"), true),
            (Some("127.1.2.3:1"), true),
            (Some(""), false),
            (Some("127.0.0.1"), false),
            (Some("127.0.0.1:0"), false),
            (Some("localhost"), false),
            (Some("localhost:"), false),
            (Some("localhost:+80"), false),
            (Some("localhost:99999"), false),
            (Some("localhost.example:9099"), false),
            (Some("localhost:9099@evil.example:80"), false),
            (Some("http://127.0.0.1:9099"), false),
            (Some("0.0.0.0:9099"), false),
            (Some("10.0.0.1:9099"), false),
            (Some("[::]:9099"), false),
            (Some("firebase.example:9099"), false),
        ];
        let projects = [
            (vec![], false),
            (vec!["demo-crossfade"], true),
            (vec!["demo-a", "demo-b"], true),
            (vec!["crossfade"], false),
            (vec!["demo-a", "crossfade"], false),
            (vec!["demos-are-not-demo"], false),
        ];
        for environment in [Production, Staging, Development] {
            for (host, loopback) in hosts {
                for (projects, demo) in &projects {
                    let ids: Vec<ProjectId> =
                        projects.iter().map(|id| ProjectId::parse(*id).unwrap()).collect();
                    let expected = match (host, environment, loopback, *demo) {
                        (None, ..) => Ok(None),
                        (_, Production | Staging, ..) => Err(EmulatorRefusal::Environment),
                        (_, _, false, _) => Err(EmulatorRefusal::Host),
                        (_, _, _, false) => Err(EmulatorRefusal::Project),
                        (Some(host), Development, true, true) => Ok(Some(EmulatorPermit {
                            host: host.to_owned(),
                        })),
                    };
                    assert_eq!(
                        permit(environment, host, &ids),
                        expected,
                        "{environment:?} {host:?} {projects:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn production_is_the_default() {
        let nothing = |_: &str| None;
        assert_eq!(
            Environment::read(&mut Reader::new(&nothing)),
            Environment::Production
        );
        // A typing error must not count as a permission: it is a fault, and the environment is production meanwhile.
        let typo = |_: &str| Some("Development".to_owned());
        let mut reader = Reader::new(&typo);
        assert_eq!(Environment::read(&mut reader), Environment::Production);
        assert_eq!(reader.faults().len(), 1);
    }
}
