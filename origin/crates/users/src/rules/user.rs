//! A user for the rules.

use chrono::{DateTime, Utc};
use firebase::issuer::StoredIssuer;
use shared::api::user::User;
use shared::identity::{Identity, TokenKind};
use shared::ids::NormalizedEmail;
use shared::ownership::{self, Address, Deed, Passwords, RowFacts, RowState};
use shared::problem::ErrorCode;
use shared::time::UnixTime;
use shared::token::{Rejection, check_standing};

/// A row of `auth.users`: the part for callers, and the part that only decisions need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// The part that callers may see.
    pub user: User,
    /// Sign-ins before this moment are void; `None` voids nothing.
    pub valid_since: Option<UnixTime>,
    /// The issuer of the row's uid; meaningless without a uid.
    pub issuer: StoredIssuer,
}

/// A user who may act now: exists, is active, and signed in after the last revocation.
///
/// Only [`UserRecord::admit`] makes one: a disabled account cannot reach code that takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveUser(UserRecord);

impl UserRecord {
    /// Admits the user behind `identity`, or answers the refusal.
    ///
    /// # Errors
    /// [`UserError::Disabled`], [`UserError::Revoked`].
    pub fn admit(self, identity: &Identity) -> Result<ActiveUser, UserError> {
        match check_standing(identity, self.user.is_active, self.valid_since) {
            Ok(()) if self.was_overtaken(identity) => Err(UserError::Revoked),
            Ok(()) => Ok(ActiveUser(self)),
            Err(Rejection::Revoked { .. }) => Err(UserError::Revoked),
            Err(_) => Err(UserError::Disabled),
        }
    }

    /// Whether another client may hold `identity`, although it is no older than the last revocation.
    ///
    /// A legacy token comes from a password with a hash that counted; if none counts now, the token is older than its setting aside. In the
    /// second of the address's proof, a sign-in without a verified address is not the one that proved it.
    fn was_overtaken(&self, identity: &Identity) -> bool {
        match identity.kind {
            // It comes from no password at all.
            TokenKind::Translated => false,
            TokenKind::Legacy => !ownership::may(self.state(), Deed::UseLegacyPassword, self.passwords()),
            TokenKind::Firebase | TokenKind::FirebaseSessionCookie => {
                self.user.email_verified
                    && !identity.email_verified
                    && self.valid_since == Some(identity.auth_time)
            }
        }
    }

    /// The row's state, in the table of [`ownership`].
    #[must_use]
    pub fn state(&self) -> RowState {
        let user = &self.user;
        RowState::of(RowFacts {
            is_active: user.is_active,
            has_account: user.firebase_uid.is_some(),
            is_ours: user.firebase_uid.as_deref() == Some(user.id.to_string().as_str()),
            is_proven: user.email_verified,
        })
    }

    fn passwords(&self) -> Passwords {
        Passwords {
            has_hash: self.user.auth_provider != "firebase",
            agree: false,
            vouched_at_firebase: false,
        }
    }

    /// Whether `email` is the row's address, in any spelling of case.
    #[must_use]
    pub fn address(&self, email: Option<&NormalizedEmail>) -> Address {
        match (&self.user.email, email) {
            (Some(known), Some(stated)) if known.to_lowercase() == stated.as_str().to_lowercase() => {
                Address::Same
            }
            _ => Address::Different,
        }
    }

    /// Whether `signed_in` is a sign-in that the row does not know of yet.
    #[must_use]
    pub fn is_newer_sign_in(&self, signed_in: DateTime<Utc>) -> bool {
        self.user
            .last_login
            .is_none_or(|known| signed_in.timestamp() > known.timestamp())
    }
}

impl ActiveUser {
    /// The part that callers may see.
    #[must_use]
    pub const fn user(&self) -> &User {
        &self.0.user
    }

    /// The issuer of the row's uid.
    #[must_use]
    pub const fn issuer(&self) -> &StoredIssuer {
        &self.0.issuer
    }

    /// The same user after a change of their row that leaves their account status alone.
    #[must_use]
    pub fn renewed(self, row: UserRecord) -> Self {
        if row.user.id == self.0.user.id && row.user.is_active {
            Self(row)
        } else {
            self
        }
    }

    /// The whole row, by value.
    #[must_use]
    pub fn into_record(self) -> UserRecord {
        self.0
    }

    /// The part that callers may see, by value.
    #[must_use]
    pub fn into_user(self) -> User {
        self.0.user
    }
}

/// Why a genuine user is refused. Callers may read every text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum UserError {
    /// No such row.
    #[error("User not found")]
    NotFound,
    /// The account is deactivated.
    #[error("The account is disabled")]
    Disabled,
    /// The sign-in lies before the last revocation.
    #[error("The token has been revoked: sign in again")]
    Revoked,
    /// Another user owns the address, and this sign-in has not proven it.
    #[error(
        "An account with this e-mail address exists already and cannot be linked to this sign-in. Verify the address and sign in again, or use the \
         sign-in method of that account"
    )]
    LinkConflict,
}

