//! The pool: sessions with the database, and statements with a time limit of the pool's own.

mod connections;
mod judging;
mod opening;
mod queue;
mod session;
mod state;

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, PgPool};
use tokio::time::timeout;

use crate::ending::{Ending, late, unheard};
use crate::error::DatabaseError;
use crate::pooler::SharedSessions;
use crate::servers::{Opening, Servers};
use state::{Connections, Lease};

pub use queue::Purpose;
pub use session::Borrowed;
pub use state::Limits;

/// After this long without an answer to a statement, the pool doubts the server: sessions that have been silent for as long are probed
/// before use.
const DOUBTFUL: Duration = Duration::from_secs(1);
/// Writes and locks nothing, and fails where a write would fail: the pool then drops a session that may not write and probes a fresh one.
const REFUSED_WHERE_WRITES_ARE: &str = "DO $$ BEGIN IF current_setting('transaction_read_only') = 'on' THEN \
     RAISE read_only_sql_transaction; END IF; END $$";
/// Whether a commit has waited for a synchronous standby for more than a second. A role sees this of its own sessions.
pub const A_COMMIT_WAITS_FOR_A_STANDBY: &str = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep' \
     AND state_change < clock_timestamp() - interval '1 second')";
/// How long an answer that the server has sent may take to arrive.
const ON_ITS_WAY: Duration = Duration::from_millis(250);
/// How often a repeatable statement is run. After a restart of the server every session is over; the pool drops all of them with the first.
const MAX_ATTEMPTS: u32 = 3;

/// How the database handles writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// It accepts them.
    Taken,
    /// It refuses them: a standby, or a server that is read-only for now.
    Refused,
    /// It accepts them, and their commits wait for a synchronous standby that does not answer.
    Hang,
}

/// Sessions with the database. Cheap to clone; clones share them. Statements go through [`crate::run`], [`crate::read`] or
/// [`Pool::once`].
#[derive(Clone)]
pub struct Pool(Arc<Parts>);

/// A future without its type. The compiler proves a dozen times for each handler that threads may share its future, and looks through all
/// futures within: here it stops.
type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
/// What is to be done with a connection.
type Statement<'a, T> = Box<dyn FnOnce(Borrowed) -> Boxed<'a, sqlx::Result<T>> + Send + 'a>;

struct Parts {
    connections: Arc<Connections>,
    /// The prefix of every statement, where each statement is a transaction of its own.
    transaction: Option<Arc<str>>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.0.connections.limits).finish()
    }
}

/// A separate pool of the same size on the same server. Its only limit is a minute for a statement.
impl From<PgPool> for Pool {
    fn from(other: PgPool) -> Self {
        let servers = Servers::from(PgPool::connect_options(&other).as_ref().clone());
        let limits = Limits {
            sessions: other.options().get_max_connections(),
            acquire: other.options().get_acquire_timeout(),
            statement: Duration::from_secs(60),
        };
        Self::new(Opening::new(servers, None), limits)
    }
}

impl Pool {
    /// A pool that connects when a session is first wanted.
    #[must_use]
    pub fn new(opening: Opening, limits: Limits) -> Self {
        Self(Arc::new(Parts {
            transaction: opening.transaction(),
            connections: Connections::new(opening, limits),
        }))
    }

    /// Runs `statement` once.
    ///
    /// # Errors
    /// Outer: the pool had no session, and nothing was sent. Inner: the error of `statement`, or its timeout.
    pub async fn once<T, F, Fut>(&self, statement: F) -> Result<sqlx::Result<T>, DatabaseError>
    where
        T: Send,
        F: FnOnce(Borrowed) -> Fut + Send,
        Fut: Future<Output = sqlx::Result<T>> + Send,
    {
        let (answer, _) = self.attempt(Purpose::Write, boxed(statement)).await?;
        Ok(answer)
    }

    /// Runs `statement`, and again on a fresh session if its own turned out to be over. The statement must be repeatable.
    pub(super) async fn repeatedly<T, F, Fut>(
        &self,
        purpose: Purpose,
        mut statement: F,
    ) -> Result<T, DatabaseError>
    where
        T: Send,
        F: FnMut(Borrowed) -> Fut + Send,
        Fut: Future<Output = sqlx::Result<T>> + Send,
    {
        let mut attempt = 1;
        loop {
            match self.attempt(purpose, boxed(&mut statement)).await? {
                (Ok(value), _) => return Ok(value),
                (Err(_), ending) if attempt < MAX_ATTEMPTS && ending.may_fare_better_on_a_fresh_session() => {
                    attempt = attempt.saturating_add(1);
                }
                (Err(error), _) => return Err(error.into()),
            }
        }
    }

