//! The issuer's keys: fetched once for all waiting requests, refreshed ahead of time, kept when the issuer is down. `shared::key_cache`
//! decides; this file acts.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use js_sys::{Array, Uint8Array};
use shared::key_cache::{Decision, FETCH_TIMEOUT_SECONDS, KeyCache, STALE_SECONDS, Status, freshness};
use shared::time::UnixTime;
use shared::token::{KeySet, Keys, KeysUnavailable, MAX_KEY_SET_BYTES, Ring, SignatureEngine};
use wasm_bindgen::JsCast;
use worker::Context;

use super::clock::{self, now, now_ms};
use super::webcrypto::{ImportedKey, WebCrypto};
use super::{glue, task};
use crate::config::EdgeConfig;

const FETCH_TIMEOUT_MS: u32 = 3_000;
/// How long a request waits at most: another request's fetch that failed and its own, and a little longer.
const WAIT_MS: u64 = 2 * FETCH_TIMEOUT_MS as u64 + 500;
/// How often it looks, in milliseconds: first after this pause, and then after one twice as long each time.
const FIRST_PAUSE_MS: u32 = 4;
const MAX_PAUSE_MS: u32 = 32;
const _: () = assert!(FETCH_TIMEOUT_SECONDS * 1_000 == FETCH_TIMEOUT_MS as i64);

/// The keys that one isolate holds.
pub(super) struct KeyRings {
    id_token: Rc<Published>,
    session_cookie: Rc<Published>,
}

/// The keys published at one address.
struct Published {
    url: String,
    cache: RefCell<KeyCache<ImportedKey>>,
}

impl KeyRings {
    /// The rings of `config`. Keys fetched `before` from the same address are kept: an issuer's keys do not change with our variables.
    pub fn of(config: &EdgeConfig, before: Option<&Self>) -> Self {
        let ring = |ring| {
            let url = config.keys_url(ring);
            let kept = before.map(|before| before.published(ring));
            kept.filter(|kept| kept.url == url).map_or_else(
                || {
                    Rc::new(Published {
                        url: url.to_owned(),
                        cache: RefCell::default(),
                    })
                },
                Rc::clone,
            )
        };
        Self {
            id_token: ring(Ring::FirebaseIdToken),
            session_cookie: ring(Ring::FirebaseSessionCookie),
        }
    }

    fn published(&self, ring: Ring) -> &Rc<Published> {
        match ring {
            Ring::FirebaseIdToken => &self.id_token,
            Ring::FirebaseSessionCookie => &self.session_cookie,
        }
    }

    /// The state of `ring` for a health answer.
    pub fn status(&self, ring: Ring) -> Status {
        self.published(ring).cache.borrow().status(now())
    }
}

/// The isolate's keys for one request: a fetch that it starts outlives it.
pub(super) struct RequestKeys<'a> {
    keys: &'a KeyRings,
    context: &'a Context,
}

impl<'a> RequestKeys<'a> {
    pub fn new(keys: &'a KeyRings, context: &'a Context) -> Self {
        Self { keys, context }
    }

    /// Makes sure that `ring` has been fetched, for readiness.
    pub async fn warm(&self, ring: Ring) {
        if self.keys.status(ring).keys == 0 {
            // Without keys any name will do.
            let _ = self.find(ring, "", now()).await;
        }
    }

    /// Starts the fetch that the cache has just given out. It belongs to no request: a client may cancel the request that started it while
    /// others wait.
    fn start_fetch(&self, published: &Rc<Published>) {
        let published = Rc::clone(published);
        task::run_beside(self.context, async move { published.refresh().await });
    }
}

