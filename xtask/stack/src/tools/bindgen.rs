//! wasm-bindgen, of the very version that the lock file names: a small program of this workspace around its library, compiled in a
//! tenth of the time of its command line.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fault::{Done, Fault};
use crate::{paths, run};

const PACKAGE: &str = "crossfade-bindgen";
const TEST_RUNNER: &str = "crossfade-wasm-test-runner";

/// Writes the bindings of the module `wasm` into `folder`; `kind` is `worker` or `web`. The program must be [`compile`]d.
pub fn write(step: &str, kind: &str, wasm: &Path, folder: &Path) -> Done {
    let mut command = Command::new(paths::debug_binary(PACKAGE));
    command.arg(kind).arg(wasm).arg(folder);
    run::logged(step, "bindgen", &mut command)
}

/// The program that runs tests compiled to wasm.
pub fn test_runner() -> Done<PathBuf> {
    build(TEST_RUNNER, &["--bin", TEST_RUNNER, "--features", "test-runner"])?;
    Ok(paths::debug_binary(TEST_RUNNER))
}

/// Compiles what [`write`] runs.
pub fn compile(step: &str) -> Done {
    build(step, &["--bin", PACKAGE])
}

fn build(step: &str, words: &[&str]) -> Done {
    let mut cargo = run::cargo();
    cargo.args(["build", "--package", PACKAGE]).args(words);
    run::logged(step, "bindgen-cargo", &mut cargo).map_err(|fault: Fault| {
        fault.hint(
            "wasm-bindgen-cli-support in xtask/bindgen/Cargo.toml must be of the same version as wasm-bindgen in Cargo.toml",
        )
    })
}
