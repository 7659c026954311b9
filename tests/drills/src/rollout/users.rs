//! Who plays, and what each of them remembers.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use shared::ids::NormalizedEmail;
use shared::routing::Side;

/// Where somebody has an account at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only with the legacy service: a row with a hash.
    Old,
    /// Only with Firebase, and a row without a hash.
    New,
    /// Only with Firebase; the row is made when they are first seen.
    Unseen,
    /// With both, under one id.
    Migrated,
    /// Only with Firebase, and without an address.
    NoAddress,
}

/// What somebody signs in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignsInBy {
    /// Address and password.
    Address,
    /// Username and password: the request names no address.
    Username,
    /// A refresh token: nobody asks them for a password.
    RefreshToken,
}

/// One user.
#[derive(Debug)]
pub struct User {
    pub number: u32,
    pub kind: Kind,
    pub by: SignsInBy,
    memory: Mutex<Memory>,
}

/// What a user, or their browser, remembers.
#[derive(Debug, Default)]
pub struct Memory {
    /// Their id, once somebody has told them.
    pub id: Option<String>,
    /// The token they hold.
    pub token: Option<Token>,
    /// The last one of the other side: they hold it, too, once they have moved.
    pub token_before_move: Option<Token>,
    /// What gets them another one.
    pub refresh_token: Option<String>,
    /// Their last sign-in.
    pub signed_in: Option<SignIn>,
    /// Since when nothing has worked for them.
    pub out_since: Option<Instant>,
    /// When everything last worked for them, their service included.
    pub well_at: Option<Instant>,
}

/// A token and who issued it.
#[derive(Debug, Clone)]
pub struct Token {
    pub text: String,
    pub issuer: Side,
}

/// Which side signed somebody in, and when.
#[derive(Debug, Clone, Copy)]
pub struct SignIn {
    pub side: Side,
    /// The deployment that decided.
    pub deployment: usize,
    /// Whether it went as it goes when nobody is in trouble.
    pub as_ever: bool,
    pub began: Instant,
    pub ended: Instant,
}

impl User {
    /// The user with this number. Of ten, four are old, two new (one of those unseen), three migrated, one without an address; one of
    /// the old and one of the migrated sign in by username.
    pub fn new(number: u32) -> Self {
        let (kind, by) = match number % 10 {
            0..=2 => (Kind::Old, SignsInBy::Address),
            3 => (Kind::Old, SignsInBy::Username),
            4 => (Kind::New, SignsInBy::Address),
            5 => (Kind::Unseen, SignsInBy::Address),
            6 | 7 => (Kind::Migrated, SignsInBy::Address),
            8 => (Kind::Migrated, SignsInBy::Username),
            _ => (Kind::NoAddress, SignsInBy::RefreshToken),
        };
        Self {
            number,
            kind,
            by,
            memory: Mutex::default(),
        }
    }

    pub fn username(&self) -> String {
        format!("person{}", self.number)
    }

    pub fn email(&self) -> String {
        format!("person{}@example.com", self.number)
    }

    /// Where they call from: what one caller sees of a service is no reason to leave it alone.
    pub fn address(&self) -> String {
        let [_, b, c, d] = self.number.to_be_bytes();
        format!("10.{b}.{c}.{d}")
    }

    pub fn password(&self) -> String {
        format!("password {}", self.number)
    }

    /// The id of their row, which is also the Firebase uid of users who are migrated.
    pub fn row_id(&self) -> String {
        format!("00000000-0000-4000-8000-{:012x}", self.number)
    }

    /// The uid of their account at Firebase, if they have one at first and it was not Firebase that chose it.
    pub fn firebase_uid(&self) -> Option<String> {
        match self.kind {
            Kind::New | Kind::Unseen => Some(format!("uid-{}", self.number)),
            Kind::Migrated => Some(self.row_id()),
            Kind::Old | Kind::NoAddress => None,
        }
    }

    /// The address a sign-in of theirs shows to the edge.
    pub fn shown_email(&self) -> Option<NormalizedEmail> {
        match self.by {
            SignsInBy::Address => NormalizedEmail::parse(&self.email()).ok(),
            SignsInBy::Username | SignsInBy::RefreshToken => None,
        }
    }

    /// Whether the legacy service could sign them in; v2 can sign everybody in.
    pub fn legacy_knows(&self) -> bool {
        matches!(self.kind, Kind::Old | Kind::Migrated)
    }

    pub fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
