//! What the end of a statement says of its session, and of the others.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::queue::Purpose;
use super::state::{Connections, Lease};
use crate::ending::Ending;

/// How long asking the server about a session may take.
const ASKED_FOR: Duration = Duration::from_secs(2);
/// How often sessions are given up because one of them could not write: while the server is read-only, fresh ones cannot either.
const READ_ONLY_PAUSE: Duration = Duration::from_secs(1);

impl Connections {
    /// A statement has been without an answer for a while: who else has been silent is asked before anything is entrusted to it.
    pub fn suspect(&self) {
        self.lock().suspected = Some(Instant::now());
    }

    /// Returns if the session `name` is not at work on anything. One asks at a time, and beside the pool: its places may all be taken by
    /// sessions that are silently gone.
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

    /// Ends `lease` as the statement ended that it was for.
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
            // The others ended with this one, or are about to: a server ends its sessions one after the other.
            state.generation = state.generation.wrapping_add(1);
            state.generation_began = Some(Instant::now());
            state.take_idle(|_| true)
        };
        tracing::info!(?ending, "sessions with the database are given up");
        self.let_go(distrusted);
    }

    /// How many may write now. One at a time while all hang: a commit that waits for a lost standby keeps its session at the server when
    /// we have long closed ours, and each of those that try takes another of the server's connections.
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
