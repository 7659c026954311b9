//! The parts of the connection cache: its limits, its knowledge of the sessions, and the lease of one.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::queue::{Purpose, Queue};
use super::session::{Borrowed, Session};
use crate::servers::Opening;

/// The number of sessions and the time limits.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The most sessions at a time.
    pub sessions: u32,
    /// How long a statement waits for a session.
    pub acquire: Duration,
    /// How long a statement may take in all: a little more than the server allows.
    pub statement: Duration,
}

impl Limits {
    /// How many sessions statements that may write can use at a time. The others are left to readers.
    pub(super) const fn writers(&self) -> usize {
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
    pub state: Mutex<State>,
    /// How many statements that may write have missed their limit since the last one in time.
    pub hanging: AtomicUsize,
    /// The task that asks the server about a session holds this lock.
    pub asking: tokio::sync::Mutex<()>,
    /// Notified when a session has ended.
    pub ended: Notify,
}

/// The state of the sessions, under one lock.
#[derive(Debug, Default)]
pub(super) struct State {
    pub idle: Vec<Session>,
    /// Sessions that are open or being opened.
    pub open: usize,
    /// Sessions that are being opened.
    pub opening: usize,
    /// Sessions that statements that may write use now.
    pub writing: usize,
    pub queue: Queue<Lease>,
    pub generation: u64,
    pub generation_began: Option<Instant>,
    /// When a session last left a statement without an answer: sessions without an answer since then are probed before use.
    pub suspected: Option<Instant>,
    /// Why the last attempt to open a session failed.
    pub failure: Option<Arc<sqlx::Error>>,
    pub opened: u64,
    pub is_closed: bool,
    pub is_watched: bool,
}

impl State {
    pub fn take(&mut self, purpose: Purpose, writers: usize) -> Option<Session> {
        if purpose == Purpose::Write && self.writing >= writers {
            return None;
        }
        let session = self.idle.pop()?;
        self.took(purpose);
        Some(session)
    }

    pub const fn took(&mut self, purpose: Purpose) {
        if matches!(purpose, Purpose::Write) {
            self.writing = self.writing.saturating_add(1);
        }
    }

    pub const fn released(&mut self, purpose: Purpose) {
        if matches!(purpose, Purpose::Write) {
            self.writing = self.writing.saturating_sub(1);
        }
    }

    pub const fn opened_one(&mut self) {
        self.opening = self.opening.saturating_sub(1);
    }

    pub fn take_idle(&mut self, is_taken: impl Fn(&Session) -> bool) -> Vec<Session> {
        self.idle.extract_if(.., |session| is_taken(session)).collect()
    }

    /// How many more sessions the waiters could use.
    pub fn wanted(&self, sessions: usize, writers: usize) -> usize {
        if self.is_closed {
            return 0;
        }
        let writers = writers.saturating_sub(self.writing);
        let room = sessions.saturating_sub(self.open);
        self.queue
            .could_use(writers)
            .saturating_sub(self.opening)
            .min(room)
    }
}

/// A session that one statement holds until it is kept, closed or dropped.
#[derive(Debug)]
pub(super) struct Lease {
    connections: Arc<Connections>,
    purpose: Purpose,
    session: Option<Session>,
    is_used: bool,
}

impl Lease {
    pub const fn new(connections: Arc<Connections>, purpose: Purpose, session: Session) -> Self {
        Self {
            connections,
            purpose,
            session: Some(session),
            is_used: false,
        }
    }

    /// The purpose of the lease.
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The session's name at the server, while the session stays ours.
    pub fn name(&self) -> Option<Arc<str>> {
        let registration = self.session.as_ref()?.registration.as_ref()?;
        Some(registration.name())
    }

    /// When the session last answered.
    pub fn answered(&self) -> Option<Instant> {
        self.session.as_ref().map(|session| session.answered)
    }

    /// Its generation.
    pub fn generation(&self) -> u64 {
        self.session.as_ref().map_or(0, |session| session.generation)
    }

    /// The connection, for one statement.
    ///
    /// # Errors
    /// The previous borrower has kept the connection.
    pub fn lend(&mut self) -> sqlx::Result<Borrowed> {
        self.is_used = true;
        let connection = self
            .session
            .as_ref()
            .map(|session| Arc::clone(&session.connection));
        connection
            .and_then(|connection| connection.try_lock_owned().ok())
            .map(Borrowed)
            .ok_or(sqlx::Error::WorkerCrashed)
    }

    /// Gives the session back: it has just answered.
    pub fn keep(mut self) {
        if let Some(mut session) = self.session.take() {
            session.answered = Instant::now();
            self.connections.put_back(session, self.purpose);
        }
    }

    /// The session, if no statement was sent on it.
    pub fn take_unused(&mut self) -> Option<Session> {
        if self.is_used { None } else { self.session.take() }
    }

    /// Ends the session without a goodbye: the peer may not be listening.
    pub fn close(mut self) {
        self.session = None;
        self.connections.forget(Some(self.purpose));
    }
}

/// The holder hung up. Before a statement was sent, nothing has happened; afterwards the server may still be at work on it.
impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            if self.is_used {
                self.connections.abandon(session, self.purpose);
            } else {
                self.connections.put_back(session, self.purpose);
            }
        }
    }
}
