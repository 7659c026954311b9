//! Sign-ins that are followed: whether a call comes soon after, and whether their sessions are in use after their time.
//!
//! Each is one trial of two guardrails, on the side that signed the user in. What becomes of it is counted at a fixed time after the
//! sign-in, however early it is known: what is known early is not a fair sample.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::plan::{CLOCKS_DIFFER, Follows};
use super::seen::Seen;
use super::sessions::{Session, Sessions, UserMark};
use crate::base64url;
use crate::guardrail::Count;
use crate::routing::Side;
use crate::time::UnixTime;

/// So many sign-ins of either side are followed at once, one after the other as their time allows: both sides' are then of the same hours.
const MOST_OPEN: i64 = 2_048;
/// So many more at the beginning.
const AT_ONCE: i64 = 20;
/// What happened is counted so many seconds after the end of its time: reports come late.
const SETTLES: i64 = 12;
/// They are looked through so often, in seconds.
const SETTLED_EVERY: i64 = 10;

/// A sign-in that is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Trial {
    side: Side,
    began: UnixTime,
    /// A call came soon after it.
    called: bool,
    /// Whether that has been counted.
    is_counted: bool,
    /// A call came after the session's time.
    is_in_use: bool,
}

/// What became of trials, by side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ended {
    /// When the first of them was counted.
    pub since: Option<UnixTime>,
    /// Of v2.
    pub v2: Count,
    /// Of the legacy service.
    pub legacy: Count,
}

impl Ended {
    fn count(&mut self, side: Side, happened: bool, now: UnixTime) {
        let count = match side {
            Side::V2 => &mut self.v2,
            Side::Legacy => &mut self.legacy,
        };
        count.add(Count {
            requests: 1,
            events: u32::from(happened),
        });
        self.since.get_or_insert(now);
    }
}

/// All sign-ins that are followed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Trials {
    open: Open,
    since: Option<UnixTime>,
    /// How many there were since then: of v2, and of the legacy service.
    begun: (i64, i64),
    /// Those of which one sign-in is followed already.
    callers: Seen,
    /// Sign-ins, and those of them that no call came after.
    pub without_call: Ended,
    /// Sessions, and those of them that are in use after their time.
    pub in_use: Ended,
    #[serde(skip)]
    settled_at: Option<UnixTime>,
}

impl Trials {
    /// Takes what an isolate saw.
    pub fn observe(&mut self, sessions: &Sessions, follows: Follows, now: UnixTime) {
        for session in sessions.iter() {
            match session {
                Session::Began { user, side, caller } => self.begin((user, side, caller), follows, now),
                Session::Used { user, age } => self.used(user, i64::from(age), follows, now),
            }
        }
        let is_early = |at| (0..SETTLED_EVERY).contains(&now.since(at));
        if !self.settled_at.is_some_and(is_early) {
            self.settled_at = Some(now);
            self.settle(follows, now);
        }
    }

    /// Forgets those whose end is not known: a side is down.
    pub fn set_aside(&mut self) {
        self.open = Open::default();
    }

    /// Another day: each caller counts once more.
    pub fn forget_callers(&mut self) {
        self.callers = Seen::default();
    }

    fn begin(&mut self, (user, side, caller): (UserMark, Side, u16), follows: Follows, now: UnixTime) {
        let elapsed = now.since(*self.since.get_or_insert(now));
        let may_be = elapsed
            .saturating_mul(MOST_OPEN)
            .checked_div(follows.end())
            .unwrap_or_default()
            .saturating_add(AT_ONCE);
        let begun = match side {
            Side::V2 => &mut self.begun.0,
            Side::Legacy => &mut self.begun.1,
        };
        if *begun < may_be && !self.open.0.contains_key(&user) && self.callers.is_new(caller) {
            *begun = begun.saturating_add(1);
            let trial = Trial {
                side,
                began: now,
                called: false,
                is_counted: false,
                is_in_use: false,
            };
            self.open.0.insert(user, trial);
        }
    }

    fn used(&mut self, user: UserMark, age: i64, follows: Follows, now: UnixTime) {
        let Some(trial) = self.open.0.get_mut(&user) else {
            return;
        };
        // Of that very session, not of another device's.
        let differs_by = now.since(trial.began).saturating_sub(age);
        if !(-CLOCKS_DIFFER..=CLOCKS_DIFFER).contains(&differs_by) {
            return;
        }
        trial.called |= age < follows.first_call();
        trial.is_in_use |= age >= follows.session();
    }

    fn settle(&mut self, follows: Follows, now: UnixTime) {
        let (without_call, in_use) = (&mut self.without_call, &mut self.in_use);
        self.open.0.retain(|_, trial| {
            let age = now.since(trial.began).saturating_sub(SETTLES);
            if !trial.is_counted && age >= follows.first_call() {
                trial.is_counted = true;
                without_call.count(trial.side, !trial.called, now);
            }
            let is_over = age >= follows.end();
            if is_over {
                in_use.count(trial.side, trial.is_in_use, now);
            }
            // A clock that stepped back ends it, too.
            !is_over && age >= -SETTLES
        });
    }
}

/// By user: each has one at a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Open(BTreeMap<UserMark, Trial>);

const V2: u8 = 1;
const CALLED: u8 = 2;
const COUNTED: u8 = 4;
const IN_USE: u8 = 8;

impl Serialize for Open {
    /// Twelve bytes each: the mark, what is known, and the time.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(self.0.len().saturating_mul(12));
        for (user, trial) in &self.0 {
            let flag = |set: bool, bit: u8| if set { bit } else { 0 };
            let flags = flag(trial.side == Side::V2, V2)
                | flag(trial.called, CALLED)
                | flag(trial.is_counted, COUNTED)
                | flag(trial.is_in_use, IN_USE);
            let [_, a, b, c] = user.bits().to_be_bytes();
            bytes.extend([flags, a, b, c]);
            bytes.extend(trial.began.secs().to_be_bytes());
        }
        serializer.serialize_str(&base64url::encode(&bytes))
    }
}

impl<'de> Deserialize<'de> for Open {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = base64url::decode(text.as_bytes()).map_err(|_| de::Error::custom("not base64url"))?;
        let (trials, rest) = bytes.as_chunks::<12>();
        if !rest.is_empty() {
            return Err(de::Error::custom("not twelve bytes each"));
        }
        let read = |[flags, a, b, c, began @ ..]: [u8; 12]| {
            let trial = Trial {
                side: if flags & V2 == 0 { Side::Legacy } else { Side::V2 },
                began: UnixTime::from_secs(i64::from_be_bytes(began)),
                called: flags & CALLED != 0,
                is_counted: flags & COUNTED != 0,
                is_in_use: flags & IN_USE != 0,
            };
            (UserMark::from_bits(u32::from_be_bytes([0, a, b, c])), trial)
        };
        Ok(Self(trials.iter().copied().map(read).collect()))
    }
}
