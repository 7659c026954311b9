//! Starting whoever issues the Firebase tokens.

use std::sync::Arc;

use super::guard::Guard;
use super::plan::{Issuer, Plan};
use super::ports::{Ports, local};
use super::service::Service;
use super::variables::Variables;
use super::{emulator, programs};
use crate::console;
use crate::fault::Done;

pub const PROJECT: &str = "demo-crossfade";

/// The issuer, and what the edge and the origin have to be told about it.
#[derive(Debug)]
pub struct StartedIssuer {
    pub service: Option<Service>,
    port: u16,
    pub project: String,
    pub emulator: Option<String>,
    pub key_server: Option<String>,
    pub variables: Variables,
}

impl StartedIssuer {
    /// Waits until it answers.
    pub fn wait(&mut self) -> Done {
        match (&mut self.service, &self.emulator) {
            (Some(service), Some(address)) => {
                let port = self.port;
                console::step(&format!("Auth emulator on {address}"), || {
                    emulator::wait(service, port)
                })
            }
            _ => Ok(()),
        }
    }
}

/// Starts whom `plan` names. The emulator is not yet waited for.
pub fn start(guard: &Arc<Guard>, plan: &Plan, ports: &mut Ports) -> Done<StartedIssuer> {
    let mut started = StartedIssuer {
        service: None,
        port: 0,
        project: PROJECT.to_owned(),
        emulator: None,
        key_server: None,
        variables: Vec::new(),
    };
    match &plan.issuer {
        Issuer::Emulator => {
            started.port = ports.take("Auth emulator", 9099)?;
            started.emulator = Some(local(started.port));
            started.variables.push((
                "FIREBASE_AUTH_EMULATOR_HOST",
                format!("127.0.0.1:{}", started.port),
            ));
            started.service = Some(emulator::start(guard, PROJECT, started.port)?);
        }
        Issuer::KeyServer => {
            started.port = ports.take("key server", 9098)?;
            started.key_server = Some(local(started.port));
            started
                .variables
                .push(("FIREBASE_JWKS_URL", format!("{}/jwks", local(started.port))));
            started.variables.push((
                "FIREBASE_SESSION_COOKIE_JWKS_URL",
                format!("{}/cookie-jwks", local(started.port)),
            ));
            started
                .variables
                .push(("FIREBASE_AUTH_EMULATOR_HOST", String::new()));
            let port = started.port;
            started.service = Some(console::step("key server", || programs::key_server(guard, port))?);
        }
        Issuer::Project(project) => {
            started.project.clone_from(project);
            started
                .variables
                .push(("FIREBASE_AUTH_EMULATOR_HOST", String::new()));
        }
    }
    started
        .variables
        .push(("FIREBASE_PROJECT_ID", started.project.clone()));
    Ok(started)
}
