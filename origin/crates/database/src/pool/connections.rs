//! The connection cache: idle sessions, and the queue of statements that wait for one.
//!
//! Not sqlx's pool: that one probes every returned connection, which costs one more round trip for each statement and has no time limit; a
//! peer that is silently gone then takes a place of the pool for good. This cache reuses a connection without a probe after a statement
//! that ended well, and never again after a statement without an answer in time.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use sqlx::Connection as _;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use super::queue::Purpose;
use super::session::Session;
use super::state::{Connections, Lease, Limits, State};
use crate::error::DatabaseError;
use crate::servers::Opening;

/// A session that was idle for this long is probed before use.
const ASKED_AFTER: Duration = Duration::from_secs(15);
/// How long a session may take to answer the probe.
const ASKED_FOR: Duration = Duration::from_secs(1);
/// Idle sessions are closed after this long: firewalls and load balancers forget connections after four minutes and more.
const IDLE: Duration = Duration::from_secs(180);
/// How long the goodbye to the server may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// How long the pool waits for its sessions to end when it is closed.
const CLOSING: Duration = Duration::from_secs(10);
/// How many statements may wait for a session. Beyond this, callers are told to come back.
const MAX_WAITING: usize = 8192;

impl Connections {
    pub fn new(opening: Opening, limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            opening,
            limits,
            state: Mutex::default(),
            hanging: AtomicUsize::new(0),
            asking: tokio::sync::Mutex::new(()),
            ended: Notify::new(),
        })
    }

    /// A session for one statement.
    ///
    /// # Errors
    /// No session was free in time. Nothing was sent.
    pub async fn acquire(self: &Arc<Self>, purpose: Purpose) -> Result<Lease, DatabaseError> {
        let mut lease = self.next(purpose).await?;
        if !self.is_in_doubt(&lease) {
            return Ok(lease);
        }
        let asked = Instant::now();
        let there = async { lease.lend()?.ping().await };
        if let Ok(Ok(())) = timeout(ASKED_FOR, there).await {
            return Ok(lease);
        }
        lease.close();
        // Drop the other sessions that have been silent for as long: they ended in the same way.
        let silent = self.lock().take_idle(|session| session.answered < asked);
        self.let_go(silent);
        self.next(purpose).await
    }

    async fn next(self: &Arc<Self>, purpose: Purpose) -> Result<Lease, DatabaseError> {
        let (ticket, answer) = {
            let mut state = self.lock();
            if state.is_closed {
                return Err(sqlx::Error::PoolClosed.into());
            }
            if let Some(session) = state.take(purpose, self.writers()) {
                drop(state);
                return Ok(Lease::new(Arc::clone(self), purpose, session));
            }
            if state.queue.len() >= MAX_WAITING {
                return Err(sqlx::Error::PoolTimedOut.into());
            }
            let (sender, answer) = oneshot::channel();
            let ticket = state.queue.join(purpose, sender);
            (ticket, answer)
        };
        let _leaves = Leaves {
            connections: self,
            purpose,
            ticket,
        };
        self.open_as_needed();
        match timeout(self.limits.acquire, answer).await {
            Ok(Ok(lease)) => Ok(lease),
            Ok(Err(_)) => Err(sqlx::Error::PoolClosed.into()),
            Err(_) => Err(self.unavailable()),
        }
    }

    fn unavailable(&self) -> DatabaseError {
        match &self.lock().failure {
            Some(failure) => DatabaseError::Unavailable(Arc::clone(failure)),
            None => sqlx::Error::PoolTimedOut.into(),
        }
    }

    fn is_in_doubt(&self, lease: &Lease) -> bool {
        let Some(answered) = lease.answered() else {
            return false;
        };
        answered.elapsed() > ASKED_AFTER || self.lock().suspected.is_some_and(|moment| answered < moment)
    }

    /// Takes `session` back, for the next statement in the queue or for later.
    pub fn put_back(self: &Arc<Self>, session: Session, purpose: Purpose) {
        self.offer(session, Some(purpose));
    }

    pub(super) fn offer(self: &Arc<Self>, mut session: Session, mut released: Option<Purpose>) {
        loop {
            let mut state = self.lock();
            if let Some(purpose) = released.take() {
                state.released(purpose);
            }
            let is_good = session.generation == state.generation && session.retires > Instant::now();
            if state.is_closed || !is_good {
                drop(state);
                self.say_goodbye(session);
                return self.forget(None);
            }
            let is_full = state.writing >= self.writers();
            let Some((purpose, waiter)) = state.queue.first(is_full) else {
                state.idle.push(session);
                let watch = !std::mem::replace(&mut state.is_watched, true);
                drop(state);
                if watch {
                    tokio::spawn(close_idle(Arc::downgrade(self)));
                }
                return;
            };
            state.took(purpose);
            drop(state);
            // A waiter that has just given up drops its lease, which returns the session.
            let lease = Lease::new(Arc::clone(self), purpose, session);
            match waiter.send(lease) {
                Ok(()) => return,
                Err(mut lease) => match lease.take_unused() {
                    Some(unused) => session = unused,
                    None => return,
                },
            }
            released = Some(purpose);
        }
    }

    /// Notes that a session has ended; another may be opened in its place.
    pub fn forget(self: &Arc<Self>, purpose: Option<Purpose>) {
        {
            let mut state = self.lock();
            if let Some(purpose) = purpose {
                state.released(purpose);
            }
            state.open = state.open.saturating_sub(1);
        }
        self.ended.notify_waiters();
        self.open_as_needed();
    }

    /// The caller of the statement hung up. The session keeps its place until the server has finished the statement or would have stopped
    /// it: otherwise callers that hang up could open any number of sessions.
    pub fn abandon(self: &Arc<Self>, session: Session, purpose: Purpose) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return self.forget(Some(purpose));
        };
        let connections = Arc::clone(self);
        runtime.spawn(async move {
            if let Some(mut connection) = session.into_connection() {
                let _over = timeout(connections.limits.statement, connection.ping()).await;
            }
            connections.forget(Some(purpose));
        });
    }

    fn say_goodbye(&self, session: Session) {
        if let (Some(connection), Ok(runtime)) =
            (session.into_connection(), tokio::runtime::Handle::try_current())
        {
            runtime.spawn(async move { drop(timeout(GOODBYE, connection.close()).await) });
        }
    }

    pub(super) fn let_go(self: &Arc<Self>, sessions: Vec<Session>) {
        for session in sessions {
            self.say_goodbye(session);
            self.forget(None);
        }
    }

    /// How many sessions are open or being opened, and how many of them are idle.
    pub fn count(&self) -> (usize, usize) {
        let state = self.lock();
        (state.open, state.idle.len())
    }

    /// Closes every session; those in use are closed as soon as they are free.
    pub async fn close(self: &Arc<Self>) {
        let idle = {
            let mut state = self.lock();
            state.is_closed = true;
            state.queue.clear();
            state.take_idle(|_| true)
        };
        self.let_go(idle);
        let over = async {
            loop {
                let ended = self.ended.notified();
                if self.lock().open == 0 {
                    return;
                }
                // A notification between the check and the wait would be missed; the timeout covers that case.
                let _ = timeout(Duration::from_millis(50), ended).await;
            }
        };
        let _ = timeout(CLOSING, over).await;
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes a waiter from the queue when its caller stops waiting.
struct Leaves<'a> {
    connections: &'a Connections,
    purpose: Purpose,
    ticket: u64,
}

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.connections.lock().queue.leave(self.purpose, self.ticket);
    }
}

/// Closes idle sessions, as long as the pool exists.
async fn close_idle(connections: Weak<Connections>) {
    loop {
        tokio::time::sleep(IDLE / 6).await;
        let Some(connections) = connections.upgrade() else {
            return;
        };
        let now = Instant::now();
        let unused = connections
            .lock()
            .take_idle(|session| session.answered.elapsed() > IDLE || session.retires < now);
        connections.let_go(unused);
    }
}
