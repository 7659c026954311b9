//! The stand-in of Google's account services, for end-to-end tests with signed tokens: the key server serves the key that it signs with.

use std::sync::Arc;

use super::accounts::told_by;
use super::guard::Guard;
use super::issuer::PROJECT;
use super::plan::{Issuer, Plan};
use super::ports::{Ports, local};
use super::programs;
use super::service::Service;
use super::variables::Variables;
use crate::console;
use crate::fault::Done;

/// What of its word the origin is told. Keys come from the key server.
const TOLD: [&str; 6] = [
    "FIREBASE_API_KEY",
    "FIREBASE_CLIENT_EMAIL",
    "FIREBASE_PRIVATE_KEY",
    "FIREBASE_TOKEN_URI",
    "FIREBASE_IDENTITY_TOOLKIT_URL",
    "FIREBASE_SECURE_TOKEN_URL",
];

/// A running one.
#[derive(Debug)]
pub struct Google {
    pub address: String,
    pub service: Service,
    pub variables: Variables,
}

/// Starts it where `plan` is a test's.
pub fn start(guard: &Arc<Guard>, plan: &Plan, ports: &mut Ports) -> Done<Option<Google>> {
    if !plan.more_edges || plan.issuer != Issuer::KeyServer {
        return Ok(None);
    }
    let port = ports.take("identity toolkit", 9097)?;
    let service = console::step("stand-in of Google's account services", || {
        programs::identity_toolkit(guard, port, PROJECT)
    })?;
    let told = told_by(&local(port))?;
    let variables = TOLD
        .into_iter()
        .filter_map(|name| Some((name, told.iter().find(|(known, _)| known == name)?.1.clone())))
        .collect();
    Ok(Some(Google {
        address: local(port),
        service,
        variables,
    }))
}
