//! The Worker: the edge crate compiled to wasm, its JavaScript bindings, both as small as they get.

mod inputs;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::fault::{Done, Fault, In as _};
use crate::tools::{bindgen, npm, wasm_target};
use crate::{console, paths, run};

/// The name of this step.
pub const STEP: &str = "build the Worker";

/// The log of what cargo says while it compiles the Worker.
pub const CARGO_LOG: &str = "edge-cargo";

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
#[derive(Debug, clap::Args)]
pub struct Options {}

/// How much time a build takes for how quick a Worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// For trying things and for tests: built in a fraction of the time, with overflow checks.
    Development,
    /// What is deployed and measured.
    Release,
}

impl Profile {
    /// Cargo's name for it.
    fn cargo(self) -> &'static str {
        match self {
            Self::Development => "dev",
            Self::Release => "edge",
        }
    }

    /// Where cargo puts what it builds, below the target's folder.
    fn folder(self) -> &'static str {
        match self {
            Self::Development => "debug",
            Self::Release => "edge",
        }
    }
}

/// Installs what is missing, builds for release, and says how large the Worker is.
pub fn run(_: &Options) -> Done {
    console::step("npm tools", npm::ensure)?;
    console::step("wasm32 target", wasm_target::ensure)?;
    console::step(STEP, || build(Profile::Release)).map(drop)
}

/// Builds the Worker, unless the one that is there was made of the same things. Says how large its wasm is.
pub fn build(profile: Profile) -> Done<String> {
    let unchanged = finish(compile(profile)?)?;
    let sizes = sizes()?.to_string();
    Ok(if unchanged.is_empty() {
        sizes
    } else {
        format!("{unchanged}, {sizes}")
    })
}

/// The compiled edge crate; nothing where the Worker that is there was made of the same things.
#[derive(Debug)]
pub struct Compiled(Option<Fresh>);

#[derive(Debug)]
struct Fresh {
    profile: Profile,
    made_of: String,
    wasm: PathBuf,
}

impl console::StepResult for Compiled {}

/// The first half of [`build`]: compiles what it needs of Rust. What comes from npm is not asked for.
pub fn compile(profile: Profile) -> Done<Compiled> {
    let made_of = format!("{} {}", profile.cargo(), inputs::digest(STEP)?);
    if fs::read_to_string(stamp()).is_ok_and(|found| found == made_of) {
        return Ok(Compiled(None));
    }
    let wasm = cargo(STEP, profile, &[])?;
    Ok(Compiled(Some(Fresh {
        profile,
        made_of,
        wasm,
    })))
}

/// The second half of [`build`]: runs no cargo. Says whether there was nothing to do.
pub fn finish(compiled: Compiled) -> Done<String> {
    let Compiled(Some(fresh)) = compiled else {
        return Ok("unchanged".to_owned());
    };
    // First: a build that stops half-way must not pass for a whole one.
    let _ = fs::remove_file(stamp());
    put_together(
        STEP,
        fresh.profile,
        &fresh.wasm,
        &paths::root().join("edge/build"),
    )?;
    fs::write(stamp(), fresh.made_of).in_step(STEP)?;
    Ok(String::new())
}

fn stamp() -> PathBuf {
    paths::root().join("edge/build/.made-of")
}

/// Compiles the edge crate with `features` and leaves `index.js` and `index_bg.wasm` in `folder`.
pub fn assemble(step: &str, profile: Profile, features: &[&str], folder: &Path) -> Done {
    put_together(step, profile, &cargo(step, profile, features)?, folder)
}

