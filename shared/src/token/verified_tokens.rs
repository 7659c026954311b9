//! Tokens verified a moment ago, so that a person's next request costs a comparison instead of a signature.
//!
//! An entry answers one question only, "is this token genuine?", whose answer does not change before `exp`. Whether the person
//! may still act does change: see [`super::check_standing`] and [`super::STANDING_SECONDS`].

use std::hash::{BuildHasherDefault, Hasher};
use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;

use crate::identity::{ProvenIdentity, TokenKind};
use crate::time::UnixTime;

use super::policy::TokenPolicy;

/// The longest a verified token is remembered, in seconds: a withdrawn signing key is forgotten within this time.
pub const VERIFIED_SECONDS: i64 = 300;

/// The characters of the signature an entry is filed under. Only filed: a hit is a match of the whole token.
const FINGERPRINT_BYTES: usize = 16;

/// Seconds for which a token verified at `now` may be remembered: `min(300, exp − now)`, and for a legacy token no longer than
/// legacy tokens are accepted. Zero or less = not at all. The skew does not apply: it is for judging, not for keeping.
#[must_use]
pub fn remember_for(identity: &ProvenIdentity, policy: &TokenPolicy, now: UnixTime) -> i64 {
    let seconds = VERIFIED_SECONDS.min(identity.expires_at.since(now));
    match (identity.kind, policy.legacy.accepted_until) {
        (TokenKind::Legacy, Some(until)) => seconds.min(until.since(now)),
        _ => seconds,
    }
}

/// Verified tokens, at most `capacity` of them; the least recently used goes first. Only genuine tokens get in, so strangers
/// can neither fill it nor aim at its hashing.
pub struct VerifiedTokens {
    entries: LruCache<u128, Entry, BuildHasherDefault<FingerprintHasher>>,
}

struct Entry {
    token: Box<str>,
    identity: Arc<ProvenIdentity>,
    until: UnixTime,
}

impl std::fmt::Debug for VerifiedTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedTokens")
            .field("len", &self.entries.len())
            .finish_non_exhaustive()
    }
}

impl VerifiedTokens {
    /// Room for `capacity` tokens of about 2 KiB each.
    #[must_use]
    pub fn new(capacity: NonZeroUsize) -> Self {
        Self {
            entries: LruCache::with_hasher(capacity, BuildHasherDefault::default()),
        }
    }

    /// The identity of `unverified`, if exactly this token was verified and may still be remembered at `now`.
    pub fn get(&mut self, unverified: &str, now: UnixTime) -> Option<Arc<ProvenIdentity>> {
        let fingerprint = fingerprint(unverified)?;
        let entry = self.entries.get(&fingerprint)?;
        if !same(&entry.token, unverified) {
            return None;
        }
        if now >= entry.until {
            self.entries.pop(&fingerprint);
            return None;
        }
        Some(Arc::clone(&entry.identity))
    }

    /// Remembers that `verified`, the whole token, is genuine, for as long as [`remember_for`] allows.
    pub fn insert(
        &mut self,
        verified: &str,
        identity: Arc<ProvenIdentity>,
        policy: &TokenPolicy,
        now: UnixTime,
    ) {
        let seconds = remember_for(&identity, policy, now);
        if seconds <= 0 {
            return;
        }
        if let Some(fingerprint) = fingerprint(verified) {
            self.entries.put(
                fingerprint,
                Entry {
                    token: verified.into(),
                    identity,
                    until: now.plus(seconds),
                },
            );
        }
    }

    /// How many tokens are remembered, stale ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The token's last characters: part of a signature, so as good as random. `None` for a token without one (the emulator's),
/// which is not worth remembering.
fn fingerprint(token: &str) -> Option<u128> {
    let (_, signature) = token.rsplit_once('.')?;
    signature
        .as_bytes()
        .last_chunk::<FINGERPRINT_BYTES>()
        .map(|bytes| u128::from_le_bytes(*bytes))
}

/// Compares without stopping at the first difference, so that the time taken does not spell out a remembered token.
fn same(known: &str, given: &str) -> bool {
    known.len() == given.len()
        && known
            .bytes()
            .zip(given.bytes())
            .fold(0, |differences, (a, b)| differences | (a ^ b))
            == 0
}

/// Takes a fingerprint as its own hash.
#[derive(Default)]
struct FingerprintHasher(u64);

impl Hasher for FingerprintHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, fingerprint: u128) {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = fingerprint.to_le_bytes();
        let (low, high) = (
            u64::from_le_bytes([a, b, c, d, e, f, g, h]),
            u64::from_le_bytes([i, j, k, l, m, n, o, p]),
        );
        // Base64url leaves each byte's high bits alike; the multiplication spreads them over the bits a table uses.
        self.0 = (low ^ high.rotate_left(29)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}
