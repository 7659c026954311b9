//! PostgreSQL from the npm package: a real server without an installation, run as an ordinary user even when we are root, which it
//! insists on.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use sha2::{Digest, Sha256};

use super::guard::Guard;
use super::service::Service;
use crate::fault::{Done, In as _};
use crate::tools::npm;
use crate::{paths, run};

const STEP: &str = "PostgreSQL";
const OWNER: &str = "crossfade";
/// `nobody`: exists on every system and owns nothing.
const UNPRIVILEGED: u32 = 65534;

/// How the server is to treat its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// As in production; the data stays between runs.
    Kept,
    /// For tests: never waits for the disk.
    Careless,
}

/// A server and where it lives.
#[derive(Debug)]
pub struct Postgres {
    binaries: PathBuf,
    data: PathBuf,
    port: u16,
    password: String,
    durability: Durability,
    as_root: bool,
}

impl Postgres {
    /// A server with its data under `.dev/NAME` (or beside the system's temporary files where the unprivileged user cannot enter the
    /// checkout), initialised if it is new or `fresh`.
    pub fn prepare(name: &str, port: u16, password: &str, durability: Durability, fresh: bool) -> Done<Self> {
        let as_root = rustix::process::geteuid().is_root();
        let home = home(as_root).join(name);
        let data = home.join("data");
        if fresh && home.exists() {
            fs::remove_dir_all(&home).in_step(STEP)?;
        }
        let binaries = binaries(as_root)?;
        let server = Self {
            binaries,
            data,
            port,
            password: password.to_owned(),
            durability,
            as_root,
        };
        if !server.data.join("PG_VERSION").exists() {
            // A half-made folder of an interrupted start.
            let _ = fs::remove_dir_all(&home);
            server.initialise(&home)?;
        }
        Ok(server)
    }

    /// Starts the server and waits until it accepts connections.
    pub fn start(&self, guard: &Arc<Guard>) -> Done<Service> {
        let mut command = self.program("postgres");
        command
            .arg("-D")
            .arg(&self.data)
            .args(["-p", &self.port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=200",
            "log_min_messages=warning",
        ] {
            command.args(["-c", setting]);
        }
        if self.durability == Durability::Careless {
            for setting in ["fsync=off", "synchronous_commit=off", "full_page_writes=off"] {
                command.args(["-c", setting]);
            }
        }
        // A server that was killed leaves its file behind, with `ready` in it.
        let status_file = self.data.join("postmaster.pid");
        let mut service = Service::start(guard, "postgres", &mut command)?.stop_by(Signal::INT);
        let pid = service.pid().to_string();
        service.wait_until(Duration::from_secs(30), || is_ready(&status_file, &pid))?;
        Ok(service)
    }

    /// The URL of database `name`.
    pub fn url(&self, name: &str) -> String {
        format!(
            "postgres://{OWNER}:{}@127.0.0.1:{}/{name}",
            self.password, self.port
        )
    }

    /// Removes the data; the server must have ended.
    pub fn remove(&self) {
        if let Some(home) = self.data.parent() {
            let _ = fs::remove_dir_all(home);
        }
    }

    fn initialise(&self, home: &Path) -> Done {
        fs::create_dir_all(home).in_step(STEP)?;
        let password_file = home.join("password");
        fs::write(&password_file, &self.password).in_step(STEP)?;
        fs::set_permissions(&password_file, fs::Permissions::from_mode(0o600)).in_step(STEP)?;
        if self.as_root {
            for path in [home, password_file.as_path()] {
                chown(path, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).in_step(STEP)?;
            }
        }
        // Under another name until it is whole: initdb writes PG_VERSION first, and we may be ended meanwhile.
        let half = home.join(format!("data-{}", std::process::id()));
        let mut command = self.program("initdb");
        command.arg("-D").arg(&half).args([
            "-U",
            OWNER,
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--auth=scram-sha-256",
        ]);
        command
            .arg(format!("--pwfile={}", password_file.display()))
            .arg("--no-sync");
        let made = run::logged(STEP, "initdb", &mut command);
        let _ = fs::remove_file(password_file);
        made?;
        fs::rename(half, &self.data).in_step(STEP)
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.binaries.join("bin").join(name));
        command.current_dir("/").env_remove("LC_ALL");
        if self.as_root {
            command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
        }
        command
    }
}

/// Ready = this very server wrote `ready` on the eighth line of its status file.
fn is_ready(status_file: &Path, pid: &str) -> bool {
    let text = fs::read_to_string(status_file).unwrap_or_default();
    let mut lines = text.lines();
    lines.next().is_some_and(|line| line.trim() == pid)
        && lines.nth(6).is_some_and(|line| line.trim() == "ready")
}

/// Where data and copied programs go: the checkout, unless the unprivileged user cannot enter it.
fn home(as_root: bool) -> PathBuf {
    let working = paths::working("");
    if !as_root || anyone_may_enter(&paths::root()) {
        return working;
    }
    let name: String = Sha256::digest(paths::root().as_os_str().as_encoded_bytes())
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    PathBuf::from("/var/tmp").join(format!("crossfade-{name}"))
}

/// The folder of `postgres` and `initdb`, for tests that start a server of their own.
pub fn programs() -> Done<PathBuf> {
    Ok(binaries(rustix::process::geteuid().is_root())?.join("bin"))
}

/// The folder with `bin` and `lib`.
fn binaries(as_root: bool) -> Done<PathBuf> {
    let native = npm::postgres_package().join("native");
    if !as_root || anyone_may_enter(&paths::root()) {
        return Ok(native);
    }
    let copy = home(as_root).join("postgres-programs");
    if !copy.join("bin/postgres").exists() {
        fs::create_dir_all(&copy).in_step(STEP)?;
        run::logged(
            STEP,
            "postgres-copy",
            Command::new("cp").arg("-a").arg(native.join(".")).arg(&copy),
        )?;
    }
    Ok(copy)
}

fn anyone_may_enter(path: &Path) -> bool {
    path.ancestors()
        .all(|folder| fs::metadata(folder).is_ok_and(|metadata| metadata.permissions().mode() & 0o001 != 0))
}
