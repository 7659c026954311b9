//! One try of a password.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use shared::limits::{ACCOUNT, Debts, Key, NETWORK, PAIR, Pace, Verdict, judge};

use super::{Counted, Limits, SlowDown};

/// How a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The password was right.
    Right,
    /// It was wrong.
    Wrong,
    /// Nobody said which: an outage, or no turn.
    Undecided,
}

/// Who waits for a password to be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// A user who has signed in to this account from this network before, or who is signed in.
    Usual,
    /// Somebody at this account.
    Anybody(Key),
}

/// A try that was admitted. It counts as a failure until it has ended otherwise, so that a thousand at once are counted as they come;
/// one that is dropped without an end stays one, so that nobody guesses for nothing by leaving early.
#[derive(Debug)]
pub struct Attempt {
    limits: Limits,
    account: Key,
    pair: Key,
    network: Key,
    usual: bool,
    /// Whether the account was being guessed at.
    attacked: bool,
}

impl Limits {
    /// Asks whether a password of `account` may be tried from `address`, and counts the try.
    ///
    /// # Errors
    /// [`SlowDown`]; the try is then not counted.
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
    /// In which line the check of the password waits.
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

    /// Asks memory, then the replicas, and charges where neither says no.
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

    /// What is given back when it has ended well. Not the account's charge while that is guessed at: its counter may be at its top, where
    /// a charge is lost, and giving it back would pay what strangers owe.
    fn to_refund(&self) -> Vec<(Key, Pace)> {
        let mut prices = self.prices().to_vec();
        if self.attacked {
            prices.retain(|(key, _)| *key != self.account);
        }
        prices
    }

    /// Says how it ended.
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
            // Whoever knows the password has no more to guess. Others' guesses stay counted.
            counted.memory.forgive(&self.pair);
            counted.memory.note_usual(self.pair);
        }
        if counted.replicas.as_ref().is_some_and(super::Replicas::is_there) {
            // The answer does not wait for it.
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
