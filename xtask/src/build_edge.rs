//! The Worker: the edge crate through worker-build, with tools of pinned versions instead of ones it would download.

mod inputs;

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::fault::{Done, Fault, In as _};
use crate::tools::cargo_tools::Tool;
use crate::tools::{npm, wasm_target};
use crate::{console, paths, run};

/// The name of this step.
pub const STEP: &str = "build the Worker";

/// What rustc and wasm-bindgen emit and workerd understands; newer encodings it would refuse to load.
const WASM_FEATURES: [&str; 7] = [
    "mutable-globals",
    "sign-ext",
    "nontrapping-float-to-int",
    "bulk-memory",
    "multivalue",
    "reference-types",
    "exception-handling",
];

/// Options of `cargo xtask build-edge`.
#[derive(clap::Args)]
pub struct Options {}

/// Installs what is missing, builds, and says how large the Worker is.
pub fn run(_: &Options) -> Done {
    console::step("npm tools", npm::ensure)?;
    console::step("wasm32 target", wasm_target::ensure)?;
    console::step(STEP, build).map(drop)
}

/// Builds the Worker, unless the one that is there was made of the same things. Says how large its wasm is.
pub fn build() -> Done<String> {
    let made_of = inputs::digest(STEP)?;
    let stamp = paths::root().join("edge/build/.made-of");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == made_of) {
        return sizes().map(|sizes| format!("unchanged, {sizes}"));
    }
    // First: a build that stops half-way must not pass for a whole one.
    let _ = fs::remove_file(&stamp);
    let worker_build = Tool::worker_build()?.ensure()?;
    let wasm_bindgen = Tool::wasm_bindgen()?.ensure()?;
    let mut command = std::process::Command::new(worker_build.join("worker-build"));
    command
        .args(["--profile", "edge"])
        .current_dir(paths::root().join("edge"))
        .env("WASM_BINDGEN_BIN", wasm_bindgen.join("wasm-bindgen"))
        .env("ESBUILD_BIN", paths::npm_bin("esbuild"))
        .env("WASM_OPT_BIN", paths::npm_bin("wasm-opt"));
    run::logged(STEP, "worker-build", &mut command)?;
    strip()?;
    fs::write(stamp, made_of).in_step(STEP)?;
    sizes().map(|sizes| sizes.to_string())
}

/// Drops the names of functions, which worker-build makes wasm-opt keep: a quarter of the file, read by nobody but a debugger.
fn strip() -> Done {
    let wasm = paths::root().join("edge/build/index_bg.wasm");
    let mut command = std::process::Command::new(paths::npm_bin("wasm-opt"));
    command
        .args(WASM_FEATURES.map(|feature| format!("--enable-{feature}")))
        .args(["--strip-debug", "--strip-producers"])
        .arg(&wasm)
        .arg("-o")
        .arg(&wasm);
    run::logged(STEP, "wasm-strip", &mut command)
}

/// What the runtime is given: the entry, which imports what was built.
pub fn entry() -> PathBuf {
    paths::root().join("edge/entry.mjs")
}

/// How large the Worker is, in bytes: what is uploaded, and what its limit counts.
#[derive(Clone, Copy, serde::Serialize)]
pub struct Sizes {
    wasm: usize,
    pub wasm_gzipped: usize,
    /// The JavaScript around it.
    script_gzipped: usize,
}

impl std::fmt::Display for Sizes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kilobytes = |bytes: usize| bytes.div_ceil(1000);
        write!(
            f,
            "wasm {} KB, {} KB gzipped; JavaScript {} KB gzipped",
            kilobytes(self.wasm),
            kilobytes(self.wasm_gzipped),
            kilobytes(self.script_gzipped)
        )
    }
}

/// Measures the Worker that was built.
pub fn sizes() -> Done<Sizes> {
    let read = |name: &str| fs::read(paths::root().join("edge").join(name)).in_step(STEP);
    let wasm = read("build/index_bg.wasm")?;
    if wasm.is_empty() {
        return Err(Fault::new(STEP, "the wasm file is empty"));
    }
    let script = [read("entry.mjs")?, read("build/index.js")?].concat();
    Ok(Sizes {
        wasm: wasm.len(),
        wasm_gzipped: gzipped(&wasm)?,
        script_gzipped: gzipped(&script)?,
    })
}

fn gzipped(bytes: &[u8]) -> Done<usize> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes).in_step(STEP)?;
    Ok(gzip.finish().in_step(STEP)?.len())
}