impl UserError {
    /// The stable code on the wire.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::NotFound => ErrorCode::UserNotFound,
            Self::Disabled => ErrorCode::UserDisabled,
            Self::Revoked => ErrorCode::TokenRevoked,
            Self::LinkConflict => ErrorCode::AccountLinkConflict,
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::identity::Subject;
    use shared::ids::FirebaseUid;
    use uuid::Uuid;

    use super::*;

    fn record(is_active: bool, valid_since: Option<i64>, last_login: Option<i64>) -> UserRecord {
        let epoch = DateTime::UNIX_EPOCH;
        UserRecord {
            user: User {
                id: Uuid::from_u128(1),
                firebase_uid: Some("u".to_owned()),
                email: None,
                username: None,
                display_name: None,
                user_type: "user".to_owned(),
                is_active,
                token_balance: 0,
                auth_provider: "firebase".to_owned(),
                email_verified: false,
                photo_url: None,
                last_login: last_login.and_then(|seconds| DateTime::from_timestamp(seconds, 999_000_000)),
                created_at: epoch,
                updated_at: epoch,
            },
            valid_since: valid_since.map(UnixTime::from_secs),
            issuer: StoredIssuer::HOME,
        }
    }

    fn signed_in(auth_time: i64) -> Identity {
        let auth_time = UnixTime::from_secs(auth_time);
        Identity::new(
            TokenKind::Firebase,
            Subject::Firebase(FirebaseUid::parse("u").unwrap()),
            auth_time,
            auth_time.plus(3600),
        )
    }

    #[test]
    fn only_active_unrevoked_users_are_admitted() {
        for (is_active, valid_since, expected) in [
            (true, None, Ok(())),
            (true, Some(100), Ok(())),
            (true, Some(101), Err(UserError::Revoked)),
            (false, None, Err(UserError::Disabled)),
            (false, Some(101), Err(UserError::Disabled)),
        ] {
            let admitted = record(is_active, valid_since, None)
                .admit(&signed_in(100))
                .map(|_| ());
            assert_eq!(admitted, expected, "{is_active} {valid_since:?}");
        }
    }

    #[test]
    fn unproven_sign_in_in_the_second_of_the_proof_is_refused() {
        let proven = |valid_since| {
            let mut record = record(true, valid_since, None);
            record.user.email_verified = true;
            record
        };
        let token = |at, email_verified| Identity {
            email_verified,
            ..signed_in(at)
        };
        for (record, identity, admitted) in [
            (proven(Some(100)), token(100, true), true),
            (proven(Some(100)), token(100, false), false),
            (proven(Some(100)), token(101, false), true),
            (proven(None), token(100, false), true),
            (record(true, Some(100), None), token(100, false), true),
        ] {
            assert_eq!(
                record.clone().admit(&identity).is_ok(),
                admitted,
                "{record:?} {identity:?}"
            );
        }
    }

    #[test]
    fn legacy_token_opens_only_rows_with_a_hash_that_counts() {
        let legacy = Identity {
            kind: TokenKind::Legacy,
            subject: Subject::Legacy(shared::ids::UserId(Uuid::from_u128(1))),
            ..signed_in(100)
        };
        let made_by_the_edge = Identity {
            kind: TokenKind::Translated,
            ..legacy.clone()
        };
        let mut without_password = record(true, None, None);
        without_password.user.auth_provider = "firebase".to_owned();
        assert!(without_password.admit(&made_by_the_edge).is_ok());
        for (provider, valid_since, admitted) in [
            ("local", None, true),
            ("hybrid", None, true),
            ("hybrid", Some(99), true),
            // The legacy service may have issued it before the revocation, in the same second.
            ("hybrid", Some(100), false),
            ("firebase", None, false),
        ] {
            let mut record = record(true, valid_since, None);
            record.user.auth_provider = provider.to_owned();
            assert_eq!(
                record.admit(&legacy).is_ok(),
                admitted,
                "{provider} {valid_since:?}"
            );
        }
    }

    #[test]
    fn state_is_read_from_the_row() {
        let id = Uuid::from_u128(1);
        for (active, uid, verified, expected) in [
            (true, None, false, RowState::Unproven),
            (true, None, true, RowState::Proven),
            (true, Some("u".to_owned()), false, RowState::LinkedUnproven),
            (true, Some("u".to_owned()), true, RowState::LinkedProven),
            (true, Some(id.to_string()), false, RowState::MovedUnproven),
            (true, Some(id.to_string()), true, RowState::MovedProven),
            (false, Some(id.to_string()), true, RowState::Closed),
            (false, None, false, RowState::Closed),
        ] {
            let mut record = record(active, None, None);
            record.user.firebase_uid = uid;
            record.user.email_verified = verified;
            assert_eq!(record.state(), expected);
        }
    }

    #[test]
    fn sign_in_in_the_same_second_is_the_same() {
        let moment = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        for (known, newer) in [
            (None, true),
            (Some(99), true),
            (Some(100), false),
            (Some(101), false),
        ] {
            assert_eq!(
                record(true, None, known).is_newer_sign_in(moment(100)),
                newer,
                "{known:?}"
            );
        }
    }
}
