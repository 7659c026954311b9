//! How fast something may happen.

/// A pace: `burst` at once, then one every `interval_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Milliseconds that pay back one call. At least 1.
    pub interval_ms: u64,
    /// Calls at once. At least 1.
    pub burst: u32,
}

impl Pace {
    /// The debt above which a call is refused, in milliseconds.
    #[must_use]
    pub fn allowance_ms(self) -> u64 {
        self.interval_ms
            .saturating_mul(u64::from(self.burst.saturating_sub(1)))
    }

    /// The most that a counter ever owes, in milliseconds: twice the burst, so that the debt of an attack is paid back within that time.
    #[must_use]
    pub fn most_ms(self) -> u64 {
        self.interval_ms
            .saturating_mul(u64::from(self.burst))
            .saturating_mul(2)
    }

    /// Milliseconds until a call is admitted again; `None` when it is admitted now.
    #[must_use]
    pub fn wait_ms(self, debt_ms: u64) -> Option<u64> {
        let over = debt_ms.saturating_sub(self.allowance_ms());
        (over > 0).then_some(over)
    }

    /// When the debt is paid off, after one more call at `now_ms`. `paid_at_ms` is the same moment before that call.
    #[must_use]
    pub fn charge(self, paid_at_ms: u64, now_ms: u64) -> u64 {
        paid_at_ms
            .max(now_ms)
            .saturating_add(self.interval_ms)
            .min(now_ms.saturating_add(self.most_ms()))
    }

    /// When the debt is paid off after a charged call was refunded.
    #[must_use]
    pub fn refund(self, paid_at_ms: u64) -> u64 {
        paid_at_ms.saturating_sub(self.interval_ms)
    }
}
