//! Where the database is, and how a session with it begins.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use tokio::time::timeout;

/// How often the limit of an attempt is doubled when nothing answers in time.
const MAX_DOUBLINGS: u32 = 2;

/// The servers of one database.
#[derive(Debug, Clone)]
pub struct Servers {
    /// Tried in this order, the last good one first.
    pub list: Vec<PgConnectOptions>,
    /// Only one that takes writes will do.
    pub must_write: bool,
    /// How long one server, or one of its addresses, may take to let us in.
    pub attempt: Duration,
}

/// What a session is told at its beginning.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The server stops statements after this long.
    pub statement_timeout: Duration,
}

/// Opens sessions.
#[derive(Debug)]
pub struct Opening {
    servers: Servers,
    settings: Option<Settings>,
    last_good: AtomicUsize,
    /// The address that answered when the first one of its name was silent.
    address: Mutex<Option<(usize, IpAddr)>>,
    late: AtomicU32,
}

impl From<PgConnectOptions> for Servers {
    fn from(server: PgConnectOptions) -> Self {
        Self {
            list: vec![server],
            must_write: false,
            attempt: Duration::from_secs(20),
        }
    }
}

impl Servers {
    /// The same servers with other options.
    #[must_use]
    pub fn with(&self, change: impl Fn(PgConnectOptions) -> PgConnectOptions) -> Self {
        Self {
            list: self.list.iter().cloned().map(change).collect(),
            ..self.clone()
        }
    }

    /// The first server that lets us in, and takes writes if it must.
    ///
    /// # Errors
    /// Why the last one did not.
    pub async fn choose(&self) -> sqlx::Result<PgConnectOptions> {
        let opening = Opening::new(self.clone(), None);
        let connection = opening.open().await?;
        let _left = timeout(Duration::from_secs(1), connection.close()).await;
        let server = self.list.get(opening.last_good.load(Ordering::Relaxed));
        server.cloned().ok_or(sqlx::Error::PoolTimedOut)
    }

    /// A connection outside any pool, with the first server that lets us in.
    ///
    /// # Errors
    /// Why the last one did not.
    pub async fn connect(&self) -> sqlx::Result<PgConnection> {
        Opening::new(self.clone(), None).open().await
    }
}

impl Opening {
    /// Of `servers`; with `settings`, each session is given them at its beginning.
    #[must_use]
    pub const fn new(servers: Servers, settings: Option<Settings>) -> Self {
        Self {
            servers,
            settings,
            last_good: AtomicUsize::new(0),
            address: Mutex::new(None),
            late: AtomicU32::new(0),
        }
    }

    /// A session with the first server that lets us in, and takes writes if it must.
    ///
    /// # Errors
    /// Why the last one did not.
    pub async fn open(&self) -> sqlx::Result<PgConnection> {
        let count = self.servers.list.len();
        let first = self.last_good.load(Ordering::Relaxed);
        let mut failure = sqlx::Error::PoolTimedOut;
        for step in 0..count {
            let index = first.wrapping_add(step) % count.max(1);
            let Some(server) = self.servers.list.get(index) else {
                continue;
            };
            match self.open_at(index, server).await {
                Ok(connection) => {
                    self.last_good.store(index, Ordering::Relaxed);
                    self.late.store(0, Ordering::Relaxed);
                    return Ok(connection);
                }
                Err(error) => failure = error,
            }
        }
        if is_late(&failure) {
            self.late.fetch_add(1, Ordering::Relaxed);
        }
        Err(failure)
    }

    /// How long one address may take now: longer after attempts that ended without an answer, so that a distant server lets us in too.
    fn attempt(&self) -> Duration {
        let doublings = self.late.load(Ordering::Relaxed).min(MAX_DOUBLINGS);
        self.servers.attempt.saturating_mul(1 << doublings)
    }

    async fn open_at(&self, index: usize, server: &PgConnectOptions) -> sqlx::Result<PgConnection> {
        if let Some(address) = self.known_address(index) {
            match self.begin(&at(server, address)).await {
                Ok(connection) => return Ok(connection),
                Err(_) => self.know_address(None),
            }
        }
        let failure = match self.begin(server).await {
            Ok(connection) => return Ok(connection),
            Err(failure) => failure,
        };
        if !is_late(&failure) {
            return Err(failure);
        }
        // The system's resolver gave several addresses, perhaps, and the first of them is silent.
        for address in other_addresses(server, self.attempt()).await {
            if let Ok(connection) = self.begin(&at(server, address)).await {
                self.know_address(Some((index, address)));
                return Ok(connection);
            }
        }
        Err(failure)
    }

    fn known_address(&self, index: usize) -> Option<IpAddr> {
        let known = self.address.lock().unwrap_or_else(PoisonError::into_inner);
        known.filter(|(of, _)| *of == index).map(|(_, address)| address)
    }

    fn know_address(&self, address: Option<(usize, IpAddr)>) {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner) = address;
    }

    async fn begin(&self, server: &PgConnectOptions) -> sqlx::Result<PgConnection> {
        let limit = self.attempt();
        let begun = async {
            let mut connection = PgConnection::connect_with(server).await?;
            let must_write = self.servers.must_write;
            if self.settings.is_none() && !must_write {
                return Ok(connection);
            }
            if !self.is_writable(&mut connection).await? && must_write {
                return Err(sqlx::Error::Io(io::Error::other("this server takes no writes")));
            }
            Ok(connection)
        };
        match timeout(limit, begun).await {
            Ok(begun) => begun,
            Err(_) => {
                let text = format!("no session within {} ms", limit.as_millis());
                Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, text)))
            }
        }
    }

    /// Gives the session its settings and asks whether it may write, in one round trip.
    async fn is_writable(&self, connection: &mut PgConnection) -> sqlx::Result<bool> {
        let mut sql = String::new();
        if let Some(settings) = &self.settings {
            sql = settings.sql();
        }
        sql.push_str("SELECT current_setting('transaction_read_only')");
        let row = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(connection).await?;
        Ok(row.try_get::<&str, _>(0)? == "off")
    }
}

impl Settings {
    /// After the beginning, not as options of it: poolers let those pass only where they are told to, and then drop them.
    fn sql(&self) -> String {
        let statement = self.statement_timeout.as_millis();
        format!(
            "SET statement_timeout = {statement}; \
             SET idle_in_transaction_session_timeout = '10s'; \
             SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3; \
             SET tcp_user_timeout = 30000; "
        )
    }
}

fn is_late(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut)
}

fn at(server: &PgConnectOptions, address: IpAddr) -> PgConnectOptions {
    server.clone().host(&address.to_string())
}

/// The addresses behind the first one of the server's name. None where the certificate must bear the name: it is compared with what the
/// connection was asked for, and that is the address then.
async fn other_addresses(server: &PgConnectOptions, limit: Duration) -> Vec<IpAddr> {
    let is_local = server.get_socket().is_some() || server.get_host().starts_with('/');
    if is_local || matches!(server.get_ssl_mode(), PgSslMode::VerifyFull) {
        return Vec::new();
    }
    match timeout(
        limit,
        tokio::net::lookup_host((server.get_host(), server.get_port())),
    )
    .await
    {
        Ok(Ok(found)) => found.skip(1).map(|address| address.ip()).collect(),
        _ => Vec::new(),
    }
}
