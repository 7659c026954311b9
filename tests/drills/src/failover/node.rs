//! One PostgreSQL of the drill, the system's.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use stack::fault::{Done, Fault, In as _};
use stack::guard::Guard;
use stack::run;
use stack::service::Service;
use stack::tools::system;

const STEP: &str = "drill failover";
/// `nobody`: PostgreSQL does not run as root.
const UNPRIVILEGED: u32 = 65534;
/// The role that everything uses.
pub const ROLE: &str = "crossfade";

pub struct Node {
    pub name: &'static str,
    pub port: u16,
    folder: PathBuf,
    guard: Arc<Guard>,
    service: Option<Service>,
}

impl Node {
    pub fn new(name: &'static str, home: &Path, port: u16, guard: &Arc<Guard>) -> Self {
        Self {
            name,
            port,
            folder: home.join(name),
            guard: Arc::clone(guard),
            service: None,
        }
    }

    /// An empty server.
    pub fn initialise(&mut self) -> Done {
        self.empty()?;
        run::logged(
            STEP,
            &format!("{}-initdb", self.name),
            self.program("initdb")?.arg("-D").arg(&self.folder).args([
                "-U",
                ROLE,
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ]),
        )
    }

    /// A standby of `primary`, from a copy of it.
    pub fn copy_from(&mut self, primary: &Self) -> Done {
        self.stop(Signal::QUIT);
        self.empty()?;
        run::logged(
            STEP,
            &format!("{}-basebackup", self.name),
            self.program("pg_basebackup")?
                .arg("-D")
                .arg(&self.folder)
                .args([
                    "-h",
                    "127.0.0.1",
                    "-U",
                    ROLE,
                    "-R",
                    "-X",
                    "stream",
                    "-c",
                    "fast",
                    "--no-sync",
                ])
                .args(["-p", &primary.port.to_string()]),
        )
    }

    pub fn start(&mut self) -> Done {
        let mut command = self.program("postgres")?;
        command
            .arg("-D")
            .arg(&self.folder)
            .args(["-p", &self.port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=150",
            "wal_level=replica",
            "max_wal_senders=6",
            "hot_standby=on",
            "log_min_messages=warning",
        ] {
            command.args(["-c", setting]);
        }
        let mut service = Service::start(&self.guard, self.name, &mut command)?.stop_by(Signal::INT);
        service.wait_until(Duration::from_secs(60), || self.sql("SELECT 1").is_ok())?;
        self.service = Some(service);
        Ok(())
    }

    /// Ends it: `INT` breaks sessions off and writes everything, `QUIT` is a crash.
    pub fn stop(&mut self, how: Signal) {
        if let Some(service) = self.service.take() {
            drop(service.stop_by(how));
        }
    }

    pub fn promote(&self) -> Done {
        self.sql("SELECT pg_promote(true, 30)").map(drop)
    }

    /// What a statement answers.
    pub fn sql(&self, sql: &str) -> Done<String> {
        let mut command = self.program("psql")?;
        let output = command
            .args([
                "-h",
                "127.0.0.1",
                "-U",
                ROLE,
                "-d",
                "postgres",
                "-XAtq",
                "-v",
                "ON_ERROR_STOP=1",
            ])
            .args(["-p", &self.port.to_string(), "-c", sql])
            .env("PGCONNECT_TIMEOUT", "3")
            .output()
            .in_step(STEP)?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        } else {
            let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(Fault::new(STEP, format!("{}: {told}", self.name)))
        }
    }

    /// Waits until `sql` answers `wanted`.
    pub fn until(&self, sql: &str, wanted: &str) -> Done {
        let started = Instant::now();
        while !self.sql(sql).is_ok_and(|found| found == wanted) {
            if started.elapsed() > Duration::from_secs(60) {
                return Err(Fault::new(
                    STEP,
                    format!("{}: waited in vain for {sql}", self.name),
                ));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn empty(&self) -> Done {
        let _new = fs::remove_dir_all(&self.folder);
        fs::create_dir_all(&self.folder).in_step(STEP)?;
        own(&self.folder)?;
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&self.folder, fs::Permissions::from_mode(0o700)).in_step(STEP)
    }

    fn program(&self, name: &str) -> Done<Command> {
        let program =
            system::find(name).ok_or_else(|| Fault::new(STEP, format!("{name} is not installed")))?;
        Ok(unprivileged(Command::new(program)))
    }
}

/// Run as an ordinary user though we are root.
pub fn unprivileged(mut command: Command) -> Command {
    command.current_dir("/").env_remove("LC_ALL");
    if rustix::process::geteuid().is_root() {
        command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
    }
    command
}

/// Gives `path` to that user.
pub fn own(path: &Path) -> Done {
    if rustix::process::geteuid().is_root() {
        chown(path, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).in_step(STEP)?;
    }
    Ok(())
}
