//! The services that are measured, each a process of its own.

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use stack::fault::{Done, Fault, In as _};
use stack::guard::Guard;
use stack::ports::Ports;
use stack::service::Service;
use stack::{console, paths, run};

use super::credentials::{ASSERTION_KEYS, Issuer, PROJECT};
use super::{POOL, STEP};
use crate::cpu;

/// The key of the service that gives users tokens.
pub const SERVICE_KEY: &str = "bench-service-key-0123456789-0123456789";
const PATIENCE: Duration = Duration::from_secs(30);

/// Arguments of `limit`, of each row.
pub const LIMITS: [&[&str]; 3] = [&["fixed"], &["select", "1"], &["select", "16"]];

/// Compiles the origin with optimisation.
pub fn build() -> Done {
    release(&["-p", "crossfade-origin", "--bin", "origin"])
}

/// Compiles what is measured beside it.
pub fn build_peers() -> Done {
    release(&["-p", "crossfade-bench", "--example", "limit"])?;
    let mut esbuild = Command::new(paths::npm_bin("esbuild"));
    esbuild
        .current_dir(paths::root().join("bench/origin"))
        .args([
            "plan.ts",
            "well-made.ts",
            "--bundle",
            "--platform=node",
            "--format=cjs",
        ])
        .args(["--target=node20", "--out-extension:.js=.cjs"])
        .arg(format!("--outdir={}", bundles().display()));
    run::logged(STEP, "bench-esbuild", &mut esbuild)
}

fn release(what: &[&str]) -> Done {
    run::logged(
        STEP,
        "bench-build",
        run::cargo().args(["build", "--quiet", "--release"]).args(what),
    )
}

fn bundles() -> PathBuf {
    paths::working("bench-origin")
}

/// The origin that [`build`] compiled.
pub fn program() -> PathBuf {
    paths::target().join("release/origin")
}

/// Brings the schema of the database at `url` up.
pub fn migrate(url: &str) -> Done {
    run::logged(
        STEP,
        "bench-migrate",
        Command::new(program())
            .args(["migrate", "up"])
            .env("DATABASE_URL", url)
            .current_dir("/"),
    )
}

/// Fails unless every balance is the sum of its movements.
pub fn reconcile(url: &str) -> Done {
    run::logged(
        STEP,
        "bench-reconcile",
        Command::new(program())
            .args(["ledger", "reconcile"])
            .env("DATABASE_URL", url)
            .current_dir("/"),
    )
}

/// A running service.
pub struct Serving {
    service: Service,
    address: String,
}

impl Serving {
    pub fn pid(&self) -> u32 {
        self.service.pid()
    }

    pub fn address(&self) -> &str {
        &self.address
    }
}

impl console::StepResult for Serving {}

/// Memory in megabytes.
#[derive(Clone, Copy)]
pub struct Memory {
    pub now: f64,
    pub peak: f64,
}

/// All that serve one database.
pub struct Services {
    ours: Serving,
    beside: Option<Serving>,
    node: Option<(Serving, Serving)>,
    limits: Vec<Serving>,
    tokens: OnceCell<Vec<String>>,
}

