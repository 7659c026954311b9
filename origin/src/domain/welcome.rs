//! The tokens a new person starts with.

use shared::ids::UserId;

use super::ledger::{Amount, Direction, IdempotencyKey, Movement, Reason, RequestHash};

/// The one welcome grant of one person: how many tokens, and the key under which the ledger takes it once.
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

    /// How many tokens, 0 for no grant.
    #[must_use]
    pub fn tokens(&self) -> i32 {
        self.amount.map_or(0, Amount::get)
    }

    /// The grant's key and the hash of its request.
    #[must_use]
    pub fn idempotency(&self) -> (IdempotencyKey, RequestHash) {
        let hash = match (self.amount, Reason::parse("welcome")) {
            (Some(amount), Ok(reason)) => Movement {
                user: self.user,
                direction: Direction::Credit,
                amount,
                reason,
                reference: None,
            }
            .request_hash(),
            // Nothing is granted, so nothing is written under it.
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
    fn a_grant_is_named_by_the_person() {
        let user = UserId(Uuid::from_u128(1));
        let grant = WelcomeGrant::new(user, 3);
        assert_eq!(grant.tokens(), 3);
        assert_eq!(grant.idempotency().0.as_str(), format!("grant:welcome:{user}"));
        assert_ne!(grant.idempotency().1, WelcomeGrant::new(user, 4).idempotency().1);
        assert_eq!(WelcomeGrant::new(user, 0).tokens(), 0);
    }
}
