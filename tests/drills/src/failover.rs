//! `cargo xtask drill failover`: the edge before three origins behind a load balancer, one of them through a pooler and one through
//! another load balancer, on a PostgreSQL with a synchronous standby, while machines, connections and processes are lost one after the
//! other.
//!
//! The programs are the system's: what stands in for them could not show what they do. Users who earn, who come for the first time, who
//! sign in and who read are at it all the time; after each act the database is asked what became of every write that was acknowledged.

mod acts;
mod edge;
mod load;
mod node;
mod report;
mod site;

use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use load::Load;
use site::Site;
use stack::build_edge::{self, Profile};
use stack::fault::{Done, Fault};
use stack::tools::{npm, system, wasm_target};
use stack::{console, programs};

const STEP: &str = "drill failover";

/// Options of `cargo xtask drill failover`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How long what is away stays away, in seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(3..=120))]
    seconds: u64,
    /// Play only the acts whose name has this in it.
    #[arg(long)]
    only: Option<String>,
}

/// Brings all of it up, plays the acts, prints the table. A missed target is a fault.
pub fn run(options: &Options) -> Done {
    system::require(STEP)?;
    let _stop = stack::stop_signal()?;
    console::step("npm tools", npm::ensure)?;
    console::step("wasm32 target", wasm_target::ensure)?;
    console::step("compile the origin and the stand-ins", programs::build)?;
    console::step(build_edge::STEP, || build_edge::build(Profile::Release))?;
    let mut site = None;
    console::step("servers, proxies, pooler, origins, load balancer, edge", || {
        site = Some(Site::up()?);
        Ok(())
    })?;
    let mut site = site.ok_or_else(|| Fault::new(STEP, "nothing was brought up"))?;
    let mut load = Load::new(
        site.front.clone(),
        site.edge.clone(),
        site.service_key.clone(),
        edge::PROJECT.to_owned(),
    );
    acts::seed(&mut site, &mut load)?;
    let load = Arc::new(load);
    let threads: Vec<_> = (0..load::EARNERS)
        .map(|number| start(&load, move |load| load.earn(number)))
        .chain((0..load::NEWCOMERS).map(|number| start(&load, move |load| load.arrive(number))))
        .chain((0..load::READERS).map(|number| start(&load, move |load| load.read(number))))
        .chain((0..load::SIGNERS).map(|number| start(&load, move |load| load.sign_in(number))))
        .collect();
    let away = Duration::from_secs(options.seconds);
    let played = acts::play(&mut site, &load, away, options.only.as_deref());
    load.end();
    for thread in threads {
        let _ended = thread.join();
    }
    let rows = played?;
    println!("\n{}", versions());
    report::print(&rows);
    report::verdict(&rows)
}

fn start(load: &Arc<Load>, work: impl FnOnce(&Load) + Send + 'static) -> thread::JoinHandle<()> {
    let load = Arc::clone(load);
    thread::spawn(move || work(&load))
}

/// What the system's programs say they are: what they can do turns on that.
fn versions() -> String {
    let version = |name: &str, option: &str| {
        let told = Command::new(system::find(name)?).arg(option).output().ok()?;
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        text.lines().next().map(str::to_owned)
    };
    [
        version("postgres", "--version"),
        version("pgbouncer", "--version"),
        version("haproxy", "-v"),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join(" · ")
}
