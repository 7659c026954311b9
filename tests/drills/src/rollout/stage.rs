//! What all who play share: the users, the edge that is deployed, who is in trouble, the figures.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use stack::fault::Done;

use super::deployment::Deployment;
use super::rehearsal::Rehearsal;
use super::tally::Row;
use super::trouble::Troubles;
use super::users::User;

/// See the module.
pub struct Stage {
    pub users: Vec<User>,
    pub at_once: usize,
    pub troubles: Troubles,
    pub rehearsal: Rehearsal,
    deployment: RwLock<Arc<Deployment>>,
    rows: Mutex<Vec<Row>>,
    stop: Arc<AtomicBool>,
}

impl Stage {
    pub fn new(users: Vec<User>, at_once: u32, edge: &str, stop: Arc<AtomicBool>) -> Done<Self> {
        Ok(Self {
            users,
            at_once: usize::try_from(at_once).unwrap_or(1),
            troubles: Troubles::default(),
            rehearsal: Rehearsal::default(),
            deployment: RwLock::new(Arc::new(Deployment::new(0, edge, "0")?)),
            rows: Mutex::default(),
            stop,
        })
    }

    /// The deployment that requests go to now.
    pub fn deployment(&self) -> Arc<Deployment> {
        Arc::clone(&self.deployment.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Requests go to `new` from now on; those under way are answered by the old one.
    pub fn switch_to(&self, new: Deployment) {
        *self.deployment.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
    }

    /// Begins the act `name`.
    pub fn begin(&self, name: impl Into<String>) {
        self.rows().push(Row::new(name));
    }

    /// Writes into the current act's figures.
    pub fn record(&self, write: impl FnOnce(&mut Row)) {
        if let Some(row) = self.rows().last_mut() {
            write(row);
        }
    }

    pub fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody wants us to end.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
