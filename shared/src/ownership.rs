//! Which user has a row of `auth.users`: what a sign-in may do with a row in each state. **Proof of an address is a change of ownership.**
//!
//! Neither the legacy service nor Firebase checks that a user who registers an address reads its mail. A user who proves the address later,
//! by something that the earlier holder need not have made, counts as another user: the earlier holder's knowledge (a password, a token of
//! either kind) becomes void in the statement that records the proof.
//!
//! Google does the same: when a provider verifies the address, Google takes an unproven password off the account, and the account keeps its
//! uid. <https://firebase.google.com/docs/auth/users#user_properties>

/// What a row says about its holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowState {
    /// Known to the legacy service only, which proves no address.
    Unproven,
    /// Without an account at Firebase now; the address was proven while there was one.
    Proven,
    /// Linked to an account that a user made; the account's address is not proven.
    LinkedUnproven,
    /// Linked to an account that a user made; the account's address is proven.
    LinkedProven,
    /// Linked to the account that we made for it (its uid is the row's id). The address is not proven: the legacy password moved it.
    MovedUnproven,
    /// The same, and the address is proven.
    MovedProven,
    /// Deactivated or deleted.
    Closed,
}

impl RowState {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Unproven,
        Self::Proven,
        Self::LinkedUnproven,
        Self::LinkedProven,
        Self::MovedUnproven,
        Self::MovedProven,
        Self::Closed,
    ];

    /// The state of a row with these facts.
    #[must_use]
    pub const fn of(row: RowFacts) -> Self {
        match row {
            RowFacts { is_active: false, .. } => Self::Closed,
            RowFacts {
                has_account: false,
                is_proven: false,
                ..
            } => Self::Unproven,
            RowFacts {
                has_account: false,
                is_proven: true,
                ..
            } => Self::Proven,
            RowFacts {
                is_ours: false,
                is_proven: false,
                ..
            } => Self::LinkedUnproven,
            RowFacts {
                is_ours: false,
                is_proven: true,
                ..
            } => Self::LinkedProven,
            RowFacts {
                is_ours: true,
                is_proven: false,
                ..
            } => Self::MovedUnproven,
            RowFacts {
                is_ours: true,
                is_proven: true,
                ..
            } => Self::MovedProven,
        }
    }

    /// The name of the state in statements.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unproven => "unproven",
            Self::Proven => "proven",
            Self::LinkedUnproven => "linked_unproven",
            Self::LinkedProven => "linked_proven",
            Self::MovedUnproven => "moved_unproven",
            Self::MovedProven => "moved_proven",
            Self::Closed => "closed",
        }
    }

    /// Whether the row's address is proven.
    #[must_use]
    pub const fn is_proven(self) -> bool {
        matches!(self, Self::Proven | Self::LinkedProven | Self::MovedProven)
    }
}

/// What a row's columns say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowFacts {
    /// `is_active`.
    pub is_active: bool,
    /// Whether there is a `firebase_uid`.
    pub has_account: bool,
    /// Whether the uid is the row's id: then we made the account.
    pub is_ours: bool,
    /// `email_verified`.
    pub is_proven: bool,
}

/// Which account signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Account {
    /// The row's account; for a row without one, the account that has the row's id as uid.
    Own,
    /// Any other account, which claims the row's address.
    Other,
}

impl Account {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Own, Self::Other];

    /// The name in statements.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Other => "other",
        }
    }
}

/// Which address the signing-in account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Address {
    /// The row's.
    Same,
    /// Another, or none.
    Different,
}

/// What a sign-in proves about the account's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Proof {
    /// Nothing: Firebase does not call the address verified.
    None,
    /// Nothing: Firebase calls the address verified, but the way of signing in (a custom token, a phone) does not show who proved it.
    Silent,
    /// A clicked verification mail of an account that only ever had the password it has now. The holder of the account keeps it.
    SamePassword,
    /// Something that the earlier holder need not have: a provider, a link or a new password by mail, or an unknown way.
    Given,
}

impl Proof {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::None, Self::Silent, Self::SamePassword, Self::Given];

    /// Whether the sign-in proves the address.
    #[must_use]
    pub const fn is_one(self) -> bool {
        matches!(self, Self::SamePassword | Self::Given)
    }
}

/// What a sign-in does to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The origin notes the sign-in.
    Note,
    /// The row's address is proven; sessions and the legacy password stay.
    Prove,
    /// The row's address is proven and its ownership changes: earlier tokens are void, the legacy password is set aside.
    Change,
    /// The account has another address than the row now, or Firebase no longer calls the address verified: the address counts as unproven.
    Unprove,
    /// The row gets this account.
    Link,
    /// The row gets this account and its ownership changes.
    LinkAndChange,
    /// The row loses its address to the account's own row, and keeps everything else.
    LoseAddress,
    /// Refused: another user may have the address, and this sign-in does not prove that the account does.
    Conflict,
    /// Refused: the row is out of use.
    Disabled,
}

