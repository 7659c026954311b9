//! `cargo xtask conformance`: every vector through the native engine and through WebCrypto inside workerd, as one table.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use stack::build_edge::{self, Profile};
use stack::fault::{Done, Fault, In as _};
use stack::tools::{npm, wasm_target};
use stack::{console, paths, run};

const BUILD: &str = "build the Worker of the vectors";
const SERVE: &str = "start it in workerd";
const RUN: &str = "conformance";

/// Options of `cargo xtask conformance`.
#[derive(clap::Args)]
pub struct Options {
    /// Only the native engine: no Worker is built
    #[arg(long)]
    native: bool,
}

impl Options {
    /// Natively and in the Workers runtime.
    pub const fn everything() -> Self {
        Self { native: false }
    }
}

/// Builds what is needed, runs the vectors, prints the table; fails when a case did not get its verdict.
pub fn run(options: &Options) -> Done {
    let mut command = run::cargo();
    command.args([
        "test",
        "--quiet",
        "--package",
        "crossfade-origin",
        "--test",
        "conformance",
    ]);
    if options.native {
        return run::shown(RUN, &mut command);
    }
    console::step("npm tools", npm::ensure)?;
    console::step("wasm32 target", wasm_target::ensure)?;
    console::step(BUILD, build)?;
    let mut worker = Worker::start()?;
    let result = run::shown(RUN, command.env("CONFORMANCE_WORKER", &worker.url));
    worker.stop();
    result
}

/// Beside the gateway's build, never in its place.
fn folder() -> PathBuf {
    paths::target().join("conformance-worker")
}

fn build() -> Done {
    // The released code is what is judged, not a quicker build of it.
    build_edge::assemble(BUILD, Profile::Release, &["conformance"], &folder().join("build"))?;
    fs::copy(build_edge::entry(), folder().join("entry.mjs"))
        .in_step(BUILD)
        .map(drop)
}

struct Worker {
    process: Child,
    url: String,
}

impl Worker {
    fn start() -> Done<Self> {
        let log = paths::log("conformance-worker");
        let errors = run::open_log(SERVE, &log)?;
        let mut process = Command::new("node")
            .arg(paths::root().join("xtask/src/conformance/serve.mjs"))
            .arg(folder())
            .arg(paths::root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .in_step(SERVE)?;
        let mut url = String::new();
        if let Some(output) = process.stdout.take() {
            BufReader::new(output).read_line(&mut url).in_step(SERVE)?;
        }
        let mut worker = Self {
            process,
            url: url.trim().to_owned(),
        };
        if worker.url.is_empty() {
            worker.stop();
            return Err(Fault::new(SERVE, "it ended before it was ready").log(&log));
        }
        Ok(worker)
    }

    /// Closes its input, upon which it ends by itself.
    fn stop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop();
    }
}
