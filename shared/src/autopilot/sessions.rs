//! What isolates see of sessions: the sign-ins that began them, and calls with their tokens. It travels beside the sightings.
//!
//! A token says whose it is and when its session began, and that ties a call to a sign-in, on whatever network either came: by 24 bits
//! of a keyed hash of the address, and the time. Nobody without the key can say whose a mark is, and with it no more than which one in
//! 16 million addresses.

use crate::base64url;
use crate::callers::CallerMark;
use crate::ids::NormalizedEmail;
use crate::limits::KeyMaker;
use crate::routing::Side;

/// So many of one report are told. A call beyond them is told at the next one of its session.
pub const MOST_SESSIONS: usize = 256;

/// A user, as sessions are told apart by: a keyed hash of their address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserMark(u32);

impl UserMark {
    /// The mark of the user with this address. Another key makes another mark of it.
    #[must_use]
    pub fn of(keys: &KeyMaker, email: &NormalizedEmail) -> Self {
        Self::from_bits(keys.key("session", &[email.as_str().as_bytes()]).short())
    }

    /// The mark in the last 24 of these bits.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits & 0x00FF_FFFF)
    }

    pub(super) const fn bits(self) -> u32 {
        self.0
    }
}

/// Something about one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// A side signed the user in, as the percentage alone decided.
    Began {
        /// Whose it is.
        user: UserMark,
        /// The side.
        side: Side,
        /// The hash of the caller.
        caller: u16,
    },
    /// A call came with a token of it.
    Used {
        /// Whose it is.
        user: UserMark,
        /// So many seconds after it began.
        age: u16,
    },
}

const BEGAN_AT_LEGACY: u8 = 0;
const BEGAN_AT_V2: u8 = 1;
const USED: u8 = 2;

impl Session {
    fn pack(self) -> [u8; 6] {
        let (user, what, number) = match self {
            Self::Began { user, side, caller } => match side {
                Side::Legacy => (user, BEGAN_AT_LEGACY, caller),
                Side::V2 => (user, BEGAN_AT_V2, caller),
            },
            Self::Used { user, age } => (user, USED, age),
        };
        let ([_, a, b, c], [d, e]) = (user.0.to_be_bytes(), number.to_be_bytes());
        [a, b, c, what, d, e]
    }

    fn unpack([a, b, c, what, d, e]: [u8; 6]) -> Option<Self> {
        let (user, number) = (
            UserMark(u32::from_be_bytes([0, a, b, c])),
            u16::from_be_bytes([d, e]),
        );
        let began = |side| Self::Began {
            user,
            side,
            caller: number,
        };
        match what {
            BEGAN_AT_LEGACY => Some(began(Side::Legacy)),
            BEGAN_AT_V2 => Some(began(Side::V2)),
            USED => Some(Self::Used { user, age: number }),
            // Of a later version.
            _ => None,
        }
    }
}

/// What one isolate saw of sessions since it last said so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sessions(Vec<[u8; 6]>);

impl Sessions {
    /// Tells that `side` signed `user` in, whose caller is `caller`.
    pub fn began(&mut self, user: UserMark, side: Side, caller: CallerMark) {
        self.add(Session::Began {
            user,
            side,
            caller: caller.short(),
        });
    }

    /// Tells of a call of `user` with a token of a session that began `age` seconds ago. Whether there was room for it.
    pub fn used(&mut self, user: UserMark, age: i64) -> bool {
        // The issuer's clock may be ahead of ours.
        let age = u16::try_from(age.max(0)).unwrap_or(u16::MAX);
        self.add(Session::Used { user, age })
    }

    fn add(&mut self, session: Session) -> bool {
        let has_room = self.0.len() < MOST_SESSIONS;
        if has_room {
            self.0.push(session.pack());
        }
        has_room
    }

    /// All of them, in the order in which they happened.
    pub fn iter(&self) -> impl Iterator<Item = Session> {
        self.0.iter().copied().filter_map(Session::unpack)
    }

    /// As one line of text, eight characters each.
    #[must_use]
    pub fn to_text(&self) -> String {
        base64url::encode(self.0.as_flattened())
    }

    /// Reads what [`Self::to_text`] wrote; nothing of anything else.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let bytes = base64url::decode(text.as_bytes()).unwrap_or_default();
        let (sessions, rest) = bytes.as_chunks::<6>();
        if !rest.is_empty() || sessions.len() > MOST_SESSIONS {
            return Self::default();
        }
        Self(sessions.to_vec())
    }
}
