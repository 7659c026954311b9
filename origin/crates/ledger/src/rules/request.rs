//! A caller's request, and the hash that recognises its repeat.

use shared::ids::UserId;

use super::amount::Amount;
use super::description::Description;
use super::fields::{Caller, IdempotencyKey};
use super::hold::{HoldId, HoldLifetime};
use super::request_hash::{Canonical, RequestHash};

/// The direction of a movement, seen from the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Towards the user.
    Credit,
    /// Away from the user.
    Debit,
}

impl Direction {
    /// The word in the request's form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credit => "credit",
            Self::Debit => "debit",
        }
    }
}

/// A credit or a debit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// The user with the balance.
    pub user: UserId,
    /// The direction.
    pub direction: Direction,
    /// How many tokens.
    pub amount: Amount,
    /// What the caller says about it.
    pub description: Description,
}

impl Movement {
    /// The change of the user's balance, in tokens.
    #[must_use]
    pub fn delta(&self) -> i64 {
        let amount = i64::from(self.amount.get());
        match self.direction {
            Direction::Credit => amount,
            Direction::Debit => amount.saturating_neg(),
        }
    }

    /// The request's hash: equal for equal requests only.
    #[must_use]
    pub fn request_hash(&self) -> RequestHash {
        let form = Canonical::new(self.direction.as_str())
            .field("user", &self.user.to_string())
            .field("amount", &self.amount.to_string());
        self.description.add_to(form).finish()
    }
}

/// Tokens to reserve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRequest {
    /// The user with the tokens.
    pub user: UserId,
    /// How many.
    pub amount: Amount,
    /// How long at most.
    pub lifetime: HoldLifetime,
    /// What the caller says about it.
    pub description: Description,
}

impl HoldRequest {
    /// The request's hash: equal for equal requests only.
    #[must_use]
    pub fn request_hash(&self) -> RequestHash {
        let form = Canonical::new("reserve")
            .field("user", &self.user.to_string())
            .field("amount", &self.amount.to_string())
            .field("lifetime", &self.lifetime.secs().to_string());
        self.description.add_to(form).finish()
    }
}

/// How a caller ends a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// Spend this many of its tokens, `None` = all; the rest goes back.
    Capture(Option<Amount>),
    /// Give all of them back.
    Release,
}

impl Settlement {
    /// The hash of the request about `hold`: equal for equal requests only.
    #[must_use]
    pub fn request_hash(self, hold: HoldId) -> RequestHash {
        let (verb, amount) = match self {
            Self::Capture(amount) => ("capture", amount.map(|amount| amount.to_string())),
            Self::Release => ("release", None),
        };
        Canonical::new(verb)
            .field("hold", &hold.to_string())
            .optional("amount", amount.as_deref())
            .finish()
    }
}

/// What identifies a request: the caller and the caller's key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyToken {
    /// The caller.
    pub caller: Caller,
    /// The caller's name for this movement.
    pub key: IdempotencyKey,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::description::{Reason, Reference};
    use super::*;
    use uuid::Uuid;

    fn movement() -> Movement {
        Movement {
            user: UserId(Uuid::from_u128(1)),
            direction: Direction::Credit,
            amount: Amount::new(5).unwrap(),
            description: Reason::parse("bonus").unwrap().into(),
        }
    }

    fn described(reason: &str, reference: Option<&str>) -> Movement {
        let reference = reference.map(|text| Reference::parse(text).unwrap());
        Movement {
            description: Description::from(Reason::parse(reason).unwrap()).with_reference(reference),
            ..movement()
        }
    }

    #[test]
    fn canonical_form_never_changes() {
        // printf 'crossfade-ledger-request/1\nverb=6:credit\nuser=36:00000000-0000-0000-0000-000000000001\namount=1:5\nreason=5:bonus\n' | sha256sum
        assert_eq!(
            hex(movement().request_hash()),
            "c0d57e27d69cb037f93c66d11a89ce1a78899232c28aceecf00e23e1337f11d0"
        );
        // The same with `reference=5:job-1\n` at its end.
        assert_eq!(
            hex(described("bonus", Some("job-1")).request_hash()),
            "c530df2a0cc74dbcff0cf74c8755d38d0fe408734c05e804bb38e50f65bdcb3b"
        );
        // The verb `7:reserve`, and `lifetime=3:900\n` behind the amount.
        let hold = HoldRequest {
            user: movement().user,
            amount: movement().amount,
            lifetime: HoldLifetime::DEFAULT,
            description: described("bonus", Some("job-1")).description,
        };
        assert_eq!(
            hex(hold.request_hash()),
            "af817b5106b4df1caedb4a9008f3384b23a6548a50d2188d62beed6c1529be4c"
        );
    }

    #[test]
    fn different_requests_have_different_hashes() {
        let base = movement();
        let hold = HoldId(Uuid::from_u128(1));
        let one = Amount::new(1).unwrap();
        let hashes = [
            base.request_hash(),
            Movement {
                user: UserId(Uuid::from_u128(2)),
                ..base.clone()
            }
            .request_hash(),
            Movement {
                direction: Direction::Debit,
                ..base.clone()
            }
            .request_hash(),
            Movement {
                amount: one,
                ..base.clone()
            }
            .request_hash(),
            described("bonus ", None).request_hash(),
            described("bonus", Some("bonus")).request_hash(),
            // A reason with the text of the next field is still only a reason.
            described("bonus reference=1:x", None).request_hash(),
            described("bonus", Some("x")).request_hash(),
            Settlement::Capture(None).request_hash(hold),
            Settlement::Capture(Some(one)).request_hash(hold),
            Settlement::Release.request_hash(hold),
            Settlement::Release.request_hash(HoldId(Uuid::from_u128(2))),
        ];
        let distinct: HashSet<_> = hashes.iter().collect();
        assert_eq!(distinct.len(), hashes.len());
    }

    #[test]
    fn direction_gives_the_sign() {
        assert_eq!(movement().delta(), 5);
        assert_eq!(
            Movement {
                direction: Direction::Debit,
                ..movement()
            }
            .delta(),
            -5
        );
    }

    fn hex(hash: RequestHash) -> String {
        hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
