//! What the Worker is made of, so that a start that changes nothing does not build it again: the optimiser runs for half a minute.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::fault::{Done, In as _};
use crate::paths;

/// Sources, lock files (they pin compiler, libraries and tools), and the recipe itself.
const FILES: [&str; 8] = [
    ".cargo/config.toml",
    "Cargo.toml",
    "Cargo.lock",
    "package-lock.json",
    "rust-toolchain.toml",
    "xtask/bindgen/src/main.rs",
    "xtask/stack/src/build_edge.rs",
    "edge/Cargo.toml",
];
const FOLDERS: [&str; 2] = ["edge/src", "shared"];

/// SHA-256 over names and contents of everything that goes into the Worker, in hex.
pub fn digest(step: &str) -> Done<String> {
    let root = paths::root();
    let mut files: Vec<PathBuf> = FILES.iter().map(|name| root.join(name)).collect();
    for folder in FOLDERS {
        collect(&root.join(folder), &mut files).in_step(step)?;
    }
    files.sort();
    let mut digest = Sha256::new();
    for file in files {
        let content = fs::read(&file).in_step(step)?;
        let name = file.strip_prefix(&root).unwrap_or(&file);
        digest.update(name.as_os_str().as_encoded_bytes());
        digest.update(content.len().to_le_bytes());
        digest.update(content);
    }
    Ok(digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}
