//! LLVM's coverage tools, of the very version that rustc's own LLVM has: they read what rustc wrote, and the format changes.

use std::path::PathBuf;
use std::process::Command;

use crate::fault::{Done, Fault};
use crate::{paths, run};

const STEP: &str = "LLVM's coverage tools";

/// The two programs that a coverage report takes.
#[derive(Debug)]
pub struct Llvm {
    /// Reads what was executed.
    pub cov: PathBuf,
    /// Joins what several runs wrote.
    pub profdata: PathBuf,
}

/// Finds them beside rustc, asks rustup for them, or takes the system's of the same major version.
///
/// # Errors
/// How to get them, where none of that works.
pub fn find() -> Done<Llvm> {
    let rustc = |words: &[&str]| run::output(Command::new("rustc").args(words).current_dir(paths::root()));
    let described = rustc(&["-vV"]).unwrap_or_default();
    let field = |name: &str| described.lines().find_map(|line| line.strip_prefix(name));
    let (Some(host), Some(version), Some(sysroot)) = (
        field("host: "),
        field("LLVM version: "),
        rustc(&["--print", "sysroot"]),
    ) else {
        return Err(Fault::new(STEP, "`rustc -vV` does not say what LLVM it has"));
    };
    let own = PathBuf::from(sysroot).join("lib/rustlib").join(host).join("bin");
    let beside_rustc = || {
        let llvm = Llvm {
            cov: own.join("llvm-cov"),
            profdata: own.join("llvm-profdata"),
        };
        (llvm.cov.is_file() && llvm.profdata.is_file()).then_some(llvm)
    };
    if let Some(llvm) = beside_rustc() {
        return Ok(llvm);
    }
    let major = version.split('.').next().unwrap_or(version);
    if let Some(llvm) = of_the_system(major) {
        return Ok(llvm);
    }
    let mut rustup = Command::new("rustup");
    rustup
        .args(["component", "add", "llvm-tools"])
        .current_dir(paths::root());
    let asked = run::logged(STEP, "rustup-llvm-tools", &mut rustup);
    asked.ok().and_then(|()| beside_rustc()).ok_or_else(|| {
        Fault::new(STEP, format!("rustc's LLVM is {version}, and no tools of version {major} are here"))
            .hint(format!(
                "`rustup component add llvm-tools`; on Debian `apt-get install --no-install-recommends llvm-{major}`"
            ))
    })
}

/// `llvm-cov-22` and its like on `PATH`.
fn of_the_system(major: &str) -> Option<Llvm> {
    let path = std::env::var_os("PATH")?;
    let find = |name: &str| {
        std::env::split_paths(&path)
            .map(|folder| folder.join(format!("{name}-{major}")))
            .find(|program| program.is_file())
    };
    Some(Llvm {
        cov: find("llvm-cov")?,
        profdata: find("llvm-profdata")?,
    })
}
