//! Whether something that runs still answers. A runtime can die behind a parent that lives on: wrangler stays when its workerd is killed.

use std::time::{Duration, Instant};

use crate::http;

const EVERY: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(2);
/// One missed answer is a machine under load; this many in a row are a dead service.
const MISSES: u32 = 3;

/// Asks a URL now and then.
#[derive(Debug)]
pub struct Pulse {
    url: String,
    next: Instant,
    missed: u32,
}

impl Pulse {
    /// Begins asking `url`.
    pub fn new(url: String) -> Self {
        Self {
            url,
            next: Instant::now(),
            missed: 0,
        }
    }

    /// Asks, when it is time to, and says whether the answers have stopped.
    pub fn stopped(&mut self) -> bool {
        let now = Instant::now();
        if now >= self.next {
            self.missed = if http::answers(&self.url, PATIENCE) {
                0
            } else {
                self.missed + 1
            };
            self.next = Instant::now() + EVERY;
        }
        self.missed >= MISSES
    }
}
