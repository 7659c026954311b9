//! Asks Firebase how the address of an account was proven.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use firebase::Firebase;
use firebase::issuer::Issuer;
use shared::ids::FirebaseUid;
use shared::ownership::PasswordFacts;
use shared::time::UnixTime;
use tokio::time::timeout;

/// How long a request waits for the answer. Without one it goes on; see [`shared::ownership::proof`].
const PATIENCE: Duration = Duration::from_secs(1);
/// How long no request asks after Firebase has not answered, in seconds: requests of signed-in users must not wait for it one after
/// another.
const PAUSE_SECONDS: i64 = 10;

/// Asks Firebase about accounts with an address that is proven there and not yet in their row. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Proofs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    firebase: Firebase,
    clock: fn() -> UnixTime,
    /// Seconds since 1970.
    paused_until: AtomicI64,
}

impl Proofs {
    /// The issuer of the accounts that can be looked up.
    pub(super) fn issuer(&self) -> Issuer {
        self.0.firebase.issuer()
    }

    /// Asks `firebase`, with a pause by `clock` after it has not answered.
    #[must_use]
    pub fn new(firebase: Firebase, clock: fn() -> UnixTime) -> Self {
        Self(Arc::new(Inner {
            firebase,
            clock,
            paused_until: AtomicI64::new(i64::MIN),
        }))
    }

    /// Firebase's facts about the password of `uid`; `None` when there is no such account, or no answer in time.
    pub async fn ask(&self, uid: &FirebaseUid) -> Option<PasswordFacts> {
        let now = (self.0.clock)().secs();
        if !self.0.firebase.manages_accounts() || now < self.0.paused_until.load(Ordering::Relaxed) {
            return None;
        }
        match timeout(PATIENCE, self.0.firebase.find_account(uid)).await {
            Ok(Ok(account)) => account.map(|account| account.password_facts()),
            _ => {
                self.0
                    .paused_until
                    .store(now.saturating_add(PAUSE_SECONDS), Ordering::Relaxed);
                None
            }
        }
    }
}
