//! Connections between two statements.

use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use tokio::sync::{OwnedMutexGuard, Semaphore};

/// A connection for one statement.
#[derive(Debug)]
pub struct Lent(OwnedMutexGuard<PoolConnection<Postgres>>);

impl Lent {
    /// Lends what nobody else holds, so this does not wait.
    pub(super) async fn new(shared: Arc<tokio::sync::Mutex<PoolConnection<Postgres>>>) -> Self {
        Self(shared.lock_owned().await)
    }
}

impl Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

/// After this long a connection goes back to sqlx once, which asks whether it answers and ends it at the end of its lifetime.
const TURN: Duration = Duration::from_secs(60);
/// What has not been used for this long goes back to sqlx, which closes what stays idle.
const IDLE: Duration = Duration::from_secs(30);

/// Connections whose last statement ended well, and whose turn it is to have one.
#[derive(Debug)]
pub struct Kept {
    plain: PgPool,
    /// One place for each connection that may be in use here. A few are left for those who ask sqlx.
    places: Semaphore,
    /// Who has a place and waits for sqlx: it gets whatever comes back, or it might wait while connections lie here.
    waiting: AtomicUsize,
    idle: Arc<Mutex<Vec<Connection>>>,
    /// Counts how often connections were distrusted.
    generation: AtomicUsize,
    watched: AtomicBool,
    keeps: bool,
}

#[derive(Debug)]
struct Connection {
    shared: Arc<tokio::sync::Mutex<PoolConnection<Postgres>>>,
    generation: usize,
    taken: Instant,
    last_used: Instant,
}

impl Connection {
    fn new(connection: PoolConnection<Postgres>, generation: usize) -> Self {
        let now = Instant::now();
        Self {
            shared: Arc::new(tokio::sync::Mutex::new(connection)),
            generation,
            taken: now,
            last_used: now,
        }
    }

    /// Runs `statement`. `Some` when the connection is as good afterwards as before.
    async fn run<T, F, Fut>(self, statement: F) -> (sqlx::Result<T>, Option<Self>)
    where
        F: FnOnce(Lent) -> Fut,
        Fut: Future<Output = sqlx::Result<T>>,
    {
        // If we are dropped in the middle, so is the last handle, and sqlx gets it.
        let lent = Lent::new(Arc::clone(&self.shared)).await;
        let answer = statement(lent).await;
        let good = answer.is_ok();
        (answer, good.then_some(self))
    }
}

impl Kept {
    pub(super) fn new(plain: PgPool, keeps: bool) -> Self {
        let most = plain.options().get_max_connections();
        let left = match most {
            _ if !keeps => 0,
            0..=1 => 0,
            2..=7 => 1,
            _ => 2,
        };
        let places = usize::try_from(most.saturating_sub(left)).unwrap_or(1);
        Self {
            plain,
            places: Semaphore::new(places),
            waiting: AtomicUsize::new(0),
            idle: Arc::default(),
            generation: AtomicUsize::new(0),
            watched: AtomicBool::new(false),
            // The only connection must not be withheld from those who ask sqlx.
            keeps: left > 0,
        }
    }

    /// Runs `statement` once; see [`super::Pool::once`].
    pub(in crate::postgres) async fn once<T, F, Fut>(
        &self,
        statement: F,
    ) -> Result<sqlx::Result<T>, sqlx::Error>
    where
        F: FnOnce(Lent) -> Fut,
        Fut: Future<Output = sqlx::Result<T>>,
    {
        let place = match self.places.try_acquire() {
            Ok(place) => place,
            Err(_) => {
                let patience = self.plain.options().get_acquire_timeout();
                tokio::time::timeout(patience, self.places.acquire())
                    .await
                    .map_err(|_| sqlx::Error::PoolTimedOut)?
                    .map_err(|_| sqlx::Error::PoolClosed)?
            }
        };
        let connection = match self.take() {
            Some(connection) => connection,
            None => {
                let generation = self.generation.load(Ordering::Relaxed);
                Connection::new(self.ask().await?, generation)
            }
        };
        let (answer, connection) = connection.run(statement).await;
        if let Some(connection) = connection {
            self.keep(connection);
        }
        drop(place);
        Ok(answer)
    }

    /// How many connections wait here for a statement.
    pub(super) fn idle(&self) -> usize {
        lock(&self.idle).len()
    }

    /// Gives every connection that is not in use back to sqlx.
    pub(super) fn release(&self) {
        drop(std::mem::take(&mut *lock(&self.idle)));
    }

    /// Ends every connection that is not in use, and keeps none of those that are: the server ended one, and the others may be on
    /// their way. sqlx asks those in use when they come back.
    pub(in crate::postgres) fn distrust(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
        let idle = std::mem::take(&mut *lock(&self.idle));
        for connection in idle.into_iter().filter_map(|kept| Arc::into_inner(kept.shared)) {
            drop(connection.into_inner().detach());
        }
    }

    fn take(&self) -> Option<Connection> {
        lock(&self.idle).pop()
    }

    async fn ask(&self) -> sqlx::Result<PoolConnection<Postgres>> {
        struct Waiting<'a>(&'a AtomicUsize);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        self.plain.acquire().await
    }

    fn keep(&self, mut connection: Connection) {
        let now = Instant::now();
        let is_due = now.duration_since(connection.taken) > TURN;
        let is_trusted = connection.generation == self.generation.load(Ordering::Relaxed);
        let is_wanted = self.plain.is_closed() || self.waiting.load(Ordering::Relaxed) > 0;
        if !self.keeps || is_due || !is_trusted || is_wanted {
            return;
        }
        connection.last_used = now;
        lock(&self.idle).push(connection);
        if !self.watched.swap(true, Ordering::Relaxed) {
            tokio::spawn(give_back_idle(Arc::downgrade(&self.idle)));
        }
    }
}

/// Gives back what nobody uses, as long as there is a pool.
async fn give_back_idle(idle: Weak<Mutex<Vec<Connection>>>) {
    loop {
        tokio::time::sleep(IDLE).await;
        let Some(idle) = idle.upgrade() else { return };
        let unused: Vec<Connection> = lock(&idle)
            .extract_if(.., |connection| connection.last_used.elapsed() > IDLE)
            .collect();
        drop(unused);
    }
}

fn lock(idle: &Mutex<Vec<Connection>>) -> std::sync::MutexGuard<'_, Vec<Connection>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
