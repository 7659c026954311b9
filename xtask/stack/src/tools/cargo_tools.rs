//! Build tools that come as crates: compiled once per user and version, and kept outside the checkout.

use std::fs;
use std::path::PathBuf;

use crate::fault::{Done, In as _};
use crate::{console, paths, run};

/// A tool and how to install it.
#[derive(Debug)]
pub struct Tool {
    name: &'static str,
    version: &'static str,
    binary: &'static str,
}

impl Tool {
    /// Checks licences, bans and sources of dependencies.
    pub fn cargo_deny() -> Self {
        Self {
            name: "cargo-deny",
            version: "0.20.2",
            binary: "cargo-deny",
        }
    }

    /// Runs fuzz targets.
    pub fn cargo_fuzz() -> Self {
        Self {
            name: "cargo-fuzz",
            version: "0.13.2",
            binary: "cargo-fuzz",
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
            install.arg("install").arg("--locked").arg("--root").arg(&root);
            install.arg(format!("{}@{}", self.name, self.version));
            // The workspace's own flags and target folder are not for tools.
            install.env_remove("CARGO_TARGET_DIR").env_remove("RUSTFLAGS");
            run::logged(&step, self.name, &mut install)
        })?;
        Ok(folder)
    }
}