/// What a sign-in by `account`, which has `address`, does to a row in `state`. The only table; SQL gets it as arguments.
///
/// Another account's claim concerns a row only through its address: for [`Account::Other`] the address is always taken as the row's.
#[must_use]
pub const fn step(state: RowState, account: Account, address: Address, proof: Proof) -> Step {
    use RowState::{Closed, LinkedProven, LinkedUnproven, MovedProven, MovedUnproven, Proven, Unproven};
    match (account, state) {
        (Account::Own, LinkedUnproven | MovedUnproven) => match (address, proof) {
            (_, Proof::Given) => Step::Change,
            (_, Proof::SamePassword) => Step::Prove,
            (_, Proof::None | Proof::Silent) => Step::Note,
        },
        (Account::Own, LinkedProven | MovedProven) => match (address, proof) {
            (Address::Different, Proof::Given) => Step::Change,
            (Address::Different, Proof::SamePassword) => Step::Prove,
            (Address::Different, Proof::None | Proof::Silent) | (Address::Same, Proof::None) => Step::Unprove,
            (Address::Same, _) => Step::Note,
        },
        (Account::Own, Closed) => Step::Disabled,
        // A caller who has not proven to read the mail does not learn that the row is closed.
        (Account::Other, Closed) if proof.is_one() => Step::Disabled,
        (Account::Other, Closed) => Step::Conflict,
        (_, Unproven | Proven) if !proof.is_one() => Step::Conflict,
        (Account::Own, Proven) => Step::Link,
        (_, Unproven | Proven) => Step::LinkAndChange,
        (Account::Other, LinkedUnproven | MovedUnproven) if proof.is_one() => Step::LoseAddress,
        (Account::Other, LinkedUnproven | MovedUnproven | LinkedProven | MovedProven) => Step::Conflict,
    }
}

/// The situations, as `account state`, in which a claim with `proof` of a row's address leads to `wanted`. A statement gets them as an
/// argument: it sees the row's state only once it has locked the row.
#[must_use]
pub fn situations(proof: Proof, wanted: &[Step]) -> Vec<String> {
    let mut found = Vec::new();
    for account in Account::ALL {
        for state in RowState::ALL {
            if wanted.contains(&step(state, account, Address::Same, proof)) {
                found.push(format!("{} {}", account.as_str(), state.as_str()));
            }
        }
    }
    found
}

/// Firebase's answer about the password of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordFacts {
    /// Whether a password can sign in to it.
    pub has_password: bool,
    /// Whether anything but a password can: a provider, a phone, a link by mail.
    pub has_another_way: bool,
    /// Whether the password is the one with which the account was made.
    pub is_original: bool,
}

/// How the user signed in, as the token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `password`: a password or a link by mail.
    Mail,
    /// `custom`, `phone` or `anonymous`: does not show who proved the address.
    Silent,
    /// Any provider.
    Provider,
}

impl Way {
    /// Reads `sign_in_provider`. Without one, the least trusted way counts: a password.
    #[must_use]
    pub fn of(provider: Option<&str>) -> Self {
        match provider {
            None | Some("password" | "emailLink") => Self::Mail,
            Some("custom" | "phone" | "anonymous") => Self::Silent,
            Some(_) => Self::Provider,
        }
    }
}

/// What a sign-in by `way` proves. `vouched` says whether Firebase calls the account's address verified, `facts` is Firebase's answer about
/// the password. Without an answer this assumes the worst, which costs an honest user their other sessions and never gives an account to
/// another user.
#[must_use]
pub const fn proof(vouched: bool, way: Way, facts: Option<PasswordFacts>) -> Proof {
    match (vouched, way) {
        (false, _) => Proof::None,
        (true, Way::Silent) => Proof::Silent,
        (true, Way::Provider) => Proof::Given,
        (true, Way::Mail) => match facts {
            // The session comes from a password that was taken off the account since: this session did not prove the address.
            Some(PasswordFacts {
                has_password: false,
                has_another_way: true,
                ..
            }) => Proof::Silent,
            Some(PasswordFacts {
                has_password: true,
                has_another_way: false,
                is_original: true,
            }) => Proof::SamePassword,
            _ => Proof::Given,
        },
    }
}

/// What a caller wants to do with a row beyond signing in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deed {
    /// Sign in at the legacy service, or use its token: needs a hash that counts.
    UseLegacyPassword,
    /// Exchange a token of the legacy service for a session at Firebase.
    Exchange,
    /// Take a password over from the row to Firebase.
    SetFirebasePassword,
    /// Make a set-aside password count again.
    ConfirmPassword,
}

/// The known facts about the two passwords of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passwords {
    /// Whether the row has a hash that the legacy service reads.
    pub has_hash: bool,
    /// Whether it is the hash of the password at Firebase, as far as the row knows.
    pub agree: bool,
    /// Whether Firebase calls the address of the row's account verified now. It may know a proof that the row does not.
    pub vouched_at_firebase: bool,
}

/// Whether `deed` is allowed in `state`.
#[must_use]
pub const fn may(state: RowState, deed: Deed, passwords: Passwords) -> bool {
    // The user who proved the address at Firebase has not signed in here yet: until then the legacy password opens what it did before, and
    // gives nothing more.
    let overtaken = passwords.vouched_at_firebase && !state.is_proven();
    match (deed, state) {
        (_, RowState::Closed) => false,
        (Deed::UseLegacyPassword, _) => passwords.has_hash,
        (Deed::Exchange, RowState::Unproven | RowState::Proven) => passwords.has_hash && !overtaken,
        (Deed::Exchange, _) => passwords.has_hash && passwords.agree && !overtaken,
        (Deed::SetFirebasePassword, _) => passwords.has_hash && !overtaken,
        (Deed::ConfirmPassword, RowState::LinkedProven | RowState::MovedProven) => !passwords.has_hash,
        (Deed::ConfirmPassword, _) => false,
    }
}

#[cfg(test)]
mod tests;
