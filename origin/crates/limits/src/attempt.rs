//! One attempt at a password.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use shared::limits::{ACCOUNT, Debts, Key, NETWORK, PAIR, Pace, Verdict, judge};

use super::{Counted, Limits, SlowDown};

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The password was right.
    Right,
    /// It was wrong.
    Wrong,
    /// No verdict: an outage, or no turn.
    Undecided,
}

/// Who waits for the check of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// A user who has signed in to this account from this network before, or who is signed in.
    Usual,
    /// Any other client that tries this account.
    Anybody(Key),
}

/// An admitted attempt. It counts as a failure until it ends otherwise: a thousand attempts at once are counted as they come. One that is
/// dropped without an end stays a failure: a guesser gains nothing by hanging up early.
#[derive(Debug)]
pub struct Attempt {
    limits: Limits,
    account: Key,
    pair: Key,
    network: Key,
    usual: bool,
    /// Whether the account was under attack by guesses.
    attacked: bool,
}

impl Limits {
    /// Asks whether `address` may try a password of `account`, and counts the attempt.
    ///
    /// # Errors
    /// [`SlowDown`]; the attempt is then not counted.
    pub async fn admit(&self, account: Key, address: Option<IpAddr>) -> Result<Attempt, SlowDown> {
        let network = self.network(address);
        let mut attempt = Attempt {
            pair: self.0.names.pair(&account, &network),
            limits: self.clone(),
            account,
            network,
            usual: false,
            attacked: false,
        };
        let Some(counted) = &self.0.counted else {
            return Ok(attempt);
        };
        let verdict = attempt.charge(counted).await;
        match verdict {
            Verdict::Admit => Ok(attempt),
            Verdict::SlowDown { retry_after } => {
                self.0.refused.guesses.fetch_add(1, Ordering::Relaxed);
                Err(SlowDown { retry_after })
            }
        }
    }
}

impl Attempt {
    /// The queue in which the check of the password waits.
    #[must_use]
    pub fn whose(&self) -> Whose {
        if self.usual {
            Whose::Usual
        } else {
            Whose::Anybody(self.account)
        }
    }

    fn prices(&self) -> [(Key, Pace); 3] {
        [
            (self.pair, PAIR),
            (self.account, ACCOUNT),
            (self.network, NETWORK),
        ]
    }

    /// Asks memory, then the replicas, and charges unless one of them refuses.
    async fn charge(&mut self, counted: &Counted) -> Verdict {
        self.usual = counted.memory.is_usual(&self.pair);
        let prices = self.prices();
        let verdict = verdict(counted.memory.owed(prices, self.limits.now_ms()));
        if verdict != Verdict::Admit {
            return verdict;
        }
        if let Some(replicas) = &counted.replicas
            && let Some((usual, owed)) = replicas.guess(&prices, &self.pair).await
        {
            self.usual |= usual;
            self.attacked = is_attacked(owed);
            let verdict = self::verdict(owed);
            if verdict != Verdict::Admit {
                return verdict;
            }
        }
        let admits = |owed| self::verdict(owed) == Verdict::Admit;
        let owed = counted.memory.charge(prices, self.limits.now_ms(), admits);
        self.attacked |= is_attacked(owed);
        self::verdict(owed)
    }

    /// The charges that a good end gives back. Not the account's charge while the account is under attack: its counter may be at its top,
    /// where a charge is lost, and a refund would pay the debt of strangers.
    fn to_refund(&self) -> Vec<(Key, Pace)> {
        let mut prices = self.prices().to_vec();
        if self.attacked {
            prices.retain(|(key, _)| *key != self.account);
        }
        prices
    }

    /// Records how the attempt ended.
    pub fn end(self, ending: Ending) {
        let Some(counted) = &self.limits.0.counted else {
            return;
        };
        if ending == Ending::Wrong {
            return;
        }
        let right = ending == Ending::Right;
        let prices = self.to_refund();
        counted.memory.refund(&prices, self.limits.now_ms());
        if right {
            // A client that knows the password has nothing to guess. The guesses of others stay counted.
            counted.memory.forgive(&self.pair);
            counted.memory.note_usual(self.pair);
        }
        if counted.replicas.as_ref().is_some_and(super::Replicas::is_there) {
            // The answer does not wait for the replicas.
            tokio::spawn(async move {
                if let Some(replicas) = self.limits.replicas() {
                    replicas.end(&prices, right.then_some(&self.pair)).await;
                }
            });
        }
    }
}

fn is_attacked([_, account_ms, _]: [u64; 3]) -> bool {
    ACCOUNT.wait_ms(account_ms).is_some()
}

fn verdict([pair_ms, account_ms, network_ms]: [u64; 3]) -> Verdict {
    judge(Debts {
        pair_ms,
        account_ms,
        network_ms,
    })
}
