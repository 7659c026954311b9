//! One session with the server.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::PgConnection;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::pooler::Registration;
use crate::servers::Begun;

/// A connection for one statement.
#[derive(Debug)]
pub struct Borrowed(pub(super) OwnedMutexGuard<PgConnection>);

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
    pub connection: Arc<Mutex<PgConnection>>,
    pub registration: Option<Registration>,
    /// The pool's generation at the session's beginning. A session of an earlier generation is not used again.
    pub generation: u64,
    /// From this moment on the session is closed instead of kept.
    pub retires: Instant,
    /// When the session last answered.
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

    /// The connection, once no statement borrows it.
    pub fn into_connection(self) -> Option<PgConnection> {
        Arc::into_inner(self.connection).map(Mutex::into_inner)
    }
}
