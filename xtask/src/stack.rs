//! The whole stack on this machine: PostgreSQL, the issuer (Auth emulator or a key server), the stand-in legacy service, the origin, and
//! the edge in the Workers runtime.

pub mod accounts;
mod edge;
mod edges;
mod emulator;
pub mod guard;
mod operate;
mod origin_alone;
mod ports;
pub mod postgres;
mod programs;
mod pulse;
mod secrets;
pub mod service;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use guard::Guard;
pub use origin_alone::OriginAlone;
use ports::Ports;
use postgres::{Durability, Postgres};
use pulse::Pulse;
use secrets::Secrets;
use service::Service;

use crate::fault::{Done, Fault, In as _};
use crate::tools::{npm, wasm_target};
use crate::{build_edge, build_page, console};

const PROJECT: &str = "demo-crossfade";

/// Who issues the Firebase tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issuer {
    /// The Auth emulator: unsigned tokens, a real sign-up.
    Emulator,
    /// A key server of ours: RS256 tokens, the production path.
    KeyServer,
    /// A project at Google.
    Project(String),
}

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// Ours, kept between runs; `fresh` starts over.
    Kept { fresh: bool },
    /// Ours, gone afterwards.
    ThrowAway,
    /// Somebody's, by URL.
    Yours(String),
}

/// What stack to bring up.
#[derive(Debug, Clone)]
pub struct Plan {
    pub issuer: Issuer,
    pub database: Database,
    /// Well-known ports, or whatever is free.
    pub well_known_ports: bool,
    /// Edge variables on top of `[env.development]`.
    pub edge: Vec<(&'static str, String)>,
    /// Whether tests may ask for more edges.
    pub more_edges: bool,
    /// Whether the edge serves the development page at `/`. Only with an emulator: the page needs somewhere to sign up.
    pub page: bool,
}

/// Addresses of a running stack.
#[derive(Debug, Clone)]
pub struct Addresses {
    pub edge: String,
    pub origin: String,
    pub legacy: String,
    /// Where the stand-in legacy service is told to misbehave.
    pub legacy_control: String,
    pub database: String,
    /// The Auth emulator.
    pub emulator: Option<String>,
    /// The key server.
    pub key_server: Option<String>,
    /// Where more edges are asked for.
    pub edges: Option<String>,
    pub project: String,
    pub service_key: String,
    /// `ORIGIN_ASSERTION_KEYS`
    pub assertion_keys: String,
    /// HS256 secret of legacy tokens.
    pub legacy_secret: String,
}

/// A running stack; everything ends when this is dropped.
pub struct Stack {
    pub addresses: Addresses,
    // Ended in this order: who calls before who is called.
    edge: Service,
    edges: Option<Service>,
    origin: Service,
    legacy: Service,
    issuer: Option<Service>,
    database: Option<(Postgres, Service)>,
    throw_away: bool,
    guard: Arc<Guard>,
    started_with: operate::StartedWith,
}

impl Stack {
    /// Installs and compiles what is missing, then starts everything, side by side where nothing has to wait.
    pub fn up(plan: &Plan) -> Done<Self> {
        console::step("npm tools", npm::ensure)?;
        console::step("wasm32 target", wasm_target::ensure)?;
        let guard = Arc::new(Guard::start()?);
        let secrets = match plan.database {
            Database::ThrowAway => Secrets::make()?,
            Database::Kept { .. } | Database::Yours(_) => {
                let secrets = Secrets::kept()?;
                secrets.leave_for_wrangler()?;
                secrets
            }
        };
        let mut ports = if plan.well_known_ports {
            Ports::well_known()
        } else {
            Ports::any()
        };
        // The emulator takes longest to start and needs nothing of the others.
        let mut issuer = start_issuer(&guard, plan, &mut ports)?;
        let database = start_database(&guard, plan, &mut ports, &secrets)?;
        console::step(build_edge::STEP, build_edge::build)?;
        console::step("compile the origin and the stand-ins", programs::build)?;
        console::step("migrate", || programs::migrate(&database.url))?;

        let origin_port = ports.take("origin", 3008)?;
        let legacy_port = ports.take("legacy", 3001)?;
        let control_port = ports.take("legacy control", 3002)?;
        let edge_port = ports.take("edge", 8787)?;
        let edges_port = match plan.more_edges {
            true => Some(ports.take("edges on request", 8788)?),
            false => None,
        };
        let addresses = Addresses {
            edge: local(edge_port),
            origin: local(origin_port),
            legacy: local(legacy_port),
            legacy_control: local(control_port),
            database: database.url.clone(),
            emulator: issuer.emulator.clone(),
            key_server: issuer.key_server.clone(),
            edges: edges_port.map(local),
            project: issuer.project.clone(),
            service_key: secrets.service.clone(),
            assertion_keys: secrets.assertion_keys(),
            legacy_secret: secrets.legacy_jwt.clone(),
        };
        let shared = issuer.variables.clone();
        let started_with = operate::StartedWith {
            edge: edge_variables(plan, &addresses, &secrets, &shared),
            origin: origin_variables(plan, &database.url, &secrets, &shared),
            origin_port,
            ports,
            step_down: false,
        };
        let (legacy, origin, edge, edges) = thread::scope(|scope| {
            let legacy = scope.spawn(|| {
                console::step(&format!("legacy service on {}", addresses.legacy), || {
                    let variables = legacy_variables(&database.url, &secrets, control_port);
                    programs::legacy(&guard, legacy_port, &variables)
                })
            });
            let edge = scope.spawn(|| {
                console::step(&format!("edge on {}", addresses.edge), || {
                    let folder = if plan.well_known_ports {
                        "edge".to_owned()
                    } else {
                        format!("edge-{edge_port}")
                    };
                    let config = edge::configure(&folder, &started_with.edge, false)?;
                    if let (true, Some(emulator)) = (plan.page, &addresses.emulator) {
                        let page = console::step(build_page::STEP, || build_page::build(emulator, &config))?;
                        edge::serve_files(&config, &page)?;
                    }
                    edge::start(&guard, &config, edge_port, edge::talk(&started_with.edge))
                })
            });
            let edges = scope.spawn(|| {
                let start = |port| {
                    console::step("edges on request", || {
                        let config = edge::configure(&format!("edges-{port}"), &started_with.edge, false)?;
                        edges::start(&guard, &config, port)
                    })
                };
                edges_port.map(start).transpose()
            });
            let waited = issuer.wait();
            let origin = console::step(&format!("origin on {}", addresses.origin), || {
                programs::origin(&guard, origin_port, &started_with.origin)
            });
            (join(legacy), waited.and(origin), join(edge), join(edges))
        });
        Ok(Self {
            addresses,
            edge: edge?,
            edges: edges?,
            origin: origin?,
            legacy: legacy?,
            issuer: issuer.service,
            database: database.server,
            throw_away: plan.database == Database::ThrowAway,
            guard,
            started_with,
        })
    }

