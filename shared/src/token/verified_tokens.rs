//! Tokens that were verified a moment ago: a user's next request costs a comparison instead of a signature.
//!
//! An entry answers one question only, "is this token genuine?", and that answer does not change before `exp`. Whether the user may still
//! act does change: see [`super::check_standing`] and [`super::STANDING_SECONDS`].

use std::borrow::Borrow;
use std::hash::{BuildHasherDefault, Hasher};
use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;

use crate::identity::{ProvenIdentity, TokenKind};
use crate::time::UnixTime;

use super::policy::TokenPolicy;

/// The longest time for which a verified token is remembered, in seconds: the cache forgets a withdrawn signing key within this time.
pub const VERIFIED_SECONDS: i64 = 300;

/// The characters of the signature under which an entry is filed. A hit is still a match of the whole token.
const FINGERPRINT_BYTES: usize = 16;

/// Seconds for which a token verified at `now` may be remembered: `min(300, exp − now)`, and for a legacy token no longer than legacy
/// tokens are accepted. Zero or less means not at all. The skew does not apply: it is for judging, not for keeping.
#[must_use]
pub fn remember_for(identity: &ProvenIdentity, policy: &TokenPolicy, now: UnixTime) -> i64 {
    let seconds = VERIFIED_SECONDS.min(identity.expires_at.since(now));
    match (identity.kind, policy.legacy.accepted_until) {
        (TokenKind::Legacy, Some(until)) => seconds.min(until.since(now)),
        _ => seconds,
    }
}

/// Verified tokens, at most `capacity` of them; the least recently used goes first. Only genuine tokens get in, so strangers can neither
/// fill it nor choose entries that collide in its hashing.
///
/// `I` is the form in which the owner shares the proven identity: between threads, or together with more facts.
pub struct VerifiedTokens<I = Arc<ProvenIdentity>> {
    entries: LruCache<u128, Entry<I>, BuildHasherDefault<FingerprintHasher>>,
}

struct Entry<I> {
    token: Box<str>,
    identity: I,
    until: UnixTime,
}

impl<I> std::fmt::Debug for VerifiedTokens<I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedTokens")
            .field("len", &self.entries.len())
            .finish_non_exhaustive()
    }
}

impl<I: Borrow<ProvenIdentity> + Clone> VerifiedTokens<I> {
    /// Room for `capacity` tokens of about 2 KiB each.
    #[must_use]
    pub fn new(capacity: NonZeroUsize) -> Self {
        Self {
            entries: LruCache::with_hasher(capacity, BuildHasherDefault::default()),
        }
    }

    /// The identity of `unverified`, if exactly this token was verified and may still be remembered at `now`.
    pub fn get(&mut self, unverified: &str, now: UnixTime) -> Option<I> {
        let fingerprint = fingerprint(unverified)?;
        let entry = self.entries.get(&fingerprint)?;
        if !same(&entry.token, unverified) {
            return None;
        }
        if now >= entry.until {
            self.entries.pop(&fingerprint);
            return None;
        }
        Some(entry.identity.clone())
    }

