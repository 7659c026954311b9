//! The connection cache: sessions between two statements, and who waits for one.
//!
//! It is not sqlx's pool, because that one asks every connection that comes back whether it still answers: one more round trip for each
//! statement, and without any time limit, so a peer that is silently gone takes a place of the pool for good. Here a connection whose
//! statement has just ended well is used for the next one unasked, and one that did not answer in time is never touched again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use sqlx::Connection as _;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use super::queue::Queue;
use super::session::{Lease, Purpose, Session};
use crate::postgres::DatabaseError;
use crate::postgres::ending::Ending;
use crate::postgres::servers::Opening;

/// A session that was not used for this long is asked whether it is there before it is used.
const ASKED_AFTER: Duration = Duration::from_secs(15);
/// How long a session may take to say that it is there.
const ASKED_FOR: Duration = Duration::from_secs(1);
/// Sessions that nobody uses are closed after this long: firewalls and load balancers forget connections after four minutes and more.
const IDLE: Duration = Duration::from_secs(180);
/// Sessions are closed at this age, one after the other.
const LIFETIME: Duration = Duration::from_secs(1800);
/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// How long the pool waits for its sessions to end when it is closed.
const CLOSING: Duration = Duration::from_secs(10);
/// How many may wait for a session. Beyond, callers are told to come back.
const MAX_WAITING: usize = 8192;
/// How often sessions are given up because one of them could not write: while the server is read-only, fresh ones cannot either.
const READ_ONLY_PAUSE: Duration = Duration::from_secs(1);

/// How many sessions, and how long anything may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The most sessions at a time.
    pub sessions: u32,
    /// How long a statement waits for a session.
    pub acquire: Duration,
    /// How long a statement may take in all, a little over what the server allows it.
    pub statement: Duration,
}

impl Limits {
    /// How many sessions may be in use by statements that may write. The others are left to those who read.
    const fn writers(&self) -> usize {
        let all = self.sessions as usize;
        let left = match self.sessions {
            0..=1 => 0,
            2..=15 => 1,
            16..=31 => 2,
            more => more as usize / 16,
        };
        all.saturating_sub(left)
    }
}

/// The sessions of one pool.
#[derive(Debug)]
pub(super) struct Connections {
    pub opening: Opening,
    pub limits: Limits,
    state: Mutex<State>,
    /// Told when a session has ended.
    ended: Notify,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Session>,
    /// Sessions that are open or being opened.
    open: usize,
    /// Those being opened.
    opening: usize,
    /// Those in use by statements that may write.
    writing: usize,
    queue: Queue<Lease>,
    generation: u64,
    generation_began: Option<Instant>,
    /// When a session last left a statement without an answer: those that have not answered since are asked before they are used.
    suspected: Option<Instant>,
    /// Why no session could be opened lately.
    failure: Option<Arc<sqlx::Error>>,
    opened: u64,
    is_closed: bool,
    is_watched: bool,
}

