//! The database's servers, and how a session with one begins.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use tokio::time::timeout;

use crate::pooler::{Known, Pooler, Registration, SharedSessions, is_shared};

/// How often the limit of an attempt is doubled while no server answers in time.
const MAX_DOUBLINGS: u32 = 2;

/// Which of several servers are acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Any server that accepts a session.
    Any,
    /// The primary. If no server takes writes, readers also accept a primary that is read-only for a while.
    Primary,
    /// Only a server that takes writes.
    ReadWrite,
}

/// The servers of one database.
#[derive(Debug, Clone)]
pub struct Servers {
    /// Tried in this order, beginning with the last good one.
    pub list: Vec<PgConnectOptions>,
    /// Which of them are acceptable.
    pub role: Role,
    /// How long one server, or one of its addresses, may take to accept a session.
    pub attempt: Duration,
}

/// The settings of a session.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The server stops statements after this long.
    pub statement_timeout: Duration,
    /// Whether the session stays ours between two statements.
    pub pooler: Pooler,
}

/// A session that has begun.
#[derive(Debug)]
pub struct Begun {
    /// Its connection.
    pub connection: PgConnection,
    /// Its registered name, unless the session is shared.
    pub registration: Option<Registration>,
    /// Whether its server takes writes; not asked where any server is acceptable.
    takes_writes: bool,
}

/// Opens sessions.
#[derive(Debug)]
pub struct Opening {
    servers: Servers,
    settings: Option<Settings>,
    last_good: AtomicUsize,
    /// The address that answered when the name's first address was silent.
    address: Mutex<Option<(usize, IpAddr)>>,
    late: AtomicU32,
    /// Whether no server accepted the last session that was wanted.
    is_away: AtomicBool,
    /// Whether the check has shown that sessions stay ours.
    is_verified: AtomicBool,
    known: Arc<Known>,
}

