//! The issuer's keys: `shared::key_cache` decides, this module fetches. One fetch at a time runs for each ring, in a task of its own: a
//! caller that hangs up does not stop the fetch for the others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::causes::Causes;
use shared::key_cache::{Decision, FETCH_TIMEOUT_SECONDS, KeyCache, Status};
use shared::time::UnixTime;
use shared::token::{EngineFault, KeyUrls, Keys, KeysUnavailable, Ring, RsaPublicKey, SignatureEngine};
use tokio::sync::watch;

use super::NativeEngine;
use super::download::{self, DownloadError};

type Key = Arc<RsaPublicKey>;

/// A fetch of the caller's own, a failed one of another caller, and two spare rounds.
const MAX_ROUNDS: usize = 4;
/// Longer than a fetch can take.
const WAIT: Duration = Duration::from_secs(FETCH_TIMEOUT_SECONDS.unsigned_abs() + 1);

/// The keys of both rings.
#[derive(Debug)]
pub(super) struct IssuerKeys {
    id_tokens: Arc<KeyRing>,
    session_cookies: Arc<KeyRing>,
}

#[derive(Debug)]
struct KeyRing {
    name: &'static str,
    url: String,
    client: Option<reqwest::Client>,
    cache: Mutex<KeyCache<Key>>,
    /// Counts finished fetches; waiters wait for the next.
    finished: watch::Sender<u64>,
}

impl IssuerKeys {
    pub(super) fn new(urls: &KeyUrls) -> Self {
        let client = download::client();
        let ring = |ring: Ring| {
            Arc::new(KeyRing {
                name: ring.as_str(),
                url: urls.of(ring).to_owned(),
                client: client.clone(),
                cache: Mutex::new(KeyCache::new()),
                finished: watch::Sender::new(0),
            })
        };
        Self {
            id_tokens: ring(Ring::FirebaseIdToken),
            session_cookies: ring(Ring::FirebaseSessionCookie),
        }
    }

    pub(super) fn status(&self, ring: Ring, now: UnixTime) -> Status {
        self.of(ring).cache().status(now)
    }

    fn of(&self, ring: Ring) -> &Arc<KeyRing> {
        match ring {
            Ring::FirebaseIdToken => &self.id_tokens,
            Ring::FirebaseSessionCookie => &self.session_cookies,
        }
    }
}

impl Keys for IssuerKeys {
    type Key = Key;

    async fn find(&self, ring: Ring, kid: &str, now: UnixTime) -> Result<Option<Key>, KeysUnavailable> {
        let ring = self.of(ring);
        for _ in 0..MAX_ROUNDS {
            // Subscribe before the decision: a fetch that ends in between is then not missed.
            let mut finished = ring.finished.subscribe();
            let (decision, key) = ring.decide(kid, now);
            match decision {
                Decision::Fresh | Decision::ServeStale => return Ok(key),
                Decision::FreshButRefreshAhead | Decision::ServeStaleAndRefresh => {
                    ring.start_fetch(now);
                    return Ok(key);
                }
                Decision::UnknownRefused => return Ok(None),
                Decision::Unavailable { retry_after } => return Err(KeysUnavailable { retry_after }),
                Decision::FetchFirst => ring.start_fetch(now),
                Decision::WaitForFetch => {}
            }
            // Neither outcome is an error: the next round decides what to do.
            let _ = tokio::time::timeout(WAIT, finished.changed()).await;
        }
        Err(KeysUnavailable { retry_after: 1 })
    }
}

impl KeyRing {
    fn cache(&self) -> MutexGuard<'_, KeyCache<Key>> {
        // Never held across an await; a panic under the lock cannot leave a key half written.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decide(&self, kid: &str, now: UnixTime) -> (Decision, Option<Key>) {
        let mut cache = self.cache();
        (cache.decide(kid, now), cache.find(kid).cloned())
    }

    fn start_fetch(self: &Arc<Self>, now: UnixTime) {
        let ring = Arc::clone(self);
        tokio::spawn(async move {
            ring.fetch(now).await;
            ring.finished.send_modify(|count| *count = count.wrapping_add(1));
        });
    }

    async fn fetch(&self, now: UnixTime) {
        match self.download().await {
            Ok((keys, fresh_for)) => {
                tracing::info!(
                    ring = self.name,
                    keys = keys.len(),
                    fresh_for,
                    "fetched the issuer's keys"
                );
                self.cache().fetched(keys, fresh_for, now);
            }
            Err(error) => {
                tracing::warn!(
                    ring = self.name,
                    error = %Causes(&error),
                    "no keys from the issuer"
                );
                self.cache().failed(error.to_string(), now);
            }
        }
    }

    async fn download(&self) -> Result<(BTreeMap<String, Key>, i64), DownloadError> {
        let client = self.client.as_ref().ok_or(DownloadError::NoClient)?;
        let (set, fresh_for) = download::key_set(client, &self.url).await?;
        let mut keys = BTreeMap::new();
        for (kid, key) in set.iter() {
            match NativeEngine.import(key).await {
                Ok(key) => keys.insert(kid.to_owned(), key),
                // Skipped like a key of another type; the others are still good.
                Err(EngineFault) => continue,
            };
        }
        Ok((keys, fresh_for))
    }
}
