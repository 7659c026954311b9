//! The welcome tokens of a new person.

use ledger::{Amount, Direction, IdempotencyKey, Movement, Reason, RequestHash};
use sha2::{Digest as _, Sha256};
use shared::identity::Identity;
use shared::ids::{NormalizedEmail, UserId};

/// A person's proven address or phone number as a SHA-256, which does not reveal it. It recognises a person who comes again with another
/// account.
///
/// `auth.person_of_address` computes the same. An attacker who guesses an address can check the guess: the sum is a pseudonym, not a
/// secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProvenPerson([u8; 32]);

impl ProvenPerson {
    /// By the address if the issuer has verified it, else by the phone number, which Firebase states only after its proof. `None` for a
    /// user who has proven neither.
    #[must_use]
    pub fn of(identity: &Identity) -> Option<Self> {
        let address = identity.normalized_email().filter(|_| identity.email_verified);
        match address {
            Some(address) => Some(Self::of_address(&address)),
            None => identity
                .phone_number
                .as_deref()
                .filter(|number| !number.is_empty())
                .map(Self::of_phone),
        }
    }

    /// The person who gets the mail of `address`.
    #[must_use]
    pub fn of_address(address: &NormalizedEmail) -> Self {
        Self::by("email", address.as_str())
    }

    /// The person who answers at `number`, in E.164.
    #[must_use]
    pub fn of_phone(number: &str) -> Self {
        Self::by("phone", number)
    }

    fn by(what: &str, proven: &str) -> Self {
        Self(Sha256::digest(format!("{what}:{proven}")).into())
    }

    /// The sum.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The one welcome grant of a person: its tokens, and the key under which the ledger accepts it once.
#[derive(Debug, Clone)]
pub struct WelcomeGrant {
    user: UserId,
    amount: Option<Amount>,
}

impl WelcomeGrant {
    /// `tokens` for `user`; none when `tokens` is no amount (0 = there is no grant).
    #[must_use]
    pub fn new(user: UserId, tokens: i32) -> Self {
        Self {
            user,
            amount: Amount::new(i64::from(tokens)).ok(),
        }
    }

    /// Its user.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// Its tokens, 0 for no grant.
    #[must_use]
    pub fn tokens(&self) -> i32 {
        self.amount.map_or(0, Amount::get)
    }

    /// Its key and the hash of its request.
    #[must_use]
    pub fn idempotency(&self) -> (IdempotencyKey, RequestHash) {
        let hash = match (self.amount, Reason::parse("welcome")) {
            (Some(amount), Ok(reason)) => Movement {
                user: self.user,
                direction: Direction::Credit,
                amount,
                description: reason.into(),
            }
            .request_hash(),
            // There is no grant, and no transfer uses this hash.
            _ => RequestHash([0; 32]),
        };
        (IdempotencyKey::welcome_grant(self.user), hash)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn welcome_grant_is_keyed_by_the_person() {
        let user = UserId(Uuid::from_u128(1));
        let grant = WelcomeGrant::new(user, 3);
        assert_eq!(grant.tokens(), 3);
        assert_eq!(grant.idempotency().0.as_str(), format!("grant:welcome:{user}"));
        assert_ne!(grant.idempotency().1, WelcomeGrant::new(user, 4).idempotency().1);
        assert_eq!(WelcomeGrant::new(user, 0).tokens(), 0);
    }
}