impl From<PgConnectOptions> for Servers {
    fn from(server: PgConnectOptions) -> Self {
        Self {
            list: vec![server],
            role: Role::Any,
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

    /// The first acceptable server.
    ///
    /// # Errors
    /// The error of the last server.
    pub async fn choose(&self) -> sqlx::Result<PgConnectOptions> {
        let opening = Opening::new(self.clone(), None);
        let begun = opening.open().await?;
        let _left = timeout(Duration::from_secs(1), begun.connection.close()).await;
        let server = self.list.get(opening.last_good.load(Ordering::Relaxed));
        server.cloned().ok_or(sqlx::Error::PoolTimedOut)
    }

    /// A connection outside any pool, with the first acceptable server.
    ///
    /// # Errors
    /// The error of the last server.
    pub async fn connect(&self) -> sqlx::Result<PgConnection> {
        let begun = Opening::new(self.clone(), None).open().await?;
        Ok(begun.connection)
    }
}

impl Opening {
    /// Opens sessions with `servers`; each session gets `settings` at its beginning, if there are any.
    #[must_use]
    pub fn new(servers: Servers, settings: Option<Settings>) -> Self {
        Self {
            servers,
            settings,
            last_good: AtomicUsize::new(0),
            address: Mutex::new(None),
            late: AtomicU32::new(0),
            is_away: AtomicBool::new(false),
            is_verified: AtomicBool::new(false),
            known: Arc::default(),
        }
    }

    /// The prefix of every statement, where each statement is a transaction of its own.
    pub(super) fn transaction(&self) -> Option<Arc<str>> {
        let settings = self.settings.as_ref()?;
        (settings.pooler == Pooler::Transaction).then(|| {
            let statement = settings.statement_timeout.as_millis();
            Arc::from(format!(
                "BEGIN; SET LOCAL statement_timeout = {statement}; SET LOCAL idle_in_transaction_session_timeout = '10s'"
            ))
        })
    }

    /// A session with the first acceptable server.
    ///
    /// # Errors
    /// The error of the last server.
    pub async fn open(&self) -> sqlx::Result<Begun> {
        let count = self.servers.list.len();
        let first = self.last_good.load(Ordering::Relaxed);
        let mut failure = sqlx::Error::PoolTimedOut;
        let mut for_readers = None;
        let mut reasons = Vec::with_capacity(count);
        for step in 0..count {
            let index = first.wrapping_add(step) % count.max(1);
            let Some(server) = self.servers.list.get(index) else {
                continue;
            };
            match self.open_at(index, server).await {
                Ok(begun) if begun.takes_writes => {
                    self.last_good.store(index, Ordering::Relaxed);
                    self.late.store(0, Ordering::Relaxed);
                    self.tell_back();
                    return Ok(begun);
                }
                Ok(begun) => for_readers = for_readers.or(Some(begun)),
                Err(error) => {
                    reasons.push(format!("{}: {error}", index.saturating_add(1)));
                    failure = error;
                }
            }
        }
        if let Some(begun) = for_readers {
            self.tell_back();
            return Ok(begun);
        }
        self.tell_away(&reasons);
        if is_late(&failure) {
            self.late.fetch_add(1, Ordering::Relaxed);
        }
        Err(failure)
    }

    /// Tells once that the database is away, and what each server says: a request's own line names the last one only.
    fn tell_away(&self, reasons: &[String]) {
        if self.settings.is_some() && !self.is_away.swap(true, Ordering::Relaxed) {
            let servers = reasons.join("; ");
            tracing::warn!(servers, "no server of the database accepts a session");
        }
    }

    fn tell_back(&self) {
        if self.is_away.swap(false, Ordering::Relaxed) {
            tracing::info!("the database accepts sessions again");
        }
    }

    /// How long one address may take now: longer after attempts that timed out, to reach a distant server too.
    fn attempt(&self) -> Duration {
        let doublings = self.late.load(Ordering::Relaxed).min(MAX_DOUBLINGS);
        self.servers.attempt.saturating_mul(1 << doublings)
    }

    async fn open_at(&self, index: usize, server: &PgConnectOptions) -> sqlx::Result<Begun> {
        if let Some(address) = self.known_address(index) {
            match self.begin(&at(server, address)).await {
                Ok(begun) => return Ok(begun),
                Err(_) => self.know_address(None),
            }
        }
        let failure = match self.begin(server).await {
            Ok(begun) => return Ok(begun),
            Err(failure) => failure,
        };
        if !is_late(&failure) {
            return Err(failure);
        }
        // The system's resolver may have given several addresses, and the first of them is silent.
        for address in other_addresses(server, self.attempt()).await {
            if let Ok(begun) = self.begin(&at(server, address)).await {
                self.know_address(Some((index, address)));
                return Ok(begun);
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

    async fn begin(&self, server: &PgConnectOptions) -> sqlx::Result<Begun> {
        let limit = self.attempt();
        let late = |_| {
            let text = format!("no session within {} ms", limit.as_millis());
            sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, text))
        };
        let connected = timeout(limit, PgConnection::connect_with(server)).await;
        let mut connection = connected.map_err(late)??;
        if self.stays_ours() && !self.is_verified.load(Ordering::Relaxed) {
            self.verify(&mut connection, server).await?;
        }
        let (registration, takes_writes) = timeout(limit, self.settle(&mut connection, server))
            .await
            .map_err(late)??;
        Ok(Begun {
            connection,
            registration,
            takes_writes,
        })
    }

    /// Whether the server reports the session `name` at work.
    pub(super) async fn is_at_work(&self, name: &str) -> sqlx::Result<bool> {
        let mut begun = self.open().await?;
        let found = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE state = 'active' \
             AND pid::text || ' ' || pg_postmaster_start_time()::text = $1)",
        )
        .bind(name)
        .fetch_one(&mut begun.connection)
        .await;
        let _left = timeout(Duration::from_secs(1), begun.connection.close()).await;
        found
    }

    fn stays_ours(&self) -> bool {
        self.settings
            .as_ref()
            .is_some_and(|settings| settings.pooler == Pooler::Session)
    }

    async fn verify(&self, connection: &mut PgConnection, server: &PgConnectOptions) -> sqlx::Result<()> {
        if is_shared(connection, server).await? {
            self.is_verified.store(false, Ordering::Relaxed);
            return Err(SharedSessions::error());
        }
        self.is_verified.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Sets the session's settings and reads its name and whether it may write, in one round trip.
    async fn settle(
        &self,
        connection: &mut PgConnection,
        server: &PgConnectOptions,
    ) -> sqlx::Result<(Option<Registration>, bool)> {
        let role = self.servers.role;
        if self.settings.is_none() && role == Role::Any {
            return Ok((None, true));
        }
        let mut sql = String::new();
        if let Some(settings) = self.settings.as_ref().filter(|_| self.stays_ours()) {
            sql = settings.sql();
        }
        sql.push_str(
            "SELECT current_setting('transaction_read_only'), \
                    pg_backend_pid()::text || ' ' || pg_postmaster_start_time()::text, \
                    pg_is_in_recovery()",
        );
        let row = sqlx::raw_sql(AssertSqlSafe(sql))
            .fetch_one(&mut *connection)
            .await?;
        let takes_writes = role == Role::Any || row.try_get::<&str, _>(0)? == "off";
        // `t` or `f`: the simple protocol answers in text.
        if !takes_writes && (role == Role::ReadWrite || row.try_get_unchecked::<&str, _>(2)? == "t") {
            return Err(sqlx::Error::Io(io::Error::other("this server takes no writes")));
        }
        if !self.stays_ours() {
            return Ok((None, takes_writes));
        }
        let (registration, is_alone) = self.known.note(row.try_get::<&str, _>(1)?);
        if !is_alone {
            // Two of our connections are in one session: a pooler shares it, unless the other connection has just ended.
            self.verify(connection, server).await?;
        }
        Ok((Some(registration), takes_writes))
    }
}

impl Settings {
    /// The settings are sent after the beginning, not as start-up options: most poolers refuse or drop those.
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

/// The further addresses behind the server's name. None where the certificate must bear the name: TLS compares it with the requested host,
/// which would be the address.
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
