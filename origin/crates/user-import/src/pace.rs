//! How fast Firebase may be called.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Spreads calls evenly: so many a second, and no burst after a pause.
#[derive(Debug)]
pub struct Pace {
    every: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// `calls` a second, at least one.
    #[must_use]
    pub fn per_second(calls: u32) -> Self {
        Self {
            every: Duration::from_secs(1) / calls.max(1),
            next: Mutex::new(Instant::now()),
        }
    }

    /// Waits until it is this call's turn.
    pub async fn turn(&self) {
        let at = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let at = (*next).max(Instant::now());
            *next = at + self.every;
            at
        };
        sleep_until(at).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pace_spreads_calls_evenly() {
        let pace = Pace::per_second(100);
        let began = Instant::now();
        for _ in 0..11 {
            pace.turn().await;
        }
        assert!(
            began.elapsed() >= Duration::from_millis(100),
            "{:?}",
            began.elapsed()
        );
    }
}