    /// Runs `work` in a transaction, which may take `limit` in all.
    ///
    /// # Errors
    /// The transaction is rolled back, or it is unknown whether it took effect.
    pub async fn transaction<T, F, Fut>(&self, limit: Duration, work: F) -> Result<T, DatabaseError>
    where
        T: Send,
        F: FnOnce(Borrowed) -> Fut + Send,
        Fut: Future<Output = sqlx::Result<T>> + Send,
    {
        let work = boxed(work);
        let answered: Boxed<'_, _> = Box::pin(async move {
            let connections = &self.0.connections;
            let mut lease = connections.acquire(Purpose::Write).await?;
            let begin = self.0.transaction.clone().unwrap_or_else(|| Arc::from("BEGIN"));
            let work = perform_in(&mut lease, begin, self.0.transaction.is_some(), work);
            let answer = limited(connections, limit, None, work).await;
            connections.end(lease, Ending::of_answer(&answer));
            Ok(answer?)
        });
        answered.await
    }

    /// How the database handles writes now. The question uses a reader's session: while commits hang, writers have no place.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn writes(&self) -> Result<Writes, DatabaseError> {
        let answer = self
            .repeatedly(Purpose::Read, |mut connection| async move {
                sqlx::query(REFUSED_WHERE_WRITES_ARE)
                    .execute(&mut *connection)
                    .await?;
                sqlx::query_scalar(A_COMMIT_WAITS_FOR_A_STANDBY)
                    .fetch_one(&mut *connection)
                    .await
            })
            .await;
        match answer {
            Ok(false) => Ok(Writes::Taken),
            Ok(true) => Ok(Writes::Hang),
            Err(error) if error.is_read_only() => Ok(Writes::Refused),
            Err(error) => Err(error),
        }
    }

    /// How many sessions are open, and how many of them are idle.
    #[must_use]
    pub fn count(&self) -> (usize, usize) {
        self.0.connections.count()
    }

    /// Whether a pooler gives our sessions to others although it is configured not to. Also `false` while the database cannot be reached:
    /// the check then runs before the first statement.
    pub async fn has_shared_sessions(&self) -> bool {
        match self.0.connections.opening.open().await {
            Ok(_) => false,
            Err(error) => SharedSessions::is(&error),
        }
    }

    /// Closes every session; those in use are closed as soon as they are free.
    pub async fn close(&self) {
        self.0.connections.close().await;
    }

    /// Runs `statement` within the pool's limit, and says what became of its session.
    fn attempt<'a, T: Send + 'a>(
        &'a self,
        purpose: Purpose,
        statement: Statement<'a, T>,
    ) -> Boxed<'a, Result<(sqlx::Result<T>, Ending), DatabaseError>> {
        Box::pin(async move {
            let connections = &self.0.connections;
            let mut lease = connections.acquire(purpose).await?;
            let name = lease.name();
            let work = self.perform(&mut lease, statement);
            let answer = limited(connections, connections.limits.statement, name, work).await;
            let ending = Ending::of_answer(&answer);
            connections.end(lease, ending);
            Ok((answer, ending))
        })
    }

    async fn perform<T: Send>(&self, lease: &mut Lease, statement: Statement<'_, T>) -> sqlx::Result<T> {
        match &self.0.transaction {
            None => statement(lease.lend()?).await,
            Some(begin) => perform_in(lease, Arc::clone(begin), true, statement).await,
        }
    }
}

fn boxed<'a, T, F, Fut>(statement: F) -> Statement<'a, T>
where
    F: FnOnce(Borrowed) -> Fut + Send + 'a,
    Fut: Future<Output = sqlx::Result<T>> + Send + 'a,
{
    Box::new(|connection| Box::pin(statement(connection)))
}

/// Runs `work` in a transaction. With `is_shared`, none of its prepared statements stays in the session.
async fn perform_in<T: Send>(
    lease: &mut Lease,
    begin: Arc<str>,
    is_shared: bool,
    work: Statement<'_, T>,
) -> sqlx::Result<T> {
    sqlx::raw_sql(AssertSqlSafe(begin))
        .execute(&mut *lease.lend()?)
        .await?;
    let answer = work(lease.lend()?).await;
    let end = match &answer {
        Ok(_) => "COMMIT",
        Err(error) if Ending::of(error) == Ending::Kept => "ROLLBACK",
        Err(_) => return answer,
    };
    let mut connection = lease.lend()?;
    if is_shared {
        connection.clear_cached_statements().await?;
    }
    sqlx::raw_sql(end).execute(&mut *connection).await?;
    answer
}

/// The answer of `work` within `limit`. After `DOUBTFUL` the pool asks the server over another connection whether the session `name` is at
/// work. If it is not, the statement or its answer was lost.
async fn limited<T>(
    connections: &Connections,
    limit: Duration,
    name: Option<Arc<str>>,
    work: impl Future<Output = sqlx::Result<T>>,
) -> sqlx::Result<T> {
    let mut work = pin!(work);
    if let Ok(answer) = timeout(limit.min(DOUBTFUL), work.as_mut()).await {
        return answer;
    }
    connections.suspect();
    let rest = timeout(limit.saturating_sub(DOUBTFUL), work.as_mut());
    tokio::select! {
        biased;
        answer = rest => return answer.unwrap_or_else(|_| Err(late(limit))),
        () = connections.is_unheard(name) => {}
    }
    // The statement may have ended while the pool asked.
    timeout(ON_ITS_WAY, work).await.unwrap_or_else(|_| Err(unheard()))
}
