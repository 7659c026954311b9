//! A stored bcrypt hash, parsed strictly, and the cost of a check.

use std::fmt;

/// The cost above which a stored hash is not checked; `BCRYPT_MAX_COST` overrides it. A check takes 2^cost rounds: some 50 ms of a core at
/// 10, 0.8 s at 14, a day at 31.
pub const MAX_COST: u32 = 14;
/// Salt and digest: 22 and 31 characters of bcrypt's own base64.
const DIGEST_CHARACTERS: usize = 53;

/// A bcrypt string (`$2b$10$` and 53 characters) with a cost that is checked.
#[derive(Clone, PartialEq, Eq)]
pub struct BcryptHash(String);

/// Why a stored text matches no password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnusableHash {
    /// It is not a bcrypt string: no password, a placeholder, another algorithm.
    #[error("the stored hash is not bcrypt")]
    NotBcrypt,
    /// A check would delay those of all other users.
    #[error("the stored hash has cost {cost}, more than BCRYPT_MAX_COST")]
    TooCostly {
        /// Its cost.
        cost: u32,
    },
}

impl BcryptHash {
    /// Reads `stored`, with a cost of at most `max_cost`. PHP calls the algorithm of `$2b$` `$2y$`; `$2x$` marks hashes of an old faulty
    /// implementation and is refused.
    ///
    /// # Errors
    /// [`UnusableHash`].
    pub fn parse(stored: &str, max_cost: u32) -> Result<Self, UnusableHash> {
        let cost = cost_of(stored).ok_or(UnusableHash::NotBcrypt)?;
        if cost > max_cost {
            return Err(UnusableHash::TooCostly { cost });
        }
        Ok(Self(stored.to_owned()))
    }

    /// The whole string, as stored.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The whole string in a form that Firebase reads.
    #[must_use]
    pub fn for_firebase(&self) -> String {
        match self.0.strip_prefix("$2y$") {
            Some(rest) => format!("$2b${rest}"),
            None => self.0.clone(),
        }
    }
}

impl fmt::Debug for BcryptHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BcryptHash")
    }
}

/// The cost of a bcrypt string; `None` for anything else.
fn cost_of(stored: &str) -> Option<u32> {
    let rest = ["$2a$", "$2b$", "$2y$"]
        .iter()
        .find_map(|prefix| stored.strip_prefix(prefix))?;
    let (cost, digest) = rest.split_once('$')?;
    let digits = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
    let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/');
    let cost: u32 = cost.parse().ok().filter(|_| digits)?;
    let legal = (4..=31).contains(&cost) && digest.len() == DIGEST_CHARACTERS;
    (legal && digest.bytes().all(alphabet)).then_some(cost)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";

    #[test]
    fn whole_bcrypt_strings_up_to_the_bound_are_read() {
        for (stored, at_firebase) in [
            (format!("$2a$04${DIGEST}"), format!("$2a$04${DIGEST}")),
            (format!("$2b$10${DIGEST}"), format!("$2b$10${DIGEST}")),
            (format!("$2y$14${DIGEST}"), format!("$2b$14${DIGEST}")),
        ] {
            let hash = BcryptHash::parse(&stored, MAX_COST).unwrap();
            assert_eq!(
                (hash.expose(), hash.for_firebase().as_str()),
                (stored.as_str(), at_firebase.as_str())
            );
            assert_eq!(format!("{hash:?}"), "BcryptHash");
        }
    }

    #[test]
    fn cost_above_the_bound_is_refused_and_named() {
        for cost in 15..=31 {
            let stored = format!("$2b${cost}${DIGEST}");
            assert_eq!(
                BcryptHash::parse(&stored, MAX_COST),
                Err(UnusableHash::TooCostly { cost })
            );
        }
        assert!(BcryptHash::parse(&format!("$2b$16${DIGEST}"), 16).is_ok());
    }

    #[test]
    fn other_text_is_not_a_hash() {
        for stored in [
            "",
            "!",
            "$2b$10$short",
            "$argon2id$v=19$x",
            &format!("$2x$10${DIGEST}"),
            &format!("$2$10${DIGEST}"),
            &format!("$2b$03${DIGEST}"),
            &format!("$2b$32${DIGEST}"),
            &format!("$2b$+4${DIGEST}"),
            &format!("$2b$9${DIGEST}"),
            &format!("$2b$010${DIGEST}"),
            &format!("$2b$10${DIGEST}x"),
            &format!(" $2b$10${DIGEST}"),
            &format!("$2b$10${}", DIGEST.replace('N', "\u{e9}")),
            &format!("$2b$10${}", DIGEST.replace('N', "+")),
        ] {
            assert_eq!(
                BcryptHash::parse(stored, 31),
                Err(UnusableHash::NotBcrypt),
                "{stored}"
            );
        }
    }
}
