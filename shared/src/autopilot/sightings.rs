//! What isolates saw, caller by caller, as it travels to the object that decides.
//!
//! A sighting is 24 bits: a 16-bit hash of the caller, out of which no address can be read, and what became of the caller's request. Only the first
//! sighting of a caller counts, per isolate and report here, per step and day in [`Seen`](super::seen::Seen): each caller is one trial of
//! the sequential test, and nobody is more than one. Two callers with the same hash count as one of them, which takes trials away at random and
//! favours nobody.

use super::sessions::{Sessions, UserMark};
use crate::base64url;
use crate::callers::CallerMark;
use crate::fallback::{Evidence, Outcome};
use crate::routing::Side;

/// So many callers of one report are told. What an isolate sees beyond them within two seconds is left out, whatever became of it.
pub const MOST: usize = 256;

/// What a sighting is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A sign-in that the percentage sent to this side first.
    SignIn(Side),
    /// A read of the legacy service's, repeated at v2.
    ShadowRead,
}

/// What one caller saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// The caller's hash.
    pub caller: u16,
    /// What was asked.
    pub subject: Subject,
    /// The side failed; of a shadow read: v2 said something else.
    pub failed: bool,
    /// The password was refused.
    pub wrong_password: bool,
    /// The answer took long.
    pub slow: bool,
}

const V2: u32 = 1 << 16;
const SHADOW: u32 = 1 << 17;
const FAILED: u32 = 1 << 18;
const WRONG_PASSWORD: u32 = 1 << 19;
const SLOW: u32 = 1 << 20;
const KNOWN: u32 = (1 << 21) - 1;
/// Which caller, and what was asked.
const WHO: u32 = 0xFFFF | V2 | SHADOW;

impl Sighting {
    fn pack(self) -> u32 {
        let subject = match self.subject {
            Subject::SignIn(Side::Legacy) => 0,
            Subject::SignIn(Side::V2) => V2,
            Subject::ShadowRead => SHADOW,
        };
        let flag = |set: bool, bit: u32| if set { bit } else { 0 };
        u32::from(self.caller)
            | subject
            | flag(self.failed, FAILED)
            | flag(self.wrong_password, WRONG_PASSWORD)
            | flag(self.slow, SLOW)
    }

    fn unpack(bits: u32) -> Option<Self> {
        let subject = match bits & (V2 | SHADOW) {
            0 => Subject::SignIn(Side::Legacy),
            V2 => Subject::SignIn(Side::V2),
            SHADOW => Subject::ShadowRead,
            _ => return None,
        };
        (bits & !KNOWN == 0).then_some(Self {
            caller: u16::try_from(bits & 0xFFFF).ok()?,
            subject,
            failed: bits & FAILED != 0,
            wrong_password: bits & WRONG_PASSWORD != 0,
            slow: bits & SLOW != 0,
        })
    }
}

/// What one isolate saw since it last said so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sightings {
    callers: Vec<u32>,
    /// The same of sessions.
    pub sessions: Sessions,
}

impl Sightings {
    /// Counts that `side` signed `user` in, if it did.
    pub fn session(&mut self, side: Side, outcome: Outcome, caller: CallerMark, user: UserMark) {
        if matches!(outcome, Outcome::Status(200..=299)) {
            self.sessions.began(user, side, caller);
        }
    }

    /// Counts a sign-in of `caller` at `side`, which took `took_ms`, unless its outcome says nothing about that side.
    pub fn sign_in(&mut self, side: Side, outcome: Outcome, caller: CallerMark, took_ms: u64, slow_ms: u32) {
        let Some(evidence) = outcome.of_side(side) else {
            return;
        };
        let failed = evidence == Evidence::Failed;
        self.add(Sighting {
            caller: caller.short(),
            subject: Subject::SignIn(side),
            failed,
            wrong_password: outcome == Outcome::Status(401),
            slow: !failed && took_ms >= u64::from(slow_ms),
        });
    }

    /// Counts a read of `caller` that both sides answered.
    pub fn shadow_read(&mut self, caller: CallerMark, differs: bool) {
        self.add(Sighting {
            caller: caller.short(),
            subject: Subject::ShadowRead,
            failed: differs,
            wrong_password: false,
            slow: false,
        });
    }

    fn add(&mut self, sighting: Sighting) {
        let packed = sighting.pack();
        let is_new = !self.callers.iter().any(|earlier| earlier & WHO == packed & WHO);
        if self.callers.len() < MOST && is_new {
            self.callers.push(packed);
        }
    }

    /// All of callers.
    pub fn iter(&self) -> impl Iterator<Item = Sighting> {
        self.callers.iter().copied().filter_map(Sighting::unpack)
    }

    /// Those of callers as one line of text, four characters each. Those of sessions go in a line of their own.
    #[must_use]
    pub fn to_text(&self) -> String {
        let bytes: Vec<u8> = self
            .callers
            .iter()
            .flat_map(|packed| packed.to_be_bytes().into_iter().skip(1))
            .collect();
        base64url::encode(&bytes)
    }

    /// Reads what [`Self::to_text`] and [`Sessions::to_text`] wrote; nothing of anything else.
    #[must_use]
    pub fn from_texts(callers: &str, sessions: &str) -> Self {
        let bytes = base64url::decode(callers.as_bytes()).unwrap_or_default();
        let (sightings, rest) = bytes.as_chunks::<3>();
        let is_whole = rest.is_empty() && sightings.len() <= MOST;
        let packed = sightings
            .iter()
            .filter(|_| is_whole)
            .map(|[a, b, c]| u32::from_be_bytes([0, *a, *b, *c]));
        Self {
            callers: packed.collect(),
            sessions: Sessions::from_text(sessions),
        }
    }
}