/// Makes the Worker of the compiled edge crate.
fn put_together(step: &str, profile: Profile, compiled: &Path, folder: &Path) -> Done {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).in_step(step)?;
    bindgen::write(step, "worker", compiled, folder)?;
    let script = folder.join("index.js");
    let text = fs::read_to_string(&script).in_step(step)?;
    fs::write(&script, without_repeated_imports(&text)).in_step(step)?;
    bundle(step, &script)?;
    // wasm-bindgen imports the module as the newest syntax has it; wrangler and workerd's configuration take the older one.
    let text = fs::read_to_string(&script).in_step(step)?;
    fs::write(&script, text.replace("import source ", "import ")).in_step(step)?;
    match profile {
        Profile::Development => Ok(()),
        Profile::Release => optimise(step, &folder.join("index_bg.wasm")),
    }
}

/// wasm-bindgen hands a script to the module once for each way of calling it, always under the same name; bundlers complain.
fn without_repeated_imports(bindings: &str) -> String {
    let mut named = BTreeSet::new();
    let is_new = |line: &&str| match line.trim().split_once("\": import") {
        Some((name, _)) if name.starts_with("\"./") => named.insert(name.to_owned()),
        _ => true,
    };
    let lines: Vec<&str> = bindings.lines().filter(is_new).collect();
    lines.join("\n")
}

/// Compiles the edge crate and what [`put_together`] needs for it.
fn cargo(step: &str, profile: Profile, features: &[&str]) -> Done<PathBuf> {
    bindgen::compile(step)?;
    let mut cargo = run::cargo_with_bar();
    cargo
        .args(["rustc", "--package", "crossfade-edge", "--lib"])
        // Without the `rlib` of the tests: cargo optimises across crates only where nothing else links against the result.
        .args(["--crate-type", "cdylib"])
        .args(["--target", wasm_target::TARGET, "--profile", profile.cargo()])
        .args(features.iter().flat_map(|feature| ["--features", feature]));
    run::logged(step, CARGO_LOG, &mut cargo)?;
    Ok(paths::target()
        .join(wasm_target::TARGET)
        .join(profile.folder())
        .join("edge.wasm"))
}

/// Puts the bindings and the scripts they import into one file.
fn bundle(step: &str, script: &Path) -> Done {
    let mut command = std::process::Command::new(paths::npm_bin("esbuild"));
    command
        .arg(script)
        .args(["--bundle", "--format=esm", "--minify", "--allow-overwrite"])
        .args([
            "--external:./index_bg.wasm",
            "--external:cloudflare:*",
            "--log-level=warning",
        ])
        .arg(format!("--outfile={}", script.display()));
    run::logged(step, "edge-esbuild", &mut command)?;
    // They are in the bundle now.
    let _ = fs::remove_dir_all(script.with_file_name("snippets"));
    Ok(())
}

/// Makes the module small and quick.
fn optimise(step: &str, wasm: &Path) -> Done {
    let mut command = std::process::Command::new(paths::npm_bin("wasm-opt"));
    command
        .args(WASM_FEATURES.map(|feature| format!("--enable-{feature}")))
        // Without the limit it makes one function of 150 KB of what a request passes through, and the runtime compiles all of it for the
        // first request.
        .args(["-O3", "--one-caller-inline-max-function-size=0"])
        .args(["--strip-debug", "--strip-producers"])
        .arg(wasm)
        .arg("-o")
        .arg(wasm);
    run::logged(step, "edge-wasm-opt", &mut command)
}

/// What the runtime is given: the entry, which imports what was built.
pub fn entry() -> PathBuf {
    paths::root().join("edge/entry.mjs")
}

/// How large the Worker is, in bytes: what is uploaded, and what its limit counts.
#[derive(Debug, Clone, Copy, serde::Serialize)]
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

#[cfg(test)]
mod tests {
    use super::without_repeated_imports;

    #[test]
    fn a_script_is_handed_over_once() {
        let bindings = "import * as import1 from \"./a.js\"\nconst x = {\n  \"./a.js\": import1,\n  \"./a.js\": import2,\n  \"./b.js\": import3,\n};";
        let expected = "import * as import1 from \"./a.js\"\nconst x = {\n  \"./a.js\": import1,\n  \"./b.js\": import3,\n};";
        assert_eq!(without_repeated_imports(bindings), expected);
    }
}