impl Services {
    /// Starts ours; its peers too if `with_peers`; another build of ours if there is one.
    pub fn start(
        guard: &Arc<Guard>,
        url: &str,
        issuer: &Issuer,
        with_peers: bool,
        beside: Option<&Path>,
    ) -> Done<Self> {
        let origin =
            |name, program: &Path| console::step(name, || start_origin(guard, name, program, url, issuer));
        let node = |name: &'static str| {
            console::step(name, || {
                let mut command = Command::new("node");
                command
                    .arg(bundles().join(format!("{name}.cjs")))
                    .env("NODE_ENV", "production");
                start(guard, name, &mut command, url, issuer)
            })
        };
        let ours = origin("origin", &program())?;
        let beside = match beside.filter(|_| with_peers) {
            Some(path) => Some(origin("beside", &fs::canonicalize(path).in_step(STEP)?)?),
            None => None,
        };
        let node = if with_peers {
            Some((node("plan")?, node("well-made")?))
        } else {
            None
        };
        let limit = |arguments: &&[&str]| {
            let name = "limit";
            console::step(name, || {
                let mut command = Command::new(paths::target().join("release/examples/limit"));
                start(guard, name, command.args(*arguments), url, issuer)
            })
        };
        let limits = if with_peers {
            LIMITS.iter().map(limit).collect::<Done<_>>()?
        } else {
            Vec::new()
        };
        Ok(Self {
            ours,
            beside,
            node,
            limits,
            tokens: OnceCell::new(),
        })
    }

    pub fn ours(&self) -> &Serving {
        &self.ours
    }

    pub fn beside(&self) -> Done<&Serving> {
        self.beside
            .as_ref()
            .ok_or_else(|| Fault::new(STEP, "there is no other build"))
    }

    pub fn plan(&self) -> Done<&Serving> {
        self.node().map(|(plan, _)| plan)
    }

    pub fn well_made(&self) -> Done<&Serving> {
        self.node().map(|(_, well_made)| well_made)
    }

    fn node(&self) -> Done<&(Serving, Serving)> {
        self.node
            .as_ref()
            .ok_or_else(|| Fault::new(STEP, "no TypeScript here"))
    }

    pub fn limit(&self, which: usize) -> Done<&Serving> {
        self.limits
            .get(which)
            .ok_or_else(|| Fault::new(STEP, "no such limit here"))
    }

    /// The tokens that are sent to every service again and again, made once.
    pub fn tokens(&self, make: impl FnOnce() -> Done<Vec<String>>) -> Done<Vec<String>> {
        if let Some(tokens) = self.tokens.get() {
            return Ok(tokens.clone());
        }
        let made = make()?;
        Ok(self.tokens.get_or_init(|| made).clone())
    }

    /// What our own process holds.
    pub fn memory(&self) -> Option<Memory> {
        let (now, peak) = cpu::memory(self.ours.pid())?;
        Some(Memory {
            now: now as f64 / 1024.0,
            peak: peak as f64 / 1024.0,
        })
    }
}

/// Starts the origin in `program`.
pub fn start_origin(
    guard: &Arc<Guard>,
    name: &'static str,
    program: &Path,
    url: &str,
    issuer: &Issuer,
) -> Done<Serving> {
    let mut command = Command::new(program);
    command
        .arg("serve")
        .env("DB_POOL_MAX", POOL.to_string())
        .env("HOST", "127.0.0.1")
        // The issuer here speaks plain HTTP.
        .env("ENVIRONMENT", "development")
        .env("LOG_FORMAT", "json")
        .env("LOG_LEVEL", "info")
        .env("ORIGIN_ASSERTION_KEYS", ASSERTION_KEYS)
        .env("INTERNAL_SERVICE_KEYS", format!("bench:{SERVICE_KEY}"))
        .env("FIREBASE_API_KEY", "bench")
        .env("FIREBASE_IDENTITY_TOOLKIT_URL", issuer.address());
    start(guard, name, &mut command, url, issuer)
}

/// Starts a service, and waits until it is ready.
pub fn start(
    guard: &Arc<Guard>,
    name: &'static str,
    command: &mut Command,
    url: &str,
    issuer: &Issuer,
) -> Done<Serving> {
    let port = Ports::any().take(name, 0)?;
    command
        .env("PORT", port.to_string())
        .env("DATABASE_URL", url)
        .env("FIREBASE_PROJECT_ID", PROJECT)
        .env("FIREBASE_JWKS_URL", issuer.keys_url())
        // Not the checkout: a developer's `.env` there is for their own runs.
        .current_dir("/");
    let mut service = Service::start(guard, name, command)?;
    let address = format!("127.0.0.1:{port}");
    service.wait_for_http(PATIENCE, &format!("http://{address}/readyz"))?;
    Ok(Serving { service, address })
}
