//! PgBouncer before the tests' PostgreSQL: the first one on `PATH`, or the system's.
// Each test binary takes what it needs.
#![allow(dead_code)]

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use uuid::Uuid;

use crate::wait::{signal, until};

/// `nobody`: PgBouncer does not run as root.
const UNPRIVILEGED: u32 = 65534;

/// The first version that can hold prepared statements for clients that share sessions.
const PREPARES: (u32, u32) = (1, 21);

/// The ways in which a pooler can treat prepared statements of clients that share sessions, as settings.
///
/// Before 1.21 there is one way, and a line says which ones were not tested.
pub fn ways_to_prepare() -> &'static [&'static str] {
    let Some((program, version)) = installed() else {
        return &[];
    };
    let (major, minor) = version;
    eprintln!("{}: PgBouncer {major}.{minor}", program.display());
    if version < PREPARES {
        eprintln!("not shown: PgBouncer from 1.21 on, which can hold prepared statements");
        return &[""];
    }
    &["max_prepared_statements = 0\n", "max_prepared_statements = 100\n"]
}

fn installed() -> Option<(PathBuf, (u32, u32))> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/usr/bin", "/usr/local/bin"].map(PathBuf::from);
    let program = std::env::split_paths(&path)
        .chain(system)
        .map(|folder| folder.join("pgbouncer"))
        .find(|file| file.is_file());
    let Some(program) = program else {
        eprintln!("not shown: PgBouncer is not installed (Debian: pgbouncer)");
        return None;
    };
    let told = Command::new(&program).arg("--version").output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let version = told.split_whitespace().nth(1).unwrap_or_default();
    let mut numbers = version.split('.').map(|number| number.parse().unwrap());
    Some((program, (numbers.next().unwrap(), numbers.next().unwrap())))
}

/// A running pooler; dropping the value ends and removes it.
pub struct PgBouncer {
    folder: PathBuf,
    address: SocketAddr,
    child: Child,
}

impl PgBouncer {
    /// A pooler in `mode`, with so many sessions and these settings, before the server of `url`. `None` where PgBouncer is not installed.
    pub async fn before(url: &str, mode: &str, sessions: u32, settings: &str) -> Option<Self> {
        let (program, _) = installed()?;
        let server = reqwest::Url::parse(url).unwrap();
        let folder = std::env::temp_dir().join(format!("crossfade-pooler-{}", Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let password = server
            .password()
            .map(|password| format!(" password={password}"))
            .unwrap_or_default();
        let given = format!(
            "[databases]\n* = host={} port={} user={}{password}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\n\
             auth_type = any\npool_mode = {mode}\ndefault_pool_size = {sessions}\nmax_client_conn = 300\nunix_socket_dir =\n",
            server.host_str().unwrap(),
            server.port().unwrap_or(5432),
            server.username(),
            address.port(),
        );
        // As the usual advice for such programs: PgBouncer ignores the parameters and does not set them.
        let ignored = match mode {
            "transaction" => "ignore_startup_parameters = options,extra_float_digits\n",
            _ => "",
        };
        let file = folder.join("pgbouncer.ini");
        std::fs::write(&file, given + ignored + settings).unwrap();
        let mut command = Command::new(program);
        command
            .arg(&file)
            .current_dir("/")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if std::fs::metadata(&folder).unwrap().uid() == 0 {
            for path in [&folder, &file] {
                chown(path, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).unwrap();
            }
            command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
        }
        let child = command.spawn().unwrap();
        until("PgBouncer listens", async || TcpStream::connect(address).is_ok()).await;
        Some(Self {
            folder,
            address,
            child,
        })
    }

    /// `url`, through the pooler.
    pub fn url(&self, url: &str) -> String {
        let mut url = reqwest::Url::parse(url).unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(self.address.port())).unwrap();
        url.to_string()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        signal(self.child.id(), "KILL");
        let _ended = self.child.wait();
        let _removed = std::fs::remove_dir_all(&self.folder);
    }
}