impl Keys for RequestKeys<'_> {
    type Key = ImportedKey;

    async fn find(
        &self,
        ring: Ring,
        kid: &str,
        mut now: UnixTime,
    ) -> Result<Option<ImportedKey>, KeysUnavailable> {
        let published = self.keys.published(ring);
        let cache = &published.cache;
        let until_ms = now_ms().saturating_add(WAIT_MS);
        let mut pause_ms = FIRST_PAUSE_MS;
        loop {
            let decision = cache.borrow_mut().decide(kid, now);
            match decision {
                Decision::Fresh | Decision::ServeStale => return Ok(cache.borrow().find(kid).cloned()),
                Decision::FreshButRefreshAhead | Decision::ServeStaleAndRefresh => {
                    self.start_fetch(published);
                    return Ok(cache.borrow().find(kid).cloned());
                }
                Decision::UnknownRefused => return Ok(None),
                Decision::Unavailable { retry_after } => return Err(KeysUnavailable { retry_after }),
                Decision::FetchFirst => self.start_fetch(published),
                Decision::WaitForFetch => {}
            }
            if now_ms() >= until_ms {
                return Err(KeysUnavailable { retry_after: 1 });
            }
            // By a timer of its own: a request that the fetch resumed would go on as the request that fetches.
            let _ = glue::pause(pause_ms).await;
            pause_ms = pause_ms.saturating_mul(2).min(MAX_PAUSE_MS);
            now = clock::now();
        }
    }
}

impl Published {
    /// Fetches the keys, from the data centre's cache if another isolate fetched them lately, else from the issuer, and reports the outcome
    /// to the cache.
    async fn refresh(&self) {
        let Self { url, cache } = self;
        if cache.borrow().status(now()).keys == 0
            && let Some(kept) = recall(url).await
            && let Ok(keys) = import(&kept.bytes).await
        {
            let still_fresh = now().since(kept.fetched_at) < kept.fresh_for;
            cache.borrow_mut().fetched(keys, kept.fresh_for, kept.fetched_at);
            if still_fresh {
                return;
            }
        }
        match download(url).await {
            Ok(document) => match import(&document.bytes).await {
                Ok(keys) => {
                    cache.borrow_mut().fetched(keys, document.fresh_for, now());
                    keep(url, &document).await;
                }
                Err(error) => cache.borrow_mut().failed(error, now()),
            },
            Err(error) => cache.borrow_mut().failed(error, now()),
        }
    }
}

struct Document {
    bytes: Vec<u8>,
    /// Seconds from `fetched_at`.
    fresh_for: i64,
    fetched_at: UnixTime,
}

async fn download(url: &str) -> Result<Document, &'static str> {
    let limit = u32::try_from(MAX_KEY_SET_BYTES).unwrap_or(u32::MAX);
    let answer: Array = glue::download(url, FETCH_TIMEOUT_MS, limit)
        .await
        .map_err(|_| "the issuer could not be reached, did not answer in 3 s, or sent too much")?
        .unchecked_into();
    if answer.get(0).as_f64() != Some(200.0) {
        return Err("the issuer did not answer 200");
    }
    let cache_control = answer.get(1).as_string();
    let age = answer.get(2).as_string().filter(|age| !age.is_empty());
    Ok(Document {
        bytes: answer.get(3).unchecked_into::<Uint8Array>().to_vec(),
        fresh_for: freshness(cache_control.as_deref(), age.as_deref()),
        fetched_at: now(),
    })
}

async fn import(bytes: &[u8]) -> Result<BTreeMap<String, ImportedKey>, String> {
    let set = KeySet::parse(bytes).map_err(|bad| bad.to_string())?;
    let mut keys = BTreeMap::new();
    for (kid, key) in set.iter() {
        // A key that the engine refuses is skipped, like one of another type; the others are still good.
        if let Ok(key) = WebCrypto.import(key).await {
            keys.insert(kid.to_owned(), key);
        }
    }
    Ok(keys)
}

async fn recall(url: &str) -> Option<Document> {
    let kept = glue::recall(url).await.ok().filter(|kept| !kept.is_undefined())?;
    let kept: Array = kept.unchecked_into();
    Some(Document {
        fetched_at: UnixTime::from_secs(seconds(kept.get(0).as_f64()?)),
        fresh_for: seconds(kept.get(1).as_f64()?),
        bytes: kept.get(2).unchecked_into::<Uint8Array>().to_vec(),
    })
}

async fn keep(url: &str, document: &Document) {
    let number = |seconds: i64| seconds as f64;
    let keep_for = document.fresh_for.saturating_add(STALE_SECONDS);
    // A failed write to the cache costs a fetch later, and nothing now.
    let _ = glue::keep(
        url,
        &document.bytes,
        number(document.fetched_at.secs()),
        number(document.fresh_for),
        number(keep_for),
    )
    .await;
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "saturates, and a wild number is only stale"
)]
fn seconds(number: f64) -> i64 {
    number as i64
}
