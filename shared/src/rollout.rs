//! Who is in the cohort: a user's bucket, and the share of buckets that has moved.
//!
//! The bucket is Unleash's gradual-rollout hash (`murmur3_x86_32` of `{group}:{key}`, seed 0) taken modulo 10,000 instead of
//! 100, so a step of 0.01 % is possible. It depends on nothing but the user and the group: the same user lands in the same
//! bucket on every request, in every isolate and in the bulk migration, and raising the percentage only ever adds users.

use std::fmt;

use crate::ids::NormalizedEmail;

/// How many buckets there are; one is 0.01 %.
pub const BUCKETS: u16 = 10_000;

/// A share of all users, in basis points (0.01 %), 0–10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percentage(u16);

impl Percentage {
    /// Nobody.
    pub const NOBODY: Self = Self(0);
    /// Everybody.
    pub const EVERYBODY: Self = Self(BUCKETS);

    /// A share of `basis_points` hundredths of a percent; `None` above 10,000.
    #[must_use]
    pub const fn from_basis_points(basis_points: u16) -> Option<Self> {
        if basis_points <= BUCKETS {
            Some(Self(basis_points))
        } else {
            None
        }
    }

    /// Reads `0` … `100` with at most two decimals, and nothing else: no sign, `%`, exponent or white space.
    ///
    /// # Errors
    /// [`InvalidPercentage`].
    pub fn parse(text: &str) -> Result<Self, InvalidPercentage> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str, most: usize| {
            (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(whole, 3) || !digits(fraction, 2) {
            return Err(InvalidPercentage);
        }
        let number = |text: &str| text.parse::<u16>().map_err(|_| InvalidPercentage);
        let hundredths = if fraction.len() == 1 {
            number(fraction)?.saturating_mul(10)
        } else {
            number(fraction)?
        };
        let basis_points = number(whole)?.saturating_mul(100).saturating_add(hundredths);
        Self::from_basis_points(basis_points).ok_or(InvalidPercentage)
    }

    /// The share in basis points.
    #[must_use]
    pub const fn basis_points(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Percentage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, hundredths) = (self.0.div_euclid(100), self.0.rem_euclid(100));
        if hundredths == 0 {
            write!(f, "{whole}")
        } else {
            write!(f, "{whole}.{hundredths:02}")
        }
    }
}

/// The text is not a percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a percentage from 0 to 100 with at most two decimals")]
pub struct InvalidPercentage;

/// A user's place in the order in which users move, 0–9,999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(u16);

impl Bucket {
    /// The bucket of `key` in `group`.
    ///
    /// `group` is a salt: two groups order the same users independently.
    #[must_use]
    pub fn of(group: &str, key: RolloutKey<'_>) -> Self {
        let hash = murmur3_32(&[group.as_bytes(), b":", key.as_str().as_bytes()]);
        // Below 10,000, so it always fits.
        Self(u16::try_from(hash.rem_euclid(u32::from(BUCKETS))).unwrap_or(0))
    }

    /// Whether this bucket has moved once `share` of all users have moved.
    #[must_use]
    pub const fn is_within(self, share: Percentage) -> bool {
        self.0 < share.0
    }

    /// The bucket's number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The bucket with this number; `None` from 10,000 on.
    #[must_use]
    pub const fn from_number(number: u16) -> Option<Self> {
        if number < BUCKETS {
            Some(Self(number))
        } else {
            None
        }
    }
}

/// What identifies a user at sign-in, the best first.
///
/// The e-mail address comes first because a login form sends nothing else, and it is the same under either kind of token: one user thus has
/// one bucket before, during and after the move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RolloutKey<'a> {
    /// The normalised e-mail address.
    Email(&'a NormalizedEmail),
    /// Our user id (or the Firebase uid, which is the user id for migrated accounts) of a user without an address.
    Id(&'a str),
}

impl RolloutKey<'_> {
    /// What is hashed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email(email) => email.as_str(),
            Self::Id(id) => id,
        }
    }
}

/// MurmurHash3, x86, 32 bits, seed 0, over the parts as if they were one text.
pub(crate) fn murmur3_32(parts: &[&[u8]]) -> u32 {
    let mut bytes = parts.iter().flat_map(|part| part.iter().copied());
    let mut hash: u32 = 0;
    let mut length: u32 = 0;
    loop {
        let mut word: u32 = 0;
        let mut taken: u32 = 0;
        while taken < 4 {
            let Some(byte) = bytes.next() else { break };
            word |= u32::from(byte) << taken.wrapping_mul(8);
            taken = taken.wrapping_add(1);
        }
        length = length.wrapping_add(taken);
        if taken == 4 {
            hash = (hash ^ scramble(word))
                .rotate_left(13)
                .wrapping_mul(5)
                .wrapping_add(0xe654_6b64);
            continue;
        }
        hash ^= scramble(word);
        return finish(hash ^ length);
    }
}

const fn scramble(word: u32) -> u32 {
    word.wrapping_mul(0xcc9e_2d51)
        .rotate_left(15)
        .wrapping_mul(0x1b87_3593)
}

const fn finish(mut hash: u32) -> u32 {
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests;
