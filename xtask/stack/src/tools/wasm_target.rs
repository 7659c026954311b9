//! The standard library for `wasm32-unknown-unknown`: there already, else from rustup, else compiled from the sources that
//! Debian packages for this very compiler version.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fault::{Done, Fault, In as _};
use crate::{paths, run};

const STEP: &str = "wasm32 target";
/// What the Worker is compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";
const SUITE: &str = "trixie-backports";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const ALTERNATIVE: &str = "install it by hand: `rustup target add wasm32-unknown-unknown`";

/// Makes the target available. Says where it came from.
pub fn ensure() -> Done<String> {
    let sysroot = sysroot()?;
    if is_there(&sysroot) {
        return Ok("present".to_owned());
    }
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", TARGET]).current_dir(paths::root());
    if run::logged(STEP, "rustup-target", &mut rustup).is_ok() && is_there(&sysroot) {
        return Ok("from rustup".to_owned());
    }
    from_debian_sources(&sysroot)?;
    if is_there(&sysroot) {
        Ok("compiled from Debian's sources of this compiler".to_owned())
    } else {
        Err(Fault::new(STEP, "the compiled library is not complete").hint(ALTERNATIVE))
    }
}

fn sysroot() -> Done<PathBuf> {
    run::output(
        Command::new("rustc")
            .args(["--print", "sysroot"])
            .current_dir(paths::root()),
    )
    .map(PathBuf::from)
    .ok_or_else(|| {
        Fault::new(STEP, "`rustc --print sysroot` does not work").hint("install Rust: https://rustup.rs")
    })
}

fn library(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib").join(TARGET).join("lib")
}

/// Whether both ends of the standard library are there, `core` and `std`.
fn is_there(sysroot: &Path) -> bool {
    let names: Vec<String> = fs::read_dir(library(sysroot))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    ["libcore-", "libstd-"].iter().all(|prefix| {
        names
            .iter()
            .any(|name| name.starts_with(prefix) && name.ends_with(".rlib"))
    })
}

fn from_debian_sources(sysroot: &Path) -> Done {
    let version = run::output(Command::new("rustc").arg("--version").current_dir(paths::root()))
        .and_then(|text| text.split(' ').nth(1).map(str::to_owned))
        .ok_or_else(|| Fault::new(STEP, "`rustc --version` does not work"))?;
    let sources = library_sources(&version)?;
    let link = sysroot.join("lib/rustlib/src/rust");
    if !link.join("library/std").exists() {
        // A dangling link of an earlier attempt is in the way.
        let _ = fs::remove_file(&link);
        fs::create_dir_all(sysroot.join("lib/rustlib/src")).in_step(STEP)?;
        symlink(&sources, &link).in_step(STEP)?;
    }
    let built = compile()?;
    let folder = library(sysroot);
    fs::create_dir_all(&folder).in_step(STEP)?;
    for entry in fs::read_dir(built).in_step(STEP)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("lib") && name.ends_with(".rlib") && !name.starts_with("libempty-") {
            fs::copy(entry.path(), folder.join(name)).in_step(STEP)?;
        }
    }
    Ok(())
}

/// The standard library's sources for `version`, kept in the cache.
fn library_sources(version: &str) -> Done<PathBuf> {
    let kept = paths::cache().join(format!("rust-src-{version}"));
    let sources = kept.join(format!("usr/src/rustc-{version}"));
    if sources.join("library/std").exists() {
        return Ok(sources);
    }
    let package = download(version)?;
    fs::create_dir_all(&kept).in_step(STEP)?;
    run::logged(
        STEP,
        "dpkg",
        Command::new("dpkg").arg("-x").arg(&package).arg(&kept),
    )?;
    if sources.join("library/std").exists() {
        Ok(sources)
    } else {
        Err(Fault::new(STEP, "the package holds no sources of this version").hint(ALTERNATIVE))
    }
}

/// Fetches Debian's `rust-src`, its signature checked, with a private apt state: the system's own is left as it is, and an
/// ordinary user may do it.
fn download(version: &str) -> Done<PathBuf> {
    let state = paths::working("apt");
    for folder in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(state.join(folder)).in_step(STEP)?;
    }
    let list = state.join("sources.list");
    fs::write(
        &list,
        format!("deb [signed-by={KEYRING}] {} {SUITE} main\n", mirror()),
    )
    .in_step(STEP)?;
    let apt = |name: &str, words: &[&str]| {
        let mut command = Command::new("apt-get");
        for (option, path) in [
            ("Dir::Etc::sourcelist", list.clone()),
            ("Dir::Etc::sourceparts", PathBuf::from("/dev/null")),
            ("Dir::State::Lists", state.join("lists")),
            ("Dir::Cache", state.join("cache")),
        ] {
            command.arg("-o").arg(format!("{option}={}", path.display()));
        }
        command
            .args(["-o", "APT::Sandbox::User=root"])
            .args(words)
            .current_dir(&state);
        run::logged(STEP, name, &mut command).map_err(|fault| fault.hint(ALTERNATIVE))
    };
    apt("apt-update", &["update"])?;
    apt("apt-download", &["download", &format!("rust-src={version}*")])?;
    fs::read_dir(&state)
        .in_step(STEP)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(&format!("rust-src_{version}")))
        })
        .ok_or_else(|| Fault::new(STEP, "apt-get downloaded nothing").hint(ALTERNATIVE))
}

/// The mirror this machine's own configuration names, else Debian's front door.
fn mirror() -> String {
    run::output(Command::new("apt-get").args([
        "indextargets",
        "--format",
        "$(REPO_URI)",
        "Created-By: Packages",
    ]))
    .into_iter()
    .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
    .map(|address| address.trim_end_matches('/').to_owned())
    .find(|address| address.ends_with("/debian"))
    .unwrap_or_else(|| "http://deb.debian.org/debian".to_owned())
}

/// Compiles the library by way of an empty crate. With bitcode, or a later build with link-time optimisation fails.
fn compile() -> Done<PathBuf> {
    let folder = paths::working("wasm-std");
    fs::create_dir_all(folder.join("src")).in_step(STEP)?;
    let manifest = "[package]\nname = \"empty\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[workspace]\n";
    fs::write(folder.join("Cargo.toml"), manifest).in_step(STEP)?;
    fs::write(folder.join("src/lib.rs"), "#![no_std]\n").in_step(STEP)?;
    let mut cargo = run::cargo();
    cargo
        .args([
            "build",
            "--release",
            "-Zbuild-std=std,panic_abort,proc_macro,test",
            "--target",
            TARGET,
        ])
        .current_dir(&folder)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Cembed-bitcode=yes")
        .env("CARGO_TARGET_DIR", folder.join("target"));
    run::logged(STEP, "wasm-std", &mut cargo)?;
    Ok(folder.join("target").join(TARGET).join("release/deps"))
}
