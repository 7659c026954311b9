//! Programs of the operating system that tests and drills play against, where they are installed. The one list of them.

use std::path::{Path, PathBuf};

use crate::fault::{Done, Fault};

/// Programs, and the Debian package that brings them.
pub const PROGRAMS: [(&str, &str); 4] = [
    ("pg_ctl", "postgresql"),
    ("pg_basebackup", "postgresql"),
    ("pgbouncer", "pgbouncer"),
    ("haproxy", "haproxy"),
];

/// Where `program` is.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders.extend(newest_postgres());
    folders
        .into_iter()
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// The folder of PostgreSQL's server programs, which Debian keeps off `PATH`.
fn newest_postgres() -> Option<PathBuf> {
    let versions = std::fs::read_dir(Path::new("/usr/lib/postgresql")).ok()?;
    let newest = versions
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .max()?;
    Some(PathBuf::from(format!("/usr/lib/postgresql/{newest}/bin")))
}

/// Programs of either name that count limits for replicas, and the Debian package of the first.
const COUNTERS: ([&str; 2], &str) = (["redis-server", "valkey-server"], "redis-server");

/// Those that are not installed and that some test plays against, with their package.
pub fn missing() -> Vec<(&'static str, &'static str)> {
    let (names, package) = COUNTERS;
    let counts = names.iter().any(|program| find(program).is_some());
    let counter = (!counts).then_some((names[0], package));
    not_installed().into_iter().chain(counter).collect()
}

fn not_installed() -> Vec<(&'static str, &'static str)> {
    PROGRAMS
        .into_iter()
        .filter(|(program, _)| find(program).is_none())
        .collect()
}

/// Fails unless all are installed.
pub fn require(step: &str) -> Done {
    let missing = not_installed();
    if missing.is_empty() {
        return Ok(());
    }
    let (programs, mut packages): (Vec<&str>, Vec<&str>) = missing.into_iter().unzip();
    packages.sort_unstable();
    packages.dedup();
    Err(
        Fault::new(step, format!("not installed: {}", programs.join(", ")))
            .hint(format!("Debian: apt-get install {}", packages.join(" "))),
    )
}
