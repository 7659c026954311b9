//! When which side was in trouble: from the moment before it was made to fail until everybody was served again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use shared::routing::Side;

/// What is kept of all troubles.
#[derive(Debug, Default)]
pub struct Troubles(Mutex<Vec<Trouble>>);

#[derive(Debug, Clone, Copy)]
struct Trouble {
    side: Side,
    from: Instant,
    until: Option<Instant>,
}

impl Troubles {
    /// `side` is about to fail.
    pub fn begin(&self, side: Side) {
        self.lock().push(Trouble {
            side,
            from: Instant::now(),
            until: None,
        });
    }

    /// Both sides are well again.
    pub fn end(&self) {
        let now = Instant::now();
        for trouble in self.lock().iter_mut() {
            trouble.until.get_or_insert(now);
        }
    }

    /// Whether `side` was in trouble at any time from `began` to `ended`.
    pub fn touched(&self, side: Side, began: Instant, ended: Instant) -> bool {
        self.lock().iter().any(|trouble| {
            trouble.side == side && trouble.from <= ended && trouble.until.is_none_or(|until| began <= until)
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Trouble>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