    /// Remembers that `verified`, the whole token, is genuine, for as long as [`remember_for`] allows.
    pub fn insert(&mut self, verified: &str, identity: I, policy: &TokenPolicy, now: UnixTime) {
        let seconds = remember_for(identity.borrow(), policy, now);
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

/// The token's last characters: part of a signature, so as good as random. `None` for a token without a signature (the emulator's): it is
/// not worth remembering.
fn fingerprint(token: &str) -> Option<u128> {
    let (_, signature) = token.rsplit_once('.')?;
    signature
        .as_bytes()
        .last_chunk::<FINGERPRINT_BYTES>()
        .map(|bytes| u128::from_le_bytes(*bytes))
}

/// Compares without stopping at the first difference, so that the time taken reveals nothing about a remembered token.
fn same(known: &str, given: &str) -> bool {
    known.len() == given.len()
        && known
            .bytes()
            .zip(given.bytes())
            .fold(0, |differences, (a, b)| differences | (a ^ b))
            == 0
}

/// Uses a fingerprint as its own hash.
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

#[cfg(test)]
mod tests {
    use super::super::legacy::LegacyPolicy;
    use super::*;
    use crate::identity::{Identity, Subject};
    use crate::ids::FirebaseUid;
    use crate::time::ClockSkew;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);

    fn policy(accepted_until: Option<UnixTime>) -> TokenPolicy {
        TokenPolicy {
            projects: Vec::new(),
            tenant: None,
            skew: ClockSkew::DEFAULT,
            session_cookies: false,
            emulator: None,
            legacy: LegacyPolicy {
                secrets: Vec::new(),
                issuer: String::new(),
                audience: String::new(),
                accepted_until,
            },
        }
    }

    fn identity(kind: TokenKind, expires_in: i64) -> Arc<ProvenIdentity> {
        Arc::new(ProvenIdentity::new(Identity::new(
            kind,
            Subject::Firebase(FirebaseUid::parse("uid").unwrap()),
            NOW,
            NOW.plus(expires_in),
        )))
    }

    fn cache(capacity: usize) -> VerifiedTokens {
        VerifiedTokens::new(NonZeroUsize::new(capacity).unwrap())
    }

    #[test]
    fn remembered_for_five_minutes_or_until_it_expires() {
        for (kind, expires_in, until, expected) in [
            (TokenKind::Firebase, 3600, None, 300),
            (TokenKind::Firebase, 300, None, 300),
            (TokenKind::Firebase, 299, None, 299),
            (TokenKind::Firebase, 1, None, 1),
            (TokenKind::Firebase, 0, None, 0),
            (TokenKind::Firebase, -20, None, -20),
            (TokenKind::Firebase, 3600, Some(10), 300),
            (TokenKind::Legacy, 3600, Some(10), 10),
            (TokenKind::Legacy, 3600, Some(0), 0),
        ] {
            let policy = policy(until.map(|seconds| NOW.plus(seconds)));
            assert_eq!(remember_for(&identity(kind, expires_in), &policy, NOW), expected);
        }
    }

    #[test]
    fn an_entry_ends_on_time() {
        let (mut cache, token) = (cache(4), "header.payload.signature-of-a-token");
        cache.insert(token, identity(TokenKind::Firebase, 100), &policy(None), NOW);
        assert!(cache.get(token, NOW.plus(99)).is_some());
        assert!(cache.get(token, NOW.plus(100)).is_none());
        assert!(cache.is_empty());
        // Within the skew a token may be accepted after `exp`; it is then verified each time.
        cache.insert(token, identity(TokenKind::Firebase, -5), &policy(None), NOW);
        assert!(cache.is_empty());
    }

    #[test]
    fn only_the_whole_token_is_a_hit() {
        let (mut cache, token) = (cache(4), "header.payload.signature-of-a-token");
        cache.insert(token, identity(TokenKind::Firebase, 100), &policy(None), NOW);
        for position in 0..token.len() {
            let mut other = token.as_bytes().to_vec();
            other[position] ^= 1;
            assert!(
                cache.get(std::str::from_utf8(&other).unwrap(), NOW).is_none(),
                "byte {position}"
            );
        }
        for other in [
            "",
            ".",
            "signature-of-a-token",
            "xheader.payload.signature-of-a-token",
            "header.payload.signature-of-a-token2",
        ] {
            assert!(cache.get(other, NOW).is_none(), "{other}");
        }
        assert!(cache.get(token, NOW).is_some());
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut cache = cache(2);
        let token = |n: u8| format!("h.p.signature-number-{n:08}");
        for n in [1, 2] {
            cache.insert(&token(n), identity(TokenKind::Firebase, 100), &policy(None), NOW);
        }
        assert!(cache.get(&token(1), NOW).is_some());
        cache.insert(&token(3), identity(TokenKind::Firebase, 100), &policy(None), NOW);
        assert_eq!(cache.len(), 2);
        assert!(cache.get(&token(1), NOW).is_some() && cache.get(&token(2), NOW).is_none());
    }

    #[test]
    fn unsigned_tokens_are_not_remembered() {
        let mut cache = cache(2);
        cache.insert(
            "header.payload.",
            identity(TokenKind::Firebase, 100),
            &policy(None),
            NOW,
        );
        assert!(cache.is_empty());
    }
}