impl Connections {
    pub fn new(opening: Opening, limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            opening,
            limits,
            state: Mutex::default(),
            ended: Notify::new(),
        })
    }

    /// A session for one statement.
    ///
    /// # Errors
    /// None could be had in time. Nothing was sent.
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
        // The others that have been silent for as long went the same way.
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
            if let Some(session) = state.take(purpose, self.limits.writers()) {
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

    /// A statement has been without an answer for a while: who else has been silent is asked before anything is entrusted to it.
    pub fn suspect(&self) {
        self.lock().suspected = Some(Instant::now());
    }

    /// Ends `lease` as the statement ended that it was for.
    pub fn end(self: &Arc<Self>, lease: Lease, ending: Ending) {
        let generation = lease.generation();
        match ending {
            Ending::Kept => return lease.keep(),
            Ending::Lost | Ending::Stale | Ending::ReadOnly => {}
            Ending::Late | Ending::Broken => return lease.close(),
        }
        lease.close();
        let distrusted = {
            let mut state = self.lock();
            let is_news = generation == state.generation;
            let is_soon = state
                .generation_began
                .is_some_and(|moment| moment.elapsed() < READ_ONLY_PAUSE);
            if !is_news || (ending == Ending::ReadOnly && is_soon) {
                return;
            }
            // The others ended with this one, or are about to: a server ends its sessions one after the other.
            state.generation = state.generation.wrapping_add(1);
            state.generation_began = Some(Instant::now());
            state.take_idle(|_| true)
        };
        tracing::info!(?ending, "sessions with the database are given up");
        self.let_go(distrusted);
    }

    /// Takes `session` back, for who waits or for later.
    pub fn put_back(self: &Arc<Self>, session: Session, purpose: Purpose) {
        self.offer(session, Some(purpose));
    }

    fn offer(self: &Arc<Self>, mut session: Session, mut released: Option<Purpose>) {
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
            let is_full = state.writing >= self.limits.writers();
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
            // Who has just given up gives it back, as soon as it is dropped.
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

    /// A session has ended; another may be opened in its place.
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

    /// Whoever waited for the statement hung up. The session keeps its place until the server has done with it, or would have been
    /// stopped: else those who hang up could open any number of sessions.
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

    fn open_as_needed(self: &Arc<Self>) {
        let wanted = {
            let mut state = self.lock();
            let wanted = state.wanted(&self.limits);
            state.open = state.open.saturating_add(wanted);
            state.opening = state.opening.saturating_add(wanted);
            wanted
        };
        for _ in 0..wanted {
            // A task of its own: who waits may give up before a distant server has let us in, and the next one finds the session.
            tokio::spawn(Arc::clone(self).open());
        }
    }

    /// Opens a session, as long as somebody waits for one.
    async fn open(self: Arc<Self>) {
        let mut place = Place {
            connections: &self,
            is_taken: true,
        };
        let mut pause = Duration::from_millis(10);
        loop {
            let generation = self.lock().generation;
            match self.opening.open().await {
                Ok(connection) => {
                    let number = {
                        let mut state = self.lock();
                        state.failure = None;
                        state.opened = state.opened.wrapping_add(1);
                        state.opened
                    };
                    // Not all at the same age.
                    let lifetime = LIFETIME.saturating_sub(Duration::from_secs(number % 16 * 15));
                    place.is_taken = false;
                    self.lock().opened_one();
                    return self.offer(Session::new(connection, generation, lifetime), None);
                }
                Err(error) => {
                    tracing::debug!(error = %error, "no session with the database could be opened");
                    let mut state = self.lock();
                    state.failure = Some(Arc::new(error));
                    let writers = self.limits.writers().saturating_sub(state.writing);
                    if state.is_closed || state.queue.could_use(writers) < state.opening {
                        return;
                    }
                }
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(Duration::from_millis(200));
        }
    }

    fn say_goodbye(&self, session: Session) {
        if let (Some(connection), Ok(runtime)) =
            (session.into_connection(), tokio::runtime::Handle::try_current())
        {
            runtime.spawn(async move { drop(timeout(GOODBYE, connection.close()).await) });
        }
    }

    fn let_go(self: &Arc<Self>, sessions: Vec<Session>) {
        for session in sessions {
            self.say_goodbye(session);
            self.forget(None);
        }
    }

    /// How many sessions are open or being opened, and how many of them wait for a statement.
    pub fn count(&self) -> (usize, usize) {
        let state = self.lock();
        (state.open, state.idle.len())
    }

    /// Closes every session, those in use as soon as they are not.
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
                // Told between the look and the wait, it would not be heard.
                let _ = timeout(Duration::from_millis(50), ended).await;
            }
        };
        let _ = timeout(CLOSING, over).await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, purpose: Purpose, writers: usize) -> Option<Session> {
        if purpose == Purpose::Write && self.writing >= writers {
            return None;
        }
        let session = self.idle.pop()?;
        self.took(purpose);
        Some(session)
    }

    const fn took(&mut self, purpose: Purpose) {
        if matches!(purpose, Purpose::Write) {
            self.writing = self.writing.saturating_add(1);
        }
    }

    const fn released(&mut self, purpose: Purpose) {
        if matches!(purpose, Purpose::Write) {
            self.writing = self.writing.saturating_sub(1);
        }
    }

    const fn opened_one(&mut self) {
        self.opening = self.opening.saturating_sub(1);
    }

    fn take_idle(&mut self, is_taken: impl Fn(&Session) -> bool) -> Vec<Session> {
        self.idle.extract_if(.., |session| is_taken(session)).collect()
    }

    /// How many more sessions who waits could use.
    fn wanted(&self, limits: &Limits) -> usize {
        if self.is_closed {
            return 0;
        }
        let writers = limits.writers().saturating_sub(self.writing);
        let room = (limits.sessions as usize).saturating_sub(self.open);
        self.queue
            .could_use(writers)
            .saturating_sub(self.opening)
            .min(room)
    }
}

/// A place for a session that is being opened, given up when that ends without one.
struct Place<'a> {
    connections: &'a Arc<Connections>,
    is_taken: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.is_taken {
            self.connections.lock().opened_one();
            self.connections.forget(None);
        }
    }
}

/// Takes whoever stops waiting out of the queue.
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

/// Closes what nobody uses, as long as there is a pool.
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
