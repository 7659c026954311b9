//! The edge before the origins, and the accounts of those who sign in through it.

use std::sync::Arc;

use serde_json::json;
use stack::fault::{Done, Fault, In as _};
use stack::guard::Guard;
use stack::ports::Ports;
use stack::secrets::Secrets;
use stack::service::Service;
use stack::{edge, emulator, http};

use super::load::Account;

pub const PROJECT: &str = "demo-failover";

const STEP: &str = "drill failover";
/// Who sign in, so many.
const ACCOUNTS: usize = 40;

/// The Auth emulator, which stays well all the time.
pub struct Google {
    pub port: u16,
    service: Service,
}

impl Google {
    /// Starts it; it takes seconds to answer.
    pub fn start(guard: &Arc<Guard>, ports: &mut Ports) -> Done<Self> {
        let port = ports.take("Auth emulator", 0)?;
        let service = emulator::start(guard, PROJECT, port)?;
        Ok(Self { port, service })
    }

    /// Makes accounts that only Firebase knows, each with a password.
    pub fn accounts(&mut self) -> Done<Vec<Account>> {
        emulator::wait(&mut self.service, self.port)?;
        let accounts: Vec<Account> = (0..ACCOUNTS).map(Account::new).collect();
        let users: Vec<_> = accounts
            .iter()
            .map(|account| json!({"localId": account.uid, "email": account.email(), "rawPassword": account.password}))
            .collect();
        let url = format!(
            "http://127.0.0.1:{}/identitytoolkit.googleapis.com/v1/projects/{PROJECT}/accounts:batchCreate",
            self.port
        );
        let answer = http::post(
            &url,
            &[("authorization", "Bearer owner")],
            &json!({"users": users}),
        )
        .in_step(STEP)?;
        let refused = answer.json()["error"]
            .as_array()
            .is_some_and(|errors| !errors.is_empty());
        if answer.status == 200 && !refused {
            Ok(accounts)
        } else {
            Err(Fault::new(STEP, format!("no accounts: {}", answer.text)))
        }
    }
}

/// Starts the edge in the Workers runtime. Everybody signs in at the origins behind `front`; there is no legacy service any more.
pub fn start(
    guard: &Arc<Guard>,
    ports: &mut Ports,
    front: &str,
    google: &Google,
    secrets: &Secrets,
) -> Done<(String, Service)> {
    let port = ports.take("edge", 0)?;
    let variables = [
        ("FIREBASE_PROJECT_ID", PROJECT.to_owned()),
        (
            "FIREBASE_AUTH_EMULATOR_HOST",
            format!("127.0.0.1:{}", google.port),
        ),
        ("ORIGIN_URL", front.to_owned()),
        ("LEGACY_AUTH_URL", String::new()),
        ("ORIGIN_ASSERTION_KEYS", secrets.assertion_keys()),
        ("INTERNAL_SERVICE_KEYS", secrets.service_keys()),
        ("ROLLOUT_PERCENT", "100".to_owned()),
        ("LOG_LEVEL", "warn".to_owned()),
    ];
    let config = edge::configure(&format!("edge-{port}"), &variables, false)?;
    let service = edge::start(guard, &config, port, edge::talk(&variables))?;
    Ok((format!("http://127.0.0.1:{port}"), service))
}
