//! What the connection cache knows of its sessions.

use std::sync::Arc;
use std::time::Instant;

use super::queue::Queue;
use super::session::{Lease, Purpose, Session};

#[derive(Debug, Default)]
pub(super) struct State {
    pub idle: Vec<Session>,
    /// Sessions that are open or being opened.
    pub open: usize,
    /// Those being opened.
    pub opening: usize,
    /// Those in use by statements that may write.
    pub writing: usize,
    pub queue: Queue<Lease>,
    pub generation: u64,
    pub generation_began: Option<Instant>,
    /// When a session last left a statement without an answer: those that have not answered since are asked before they are used.
    pub suspected: Option<Instant>,
    /// Why no session could be opened lately.
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

    /// How many more sessions who waits could use.
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
