//! The two systems: ours, and the plan's.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use stack::fault::{Done, Fault, In as _};
use stack::guard::Guard;
use stack::{console, paths};

use super::STEP;
use crate::cpu;
use crate::origin::POOL;
use crate::origin::credentials::{ASSERTION_KEYS, Issuer, PROJECT};
use crate::origin::services::{self, SERVICE_KEY, Serving};

/// Where nobody listens: the legacy service, which no request here needs.
const NOBODY: &str = "http://127.0.0.1:9";

/// A running system.
pub struct System {
    pub name: &'static str,
    /// Where its users ask: `host:port`.
    pub address: String,
    /// Its programs: names and process numbers.
    programs: Vec<(&'static str, u32)>,
    _services: Vec<Serving>,
    _edge: Option<Edge>,
}

impl System {
    /// Processor time of all its programs so far.
    pub fn cpu(&self) -> Duration {
        self.programs.iter().map(|(_, pid)| cpu::used(*pid)).sum()
    }

    /// The most memory that each of its programs has held, in megabytes.
    pub fn memory(&self) -> Vec<(&'static str, f64)> {
        let peak = |pid| cpu::memory(pid).map_or(f64::NAN, |(_, peak)| peak as f64 / 1024.0);
        self.programs
            .iter()
            .map(|(name, pid)| (*name, peak(*pid)))
            .collect()
    }
}

/// Our Worker in workerd. The program that started it ends with its standard input, however this one ends.
struct Edge(Child);

impl console::StepResult for System {}

impl Drop for Edge {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Ours: the edge before the origin.
pub fn ours(guard: &Arc<Guard>, url: &str, issuer: &Issuer) -> Done<System> {
    console::step("Crossfade: edge and origin", || {
        let origin = services::start_origin(guard, "origin", &services::program(), url, issuer)?;
        let variables = serde_json::json!({
            "ENVIRONMENT": "development", "FIREBASE_PROJECT_ID": PROJECT, "FIREBASE_JWKS_URL": issuer.keys_url(),
            "ORIGIN_URL": format!("http://{}", origin.address()), "LEGACY_AUTH_URL": NOBODY,
            "ORIGIN_ASSERTION_KEYS": ASSERTION_KEYS, "INTERNAL_SERVICE_KEYS": format!("bench:{SERVICE_KEY}"),
            "LOG_LEVEL": "warn",
        });
        let mut child = Command::new("node")
            .arg(paths::root().join("bench/path/edge.mjs"))
            .arg(paths::root())
            .arg(variables.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .in_step(STEP)?;
        let stdout = child.stdout.take().ok_or("no output").in_step(STEP)?;
        let edge = Edge(child);
        let line = BufReader::new(stdout)
            .lines()
            .map_while(Result::ok)
            .find(|line| line.starts_with("http://"))
            .ok_or_else(|| Fault::new(STEP, "edge.mjs ended before it was ready"))?;
        let workerd = cpu::workerd_under(edge.0.id())
            .ok_or("workerd is not to be found")
            .in_step(STEP)?;
        Ok(System {
            name: "crossfade",
            address: line
                .trim_start_matches("http://")
                .trim_end_matches('/')
                .to_owned(),
            programs: vec![("workerd", workerd), ("origin", origin.pid())],
            _services: vec![origin],
            _edge: Some(edge),
        })
    })
}

/// The plan's: its gateway before its service.
pub fn plan(guard: &Arc<Guard>, url: &str, issuer: &Issuer) -> Done<System> {
    let node = |name, file: &Path, more: &[(&str, String)]| {
        let mut command = Command::new("node");
        command
            .arg(file)
            .env("NODE_ENV", "production")
            .envs(more.iter().map(|(name, value)| (*name, value.as_str())));
        services::start(guard, name, &mut command, url, issuer)
    };
    console::step("the plan: gateway and service", || {
        let folder = paths::root().join("bench/path");
        let service = node(
            "plan-service",
            &folder.join("service.mjs"),
            &[
                ("DB_POOL_MAX", POOL.to_string()),
                ("FIREBASE_CERTS_URL", format!("{}/certs", issuer.address())),
                ("IDENTITY_TOOLKIT_URL", issuer.address().to_owned()),
            ],
        )?;
        let gateway = node(
            "plan-gateway",
            &folder.join("gateway.mjs"),
            &[
                ("AUTH_V2_SERVICE_URL", format!("http://{}", service.address())),
                ("AUTH_SERVICE_URL", NOBODY.to_owned()),
                ("SERVICE_KEY", SERVICE_KEY.to_owned()),
            ],
        )?;
        Ok(System {
            name: "plan",
            address: gateway.address().to_owned(),
            programs: vec![("gateway", gateway.pid()), ("service", service.pid())],
            _services: vec![gateway, service],
            _edge: None,
        })
    })
}
