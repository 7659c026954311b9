//! How the end of a statement decides about its session, and about the others.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::queue::Purpose;
use super::state::{Connections, Lease};
use crate::ending::Ending;

/// How long the question about a session may take at the server.
const ASKED_FOR: Duration = Duration::from_secs(2);
/// How often the pool drops all sessions because one of them could not write: while the server is read-only, fresh sessions cannot write
/// either.
const READ_ONLY_PAUSE: Duration = Duration::from_secs(1);

impl Connections {
    /// Notes that a statement has been without an answer for a while: silent sessions are then probed before use.
    pub fn suspect(&self) {
        self.lock().suspected = Some(Instant::now());
    }

    /// Returns once the session `name` is not at work on anything. One question at a time runs, on a connection outside the pool: sessions
    /// that are silently gone may hold all places of the pool.
    pub async fn is_unheard(&self, name: Option<Arc<str>>) {
        if let Some(name) = name {
            let asking = self.asking.lock().await;
            let asked = timeout(ASKED_FOR, self.opening.is_at_work(&name)).await;
            drop(asking);
            if matches!(asked, Ok(Ok(false))) {
                return;
            }
        }
        std::future::pending::<()>().await;
    }

    /// Keeps or closes the session of `lease` by the `ending` of its statement.
    pub fn end(self: &Arc<Self>, lease: Lease, ending: Ending) {
        let generation = lease.generation();
        if lease.purpose() == Purpose::Write {
            self.count_hanging(ending);
        }
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
            // The other sessions ended with this one, or are about to: a server ends its sessions one after the other.
            state.generation = state.generation.wrapping_add(1);
            state.generation_began = Some(Instant::now());
            state.take_idle(|_| true)
        };
        tracing::info!(?ending, "sessions with the database are given up");
        self.let_go(distrusted);
    }

    /// How many statements may write now. Only one while all hang: a commit that waits for a lost standby keeps its session at the server
    /// long after the pool has closed its side, and each new attempt takes another of the server's connections.
    pub(super) fn writers(&self) -> usize {
        let writers = self.limits.writers();
        if self.hanging.load(Ordering::Relaxed) >= writers {
            1
        } else {
            writers
        }
    }

    fn count_hanging(&self, ending: Ending) {
        match ending {
            Ending::Late => drop(self.hanging.fetch_add(1, Ordering::Relaxed)),
            Ending::Kept if self.hanging.load(Ordering::Relaxed) > 0 => {
                self.hanging.store(0, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}
