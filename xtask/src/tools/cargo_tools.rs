//! Build tools that come as crates: compiled once per user and version, and kept outside the checkout.

use std::fs;
use std::path::PathBuf;

use crate::fault::{Done, Fault, In as _};
use crate::{console, paths, run};

/// A tool and how to install it.
pub struct Tool {
    name: &'static str,
    version: String,
    binary: &'static str,
    locked: bool,
}

impl Tool {
    /// Turns the edge crate into a Worker; the version of the `worker` crate.
    pub fn worker_build() -> Done<Self> {
        Ok(Self {
            name: "worker-build",
            version: locked_version("worker")?,
            binary: "worker-build",
            locked: true,
        })
    }

    /// Makes JavaScript bindings; must be the very version of the `wasm-bindgen` crate. Without its own lock file, which names
    /// a withdrawn version of a dependency.
    pub fn wasm_bindgen() -> Done<Self> {
        Ok(Self {
            name: "wasm-bindgen-cli",
            version: locked_version("wasm-bindgen")?,
            binary: "wasm-bindgen",
            locked: false,
        })
    }

    /// Checks licences, bans and sources of dependencies.
    pub fn cargo_deny() -> Self {
        Self {
            name: "cargo-deny",
            version: "0.20.2".to_owned(),
            binary: "cargo-deny",
            locked: true,
        }
    }

    /// Counts which lines the tests execute.
    pub fn cargo_llvm_cov() -> Self {
        Self {
            name: "cargo-llvm-cov",
            version: "0.9.1".to_owned(),
            binary: "cargo-llvm-cov",
            locked: true,
        }
    }

    /// Runs fuzz targets.
    pub fn cargo_fuzz() -> Self {
        Self {
            name: "cargo-fuzz",
            version: "0.13.2".to_owned(),
            binary: "cargo-fuzz",
            locked: true,
        }
    }

    /// The folder with the tool's programs, installed if need be.
    pub fn ensure(&self) -> Done<PathBuf> {
        let root = paths::cache()
            .join("tools")
            .join(format!("{}-{}", self.name, self.version));
        let folder = root.join("bin");
        if folder.join(self.binary).exists() {
            return Ok(folder);
        }
        let step = format!("compile {} {}", self.name, self.version);
        console::step(&step, || {
            fs::create_dir_all(&root).in_step(&step)?;
            let mut install = run::cargo();
            install
                .arg("install")
                .args(self.locked.then_some("--locked"))
                .arg("--root")
                .arg(&root);
            install.arg(format!("{}@{}", self.name, self.version));
            // The workspace's own flags and target folder are not for tools.
            install.env_remove("CARGO_TARGET_DIR").env_remove("RUSTFLAGS");
            run::logged(&step, self.name, &mut install)
        })?;
        Ok(folder)
    }
}

/// The version of a dependency in `Cargo.lock`.
fn locked_version(package: &str) -> Done<String> {
    const STEP: &str = "read Cargo.lock";
    let text = fs::read_to_string(paths::root().join("Cargo.lock")).in_step(STEP)?;
    let lock: toml::Table = text.parse().in_step(STEP)?;
    lock.get("package")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
        .find(|entry| entry.get("name").and_then(toml::Value::as_str) == Some(package))
        .and_then(|entry| entry.get("version").and_then(toml::Value::as_str))
        .map(str::to_owned)
        .ok_or_else(|| Fault::new(STEP, format!("it does not name {package}")))
}