    /// Waits for `stop` or for a service that ended by itself, which is an error.
    pub fn watch(&mut self, stop: &AtomicBool) -> Done {
        let mut edge = Pulse::new(format!("{}/livez", self.addresses.edge));
        while !stop.load(Ordering::Relaxed) {
            if self.guard.ended() {
                return Err(Fault::new(
                    "process guard",
                    "ended while the stack was running; nothing would clean up after us",
                ));
            }
            if edge.stopped() {
                return Err(Fault::new("edge", "does not answer any more").log(&self.edge.log));
            }
            for service in self.services() {
                if let Some(status) = service.ended() {
                    return Err(Fault::new(
                        service.name,
                        format!("ended with {status} while the stack was running"),
                    )
                    .log(&service.log)
                    .hint("everything else was ended too; `cargo xtask dev` starts it again"));
                }
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn services(&mut self) -> impl Iterator<Item = &mut Service> {
        [&mut self.edge, &mut self.origin, &mut self.legacy]
            .into_iter()
            .chain(self.edges.as_mut())
            .chain(self.issuer.as_mut())
            .chain(self.database.as_mut().map(|(_, service)| service))
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        for service in self.services() {
            service.stop();
        }
        if let (true, Some((server, _))) = (self.throw_away, &self.database) {
            server.remove();
        }
    }
}

impl console::StepResult for PathBuf {}

fn local(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn join<T>(thread: thread::ScopedJoinHandle<'_, Done<T>>) -> Done<T> {
    thread
        .join()
        .unwrap_or_else(|_| Err(Fault::new("start", "a thread of the stack panicked")))
}

impl console::StepResult for Service {}

/// The issuer, and what the edge and the origin have to be told about it.
struct StartedIssuer {
    service: Option<Service>,
    port: u16,
    project: String,
    emulator: Option<String>,
    key_server: Option<String>,
    variables: Vec<(&'static str, String)>,
}

impl StartedIssuer {
    fn wait(&mut self) -> Done {
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

fn start_issuer(guard: &Arc<Guard>, plan: &Plan, ports: &mut Ports) -> Done<StartedIssuer> {
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
            started
                .variables
                .push(("FIREBASE_AUTH_EMULATOR_HOST", String::new()));
            console::step("compile the origin and the stand-ins", programs::build)?;
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

struct StartedDatabase {
    url: String,
    server: Option<(Postgres, Service)>,
}

fn start_database(
    guard: &Arc<Guard>,
    plan: &Plan,
    ports: &mut Ports,
    secrets: &Secrets,
) -> Done<StartedDatabase> {
    let (name, durability, fresh) = match &plan.database {
        Database::Yours(url) => {
            return Ok(StartedDatabase {
                url: url.clone(),
                server: None,
            });
        }
        Database::Kept { fresh } => ("postgres".to_owned(), Durability::Kept, *fresh),
        Database::ThrowAway => (
            format!("postgres-{}", std::process::id()),
            Durability::Careless,
            true,
        ),
    };
    let port = ports.take("PostgreSQL", 5432)?;
    let (server, service) = console::step(&format!("PostgreSQL on 127.0.0.1:{port}"), || {
        let server = Postgres::prepare(&name, port, &secrets.database_password, durability, fresh)?;
        let service = server.start(guard)?;
        Ok(Started(server, service))
    })?
    .into();
    Ok(StartedDatabase {
        url: server.url("postgres"),
        server: Some((server, service)),
    })
}

struct Started(Postgres, Service);

impl console::StepResult for Started {}

impl From<Started> for (Postgres, Service) {
    fn from(started: Started) -> Self {
        (started.0, started.1)
    }
}

fn legacy_variables(database_url: &str, secrets: &Secrets, control_port: u16) -> Vec<(&'static str, String)> {
    vec![
        ("DATABASE_URL", database_url.to_owned()),
        ("JWT_SECRET", secrets.legacy_jwt.clone()),
        ("INTERNAL_SERVICE_KEY", secrets.service.clone()),
        ("HOST", "127.0.0.1".to_owned()),
        ("CONTROL_PORT", control_port.to_string()),
    ]
}

fn origin_variables(
    plan: &Plan,
    database_url: &str,
    secrets: &Secrets,
    issuer: &[(&'static str, String)],
) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("ENVIRONMENT", "development".to_owned()),
        ("DATABASE_URL", database_url.to_owned()),
        ("ORIGIN_ASSERTION_KEYS", secrets.assertion_keys()),
        ("LEGACY_JWT_SECRETS", secrets.legacy_jwt.clone()),
        ("INTERNAL_SERVICE_KEYS", secrets.service_keys()),
    ];
    variables.extend(issuer.iter().cloned());
    if plan.database == Database::ThrowAway {
        // Tests run on machines that are busy with compiling: slow there is not an outage.
        variables.push(("DB_POOL_ACQUIRE_MS", "8000".to_owned()));
    }
    variables
}

fn edge_variables(
    plan: &Plan,
    addresses: &Addresses,
    secrets: &Secrets,
    issuer: &[(&'static str, String)],
) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("ORIGIN_URL", addresses.origin.clone()),
        ("LEGACY_AUTH_URL", addresses.legacy.clone()),
        ("ORIGIN_ASSERTION_KEYS", secrets.assertion_keys()),
        ("LEGACY_JWT_SECRETS", secrets.legacy_jwt.clone()),
        ("INTERNAL_SERVICE_KEYS", secrets.service_keys()),
    ];
    variables.extend(issuer.iter().cloned());
    if plan.database == Database::ThrowAway {
        // More than the origin's own patience, see above.
        variables.push(("UPSTREAM_TIMEOUT_MS", "15000".to_owned()));
    }
    variables.extend(plan.edge.iter().cloned());
    variables
}

/// Set when the person at the terminal, or the system, wants us to end.
pub fn stop_signal() -> Done<Arc<AtomicBool>> {
    const STEP: &str = "signals";
    let mut signals = signal_hook::iterator::Signals::new([
        signal_hook::consts::SIGINT,
        signal_hook::consts::SIGTERM,
        signal_hook::consts::SIGHUP,
    ])
    .in_step(STEP)?;
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    thread::spawn(move || {
        for signal in signals.forever() {
            if flag.swap(true, Ordering::Relaxed) {
                // Asked twice: the guard ends what is left when we are gone.
                std::process::exit(128_i32.saturating_add(signal));
            }
        }
    });
    Ok(stop)
}

/// A server for tests alone, started with `start`.
pub fn test_database() -> Done<(String, impl Drop)> {
    let guard = Arc::new(Guard::start()?);
    let mut ports = Ports::any();
    let plan = Plan {
        issuer: Issuer::Emulator,
        database: Database::ThrowAway,
        well_known_ports: false,
        edge: Vec::new(),
        more_edges: false,
        page: false,
    };
    let database = start_database(&guard, &plan, &mut ports, &Secrets::make()?)?;
    Ok((database.url.clone(), TestDatabase(database)))
}

struct TestDatabase(StartedDatabase);

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Some((server, service)) = &mut self.0.server {
            service.stop();
            server.remove();
        }
    }
}
