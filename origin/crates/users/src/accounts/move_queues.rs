//! Sign-ins of one user that wait for the same move.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use shared::ids::UserId;

/// Sign-ins of this process that wait until another one has moved their user. Of those of one user, only the first asks the database:
/// if each did, they would take from the move the connections and the time that it needs. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct MoveQueues(Arc<Mutex<HashMap<UserId, Weak<Queue>>>>);

/// Whether the user of the queue has been moved.
pub(super) type Queue = tokio::sync::Mutex<bool>;

impl MoveQueues {
    /// The queue of this user, which lives as long as a sign-in is in it.
    pub(super) fn of(&self, id: UserId) -> Arc<Queue> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|_, queue| queue.strong_count() > 0);
        let known = queues.get(&id).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let queue = Arc::default();
            queues.insert(id, Arc::downgrade(&queue));
            queue
        })
    }
}
