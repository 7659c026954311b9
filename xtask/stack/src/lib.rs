//! The whole stack on this machine: PostgreSQL, the issuer (Auth emulator or a key server), the stand-in legacy service, the origin, and
//! the edge in the Workers runtime.

pub mod accounts;
pub mod build_edge;
pub mod build_page;
pub mod console;
mod database;
pub mod edge;
mod edges;
pub mod emulator;
pub mod fault;
mod google;
pub mod guard;
pub mod http;
mod issuer;
mod operate;
mod origin_alone;
pub mod paths;
mod plan;
pub mod ports;
pub mod postgres;
pub mod programs;
mod pulse;
pub mod run;
pub mod running;
pub mod secrets;
pub mod service;
mod stop;
pub mod tools;
mod variables;

use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use build_edge::Profile;
pub use database::for_tests as test_database;
use fault::{Done, Fault};
use guard::Guard;
pub use origin_alone::OriginAlone;
pub use plan::{Database, Issuer, Plan};
use ports::{Ports, local};
use postgres::Postgres;
use pulse::Pulse;
use secrets::Secrets;
use service::Service;
pub use stop::{on_signal as stop_signal, on_signal_once as stop_signal_once};
use tools::{npm, wasm_target};

/// The `main` of a program that starts stacks: does `work`, and says what failed. The guard is this program, too.
pub fn program(work: impl FnOnce() -> Done) -> ExitCode {
    end_when_nobody_reads();
    let is_guard = std::env::args().nth(1).is_some_and(|word| word == guard::WORD);
    match if is_guard { guard::watch() } else { work() } {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            console::fault(&fault);
            ExitCode::FAILURE
        }
    }
}

/// Ends without a word when nobody reads the output any more (`| head`). `println!` panics then; to take the signal SIGPIPE instead would
/// also end the program at a connection that its peer has closed.
fn end_when_nobody_reads() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let nobody_reads = panic.payload().downcast_ref::<String>().is_some_and(|text| {
            text.starts_with("failed printing to stdout") && text.contains("Broken pipe")
        });
        if nobody_reads {
            // As a shell reports the signal.
            std::process::exit(141);
        }
        report(panic);
    }));
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
    /// The stand-in of Google's account services.
    pub google: Option<String>,
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
#[derive(Debug)]
pub struct Stack {
    pub addresses: Addresses,
    // Ended in this order: who calls before who is called.
    edge: Service,
    edges: Option<Service>,
    origin: Service,
    legacy: Service,
    issuer: Option<Service>,
    google: Option<Service>,
    database: Option<(Postgres, Service)>,
    throw_away: bool,
    guard: Arc<Guard>,
    started_with: operate::StartedWith,
}

impl Stack {
    /// Installs and compiles what is missing, then starts everything, side by side where nothing has to wait.
    pub fn up(plan: &Plan) -> Done<Self> {
        let lock = match plan.database {
            Database::ThrowAway => None,
            Database::Kept { .. } | Database::Yours(_) => Some(running::alone(&paths::working("lock"))?),
        };
        thread::scope(|scope| {
            // Side by side: npm waits for the network and the disk, compilers for the processor.
            // Said at once, too, where npm fails: the compiler may go on for minutes.
            let npm = scope.spawn(|| {
                let install = match plan.worker {
                    Profile::Development => npm::ensure_for_stack,
                    // wasm-opt
                    Profile::Release => npm::ensure,
                };
                console::step("npm tools", install).inspect_err(console::fault)
            });
            console::step("wasm32 target", wasm_target::ensure)?;
            let compiled = console::compiling("compile the Worker", build_edge::CARGO_LOG, || {
                build_edge::compile(plan.worker)
            })?;
            if plan.page {
                console::step("compile the page", build_page::compile)?;
            }
            // What makes the Worker of the compiled wasm, and then starts, needs one core at most: our programs are compiled meanwhile.
            let programs = scope.spawn(|| {
                console::compiling("compile the origin and the stand-ins", programs::LOG, || {
                    programs::build_for(plan)
                })
            });
            join(npm)?;
            console::step(build_edge::STEP, || build_edge::finish(compiled))?;
            Self::start(plan, lock, Compiling(Some(programs)))
        })
    }

