//! The speed of a back-fill: as fast as the disk allows while other commits do not wait.

use std::time::Duration;

/// The rows of the smallest batch.
const LEAST: i64 = 50;
/// How long the log may take to reach the disk while the disk keeps up. The commit of every session waits that long.
const KEEPS_UP: Duration = Duration::from_millis(10);
/// The rest after a batch when the disk does not keep up, as a multiple of the batch's duration.
const REST: u32 = 4;
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_secs(2);

/// The size of the next batch, in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    rows: i64,
    most: i64,
}

impl Pace {
    /// Begins with `most` rows a batch, and never exceeds it.
    pub const fn new(most: i64) -> Self {
        Self { rows: most, most }
    }

    /// The rows of the next batch.
    pub const fn rows(&self) -> i64 {
        self.rows
    }

    /// Learns from a batch that ran for `worked` and then needed `flushed` to bring its log to the disk. Answers the rest: while the disk
    /// keeps up, as long as the batch took; live traffic keeps at least half of the capacity.
    pub fn after(&mut self, worked: Duration, flushed: Duration) -> Duration {
        let took = worked.saturating_add(flushed);
        if flushed > KEEPS_UP {
            self.rows = (self.rows / 2).max(LEAST).min(self.most);
            took.saturating_mul(REST).min(LONGEST_REST)
        } else {
            self.rows = self.rows.saturating_add((self.most / 16).max(1)).min(self.most);
            took.min(LONGEST_REST)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn pace_slows_down_at_once_and_speeds_up_gradually() {
        let mut pace = Pace::new(800);
        for (worked, flushed, rest, rows) in [
            (20, 2, 22, 800),
            (20, 30, 200, 400),
            (10, 10, 20, 450),
            (10, 11, 84, 225),
            (10, 900, 2_000, 112),
            (10, 900, 2_000, 56),
            (10, 900, 2_000, 50),
            (10, 900, 2_000, 50),
            (5_000, 0, 2_000, 100),
        ] {
            assert_eq!(
                pace.after(MS(worked), MS(flushed)),
                MS(rest),
                "{worked} {flushed}"
            );
            assert_eq!(pace.rows(), rows, "{worked} {flushed}");
        }
    }

    #[test]
    fn configured_batch_below_the_smallest_is_kept() {
        let mut pace = Pace::new(3);
        pace.after(MS(1), MS(500));
        assert_eq!(pace.rows(), 3);
    }
}
