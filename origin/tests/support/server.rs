//! A PostgreSQL of the test's own, which it may restart.
// Each test binary takes what it needs.
#![allow(dead_code)]

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::wait::{signal, until};

/// `nobody`: PostgreSQL does not run as root.
const UNPRIVILEGED: u32 = 65534;

/// How a server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Sessions end and everything is written: an ordinary restart.
    Fast,
    /// At once, like a crash: the next start recovers.
    Crash,
}

/// A running server; dropping the value ends and removes it.
pub struct Server {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    child: Child,
    /// The folder of the C library's locales, if not the usual one.
    locales: Option<PathBuf>,
}

impl Server {
    /// A new server on a free port.
    pub async fn start() -> Self {
        Self::of(programs()).await
    }

    /// A new server with the C library's locales in the folder `locales`.
    pub async fn with_locales(locales: PathBuf) -> Self {
        Self::new(programs(), Some(locales)).await
    }

    /// A new server of the version in the folder `programs`, which has its `initdb` and `postgres`.
    pub async fn of(programs: PathBuf) -> Self {
        Self::new(programs, None).await
    }

    async fn new(programs: PathBuf, locales: Option<PathBuf>) -> Self {
        let folder = std::env::temp_dir().join(format!("crossfade-server-{}", Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        if is_root(&folder) {
            chown(&folder, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).unwrap();
        }
        let made = command(&programs, "initdb", &folder)
            .args([
                "-U",
                "tester",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ])
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success(), "initdb: {made}");
        let port = free_port();
        let child = serve(&programs, &folder, port, locales.as_deref());
        let mut server = Self {
            programs,
            folder,
            port,
            child,
            locales,
        };
        server.until_ready().await;
        server
    }

    /// Its only database.
    pub fn url(&self) -> String {
        format!("postgres://tester@127.0.0.1:{}/postgres", self.port)
    }

    /// A streaming standby of it, from a copy of its files. Restarts the server for that.
    pub async fn standby(&mut self) -> Self {
        signal(self.child.id(), "INT");
        until("PostgreSQL ends", async || {
            self.child.try_wait().unwrap().is_some()
        })
        .await;
        let folder = std::env::temp_dir().join(format!("crossfade-standby-{}", Uuid::new_v4()));
        let copied = Command::new("cp")
            .arg("-a")
            .args([&self.folder, &folder])
            .status()
            .unwrap();
        assert!(copied.success(), "cp: {copied}");
        self.child = self.serve();
        self.until_ready().await;
        let follows = format!(
            "primary_conninfo = 'host=127.0.0.1 port={} user=tester'\nwal_receiver_status_interval = 1\n",
            self.port
        );
        std::fs::write(folder.join("data/postgresql.auto.conf"), follows).unwrap();
        std::fs::write(folder.join("data/standby.signal"), "").unwrap();
        let port = free_port();
        let locales = self.locales.clone();
        let child = serve(&self.programs, &folder, port, locales.as_deref());
        let mut standby = Self {
            programs: self.programs.clone(),
            folder,
            port,
            child,
            locales,
        };
        standby.until_ready().await;
        standby
    }

    /// Runs a statement.
    pub async fn execute(&self, sql: &str) {
        let mut connection = PgConnection::connect(&self.url()).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()))
            .execute(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Ends it at once and for good.
    pub fn kill(&mut self) {
        signal(self.child.id(), "QUIT");
        let _ended = self.child.wait();
    }

    /// Ends it and starts it again.
    pub async fn restart(&mut self, ending: Ending) {
        signal(
            self.child.id(),
            if ending == Ending::Fast { "INT" } else { "QUIT" },
        );
        until("PostgreSQL ends", async || {
            self.child.try_wait().unwrap().is_some()
        })
        .await;
        self.child = self.serve();
        self.until_ready().await;
    }

    fn serve(&self) -> Child {
        serve(&self.programs, &self.folder, self.port, self.locales.as_deref())
    }

    /// Starts it again if it failed: another process, or the server's old one, may have had its port for a moment.
    async fn until_ready(&mut self) {
        let url = self.url();
        until("PostgreSQL answers", async || {
            if self.child.try_wait().unwrap().is_some() {
                self.child = self.serve();
            }
            match PgConnection::connect(&url).await {
                Ok(connection) => connection.close().await.is_ok(),
                Err(_) => false,
            }
        })
        .await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            self.kill();
        }
        let _removed = std::fs::remove_dir_all(&self.folder);
    }
}

fn programs() -> PathBuf {
    std::env::var_os("TEST_POSTGRES_PROGRAMS").map(PathBuf::from).expect(
        "TEST_POSTGRES_PROGRAMS is not set: this test starts a PostgreSQL of its own (`cargo xtask test` sets it)",
    )
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn serve(programs: &Path, folder: &Path, port: u16, locales: Option<&Path>) -> Child {
    let mut server = command(programs, "postgres", folder);
    server.envs(locales.map(|locales| ("LOCPATH", locales)));
    server.args(["-p", &port.to_string()]);
    for setting in [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "fsync=off",
    ] {
        server.args(["-c", setting]);
    }
    // The test causes the interrupted sessions; the server's messages about them are no news.
    server.stderr(Stdio::null()).spawn().unwrap()
}

fn command(programs: &Path, name: &str, folder: &Path) -> Command {
    let mut command = Command::new(programs.join(name));
    command
        .arg("-D")
        .arg(folder.join("data"))
        .current_dir("/")
        .env_remove("LC_ALL");
    if is_root(folder) || std::fs::metadata(folder).is_ok_and(|folder| folder.uid() == UNPRIVILEGED) {
        command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
    }
    command
}

/// Whether the test runs as root: the owner of a folder is its maker.
fn is_root(folder: &Path) -> bool {
    std::fs::metadata(folder).is_ok_and(|folder| folder.uid() == 0)
}