    /// Starts everything; what is among our own `programs` waits for them.
    fn start(plan: &Plan, lock: Option<File>, mut programs: Compiling<'_>) -> Done<Self> {
        let guard = Arc::new(Guard::start(lock)?);
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
        if plan.issuer == Issuer::KeyServer {
            programs.wait()?;
        }
        // The emulator takes longest to start and needs nothing of the others.
        let mut issuer = issuer::start(&guard, plan, &mut ports)?;
        let google = google::start(&guard, plan, &mut ports)?;
        let database = database::start(&guard, plan, &mut ports, &secrets)?;
        let origin_port = ports.take("origin", 3008)?;
        let legacy_port = ports.take("legacy", 3001)?;
        let control_port = ports.take("legacy control", 3002)?;
        let edge_port = ports.take("edge", 8787)?;
        let edges_port = match plan.more_edges {
            true => Some(ports.take("edges on request", 8788)?),
            false => None,
        };
        let edge_folder = if plan.well_known_ports {
            "edge".to_owned()
        } else {
            format!("edge-{edge_port}")
        };
        let addresses = Addresses {
            edge: local(edge_port),
            origin: local(origin_port),
            legacy: local(legacy_port),
            legacy_control: local(control_port),
            database: database.url.clone(),
            emulator: issuer.emulator.clone(),
            key_server: issuer.key_server.clone(),
            google: google.as_ref().map(|google| google.address.clone()),
            edges: edges_port.map(local),
            project: issuer.project.clone(),
            service_key: secrets.service.clone(),
            assertion_keys: secrets.assertion_keys(),
            legacy_secret: secrets.legacy_jwt.clone(),
        };
        let shared = issuer.variables.clone();
        let mut origin = variables::origin(plan, &database.url, &secrets, &shared);
        origin.extend(google.iter().flat_map(|google| google.variables.clone()));
        let started_with = operate::StartedWith {
            edge: variables::edge(plan, &addresses, &secrets, &shared),
            origin,
            origin_port,
            ports,
            step_down: plan.step_down,
            changeable: false,
            folders: [
                Some(edge_folder.clone()),
                edges_port.map(|port| format!("edges-{port}")),
            ]
            .into_iter()
            .flatten()
            .collect(),
        };
        let (ours, edge, edges) = thread::scope(|scope| {
            let edge = scope.spawn(|| {
                console::step(&format!("edge on {}", addresses.edge), || {
                    let config = edge::configure(&edge_folder, &started_with.edge, plan.step_down)?;
                    if plan.database == (Database::Kept { fresh: true }) {
                        edge::forget(&config)?;
                    }
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
            let migrated = programs
                .wait()
                .and_then(|()| console::step("migrate", || programs::migrate(&database.url)));
            let ours = migrated.and_then(|()| {
                let legacy = scope.spawn(|| {
                    console::step(&format!("legacy service on {}", addresses.legacy), || {
                        let variables = variables::legacy(&database.url, &secrets, control_port);
                        programs::legacy(&guard, legacy_port, &variables)
                    })
                });
                let waited = issuer.wait();
                let origin = console::step(&format!("origin on {}", addresses.origin), || {
                    programs::origin(&guard, origin_port, &started_with.origin)
                });
                Ok((join(legacy)?, waited.and(origin)?))
            });
            (ours, join(edge), join(edges))
        });
        let (legacy, origin) = ours?;
        Ok(Self {
            addresses,
            edge: edge?,
            edges: edges?,
            origin,
            legacy,
            issuer: issuer.service,
            google: google.map(|google| google.service),
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
            .chain(self.google.as_mut())
            .chain(self.database.as_mut().map(|(_, service)| service))
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        for service in self.services() {
            service.stop();
        }
        if !self.throw_away {
            return;
        }
        if let Some((server, _)) = &self.database {
            server.remove();
        }
        for folder in &self.started_with.folders {
            let _ = std::fs::remove_dir_all(paths::working(folder));
        }
    }
}

impl console::StepResult for PathBuf {}

/// Our own programs, while they are compiled.
struct Compiling<'scope>(Option<thread::ScopedJoinHandle<'scope, Done>>);

impl Compiling<'_> {
    /// Waits until they are compiled.
    fn wait(&mut self) -> Done {
        self.0.take().map_or(Ok(()), join)
    }
}

fn join<T>(thread: thread::ScopedJoinHandle<'_, Done<T>>) -> Done<T> {
    thread
        .join()
        .unwrap_or_else(|_| Err(Fault::new("start", "a thread of the stack panicked")))
}

impl console::StepResult for Service {}
