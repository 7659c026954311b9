//! When the origin may check a password, given the tries before.
//!
//! No stranger can shut a user out: strangers' guesses at an account never refuse a network that owes the account nothing. They only
//! shorten the patience with networks that have failed.

use super::pace::Pace;

/// Failures of one network at one account: five at once, then one every ten minutes.
pub const PAIR: Pace = Pace {
    interval_ms: 600_000,
    burst: 5,
};
/// Failures at one account from everywhere: beyond 20 at once, or 20 an hour, only networks that owe this account nothing may try.
pub const ACCOUNT: Pace = Pace {
    interval_ms: 180_000,
    burst: 20,
};
/// Failures of one network at all accounts: 30 at once, then one a minute.
pub const NETWORK: Pace = Pace {
    interval_ms: 60_000,
    burst: 30,
};

/// The debts before this try, in milliseconds. Tries that are under way count as failures until they have ended otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Debts {
    /// By this network at this account.
    pub pair_ms: u64,
    /// At this account, by all.
    pub account_ms: u64,
    /// By this network, at all accounts.
    pub network_ms: u64,
}

/// Whether the origin checks the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Admit,
    /// Not now.
    SlowDown {
        /// Seconds until it would be admitted, at least 1.
        retry_after: u32,
    },
}

/// Whether a try with these debts is admitted.
#[must_use]
pub fn judge(debts: Debts) -> Verdict {
    let own = PAIR.wait_ms(debts.pair_ms);
    let network = NETWORK.wait_ms(debts.network_ms);
    // While strangers also guess, one failure of this network is one too many.
    let attacked = ACCOUNT.wait_ms(debts.account_ms).is_some() && debts.pair_ms > 0;
    let under_attack = attacked.then_some(debts.pair_ms);
    match [own, network, under_attack].into_iter().flatten().max() {
        None => Verdict::Admit,
        Some(wait_ms) => Verdict::SlowDown {
            retry_after: seconds(wait_ms),
        },
    }
}

fn seconds(milliseconds: u64) -> u32 {
    u32::try_from(milliseconds.div_ceil(1000))
        .unwrap_or(u32::MAX)
        .max(1)
}
