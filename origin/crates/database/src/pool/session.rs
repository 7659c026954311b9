//! One session with the server, and the right to use it for a while.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::PgConnection;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::connections::Connections;
use crate::pooler::Registration;
use crate::servers::Begun;

/// What a statement needs of the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It only reads: it may use every connection.
    Read,
    /// It may write: it leaves some connections to those who read, who must not wait for commits that hang.
    Write,
}

/// A connection for one statement.
#[derive(Debug)]
pub struct Borrowed(OwnedMutexGuard<PgConnection>);

impl Deref for Borrowed {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for Borrowed {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

/// An open session.
#[derive(Debug)]
pub(super) struct Session {
    connection: Arc<Mutex<PgConnection>>,
    registration: Option<Registration>,
    /// Sessions of an earlier generation than the pool's are not used again.
    pub generation: u64,
    /// From when on it is closed instead of kept.
    pub retires: Instant,
    /// When it last answered.
    pub answered: Instant,
}

impl Session {
    pub fn new(begun: Begun, generation: u64, lifetime: Duration) -> Self {
        let now = Instant::now();
        Self {
            connection: Arc::new(Mutex::new(begun.connection)),
            registration: begun.registration,
            generation,
            retires: now + lifetime,
            answered: now,
        }
    }

    /// The connection, once nobody borrows it.
    pub fn into_connection(self) -> Option<PgConnection> {
        Arc::into_inner(self.connection).map(Mutex::into_inner)
    }
}

/// A session that is somebody's until it is kept, closed or dropped.
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

    /// What it was lent for.
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The session's name at the server, where it stays ours.
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
    /// The one before has kept it.
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

    /// The session, if nothing was sent on it.
    pub fn take_unused(&mut self) -> Option<Session> {
        if self.is_used { None } else { self.session.take() }
    }

    /// Ends the session without a word: whoever is at the other end may not be listening.
    pub fn close(mut self) {
        self.session = None;
        self.connections.forget(Some(self.purpose));
    }
}

/// Whoever had it hung up. Before a statement was sent nothing has happened; after that the server may still be at work on it.
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
