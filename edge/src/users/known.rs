//! A user as the origin described them, with the legacy token that the edge last made for them.

use std::cell::RefCell;
use std::ops::Deref;

use shared::identity::{AssertedUser, Identity};
use shared::time::UnixTime;
use shared::token::TokenPolicy;
use shared::token::translation::{CannotTranslate, Holder, Minted, translate};

/// A user, and the legacy token that the edge last made for them: the isolate forgets both together.
#[derive(Debug)]
pub struct KnownUser {
    holder: Holder,
    minted: RefCell<Option<Minted>>,
}

impl KnownUser {
    /// The origin's description.
    #[must_use]
    pub const fn new(holder: Holder) -> Self {
        Self {
            holder,
            minted: RefCell::new(None),
        }
    }

    /// Hands `take` a legacy token for this user, who is `caller`.
    ///
    /// # Errors
    /// [`CannotTranslate`].
    pub fn translated<T>(
        &self,
        policy: &TokenPolicy,
        caller: &Identity,
        now: UnixTime,
        take: impl FnOnce(&str) -> T,
    ) -> Result<T, CannotTranslate> {
        let mut minted = self.minted.borrow_mut();
        let kept = minted
            .take()
            .filter(|minted| minted.serves(policy, caller.expires_at, now));
        let kept = match kept {
            Some(kept) => kept,
            None => translate(&self.holder, policy, caller, now)?,
        };
        Ok(take(minted.insert(kept).token()))
    }
}

impl Deref for KnownUser {
    type Target = AssertedUser;
    fn deref(&self) -> &AssertedUser {
        &self.holder.user
    }
}
