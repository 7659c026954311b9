//! A person, as the rules see them.

use chrono::{DateTime, Utc};
use shared::api::user::User;
use shared::identity::{Identity, TokenKind};
use shared::problem::ErrorCode;
use shared::time::UnixTime;
use shared::token::{Rejection, check_standing};

/// A row of `auth.users`: what callers may see, and what only decisions need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// What callers may see.
    pub user: User,
    /// Sign-ins before this moment are void; `None` voids nothing.
    pub valid_since: Option<UnixTime>,
}

/// A person who may act now: exists, is active, and signed in after the last revocation.
///
/// Only [`UserRecord::admit`] makes one, so whatever takes it cannot be reached by a disabled account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveUser(UserRecord);

impl UserRecord {
    /// Lets the person behind `identity` in, or says why not.
    ///
    /// # Errors
    /// [`UserError::Disabled`], [`UserError::Revoked`].
    pub fn admit(self, identity: &Identity) -> Result<ActiveUser, UserError> {
        match check_standing(identity, self.user.is_active, self.valid_since) {
            Ok(()) if self.was_linked_since(identity) => Err(UserError::Revoked),
            Ok(()) => Ok(ActiveUser(self)),
            Err(Rejection::Revoked { .. }) => Err(UserError::Revoked),
            Err(_) => Err(UserError::Disabled),
        }
    }

    /// Whether `identity` dates from before its account was linked to this row, which took a proof of the address. Somebody else may have
    /// registered the address at Firebase, and hold such a token until it expires.
    fn was_linked_since(&self, identity: &Identity) -> bool {
        let user = &self.user;
        if identity.email_verified || !user.email_verified || user.auth_provider != "hybrid" {
            return false;
        }
        let same_address = match (identity.email.as_deref(), user.email.as_deref()) {
            (Some(stated), Some(known)) => stated.eq_ignore_ascii_case(known),
            _ => false,
        };
        // An account that we made has the row's id, and never belonged to anybody else.
        identity.kind != TokenKind::Legacy
            && same_address
            && user.firebase_uid.as_deref() != Some(user.id.to_string().as_str())
    }

    /// Whether `signed_in` is a sign-in that this row does not know of yet.
    #[must_use]
    pub fn is_newer_sign_in(&self, signed_in: DateTime<Utc>) -> bool {
        self.user
            .last_login
            .is_none_or(|known| signed_in.timestamp() > known.timestamp())
    }
}

impl ActiveUser {
    /// What callers may see.
    #[must_use]
    pub const fn user(&self) -> &User {
        &self.0.user
    }

    /// The same person after a change of their row that does not touch their standing.
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

    /// What callers may see, by value.
    #[must_use]
    pub fn into_user(self) -> User {
        self.0.user
    }
}

/// Why somebody genuine is not served. Every text may be shown.
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
    /// The address belongs to an account that this sign-in has not proven to own.
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
        }
    }

    fn signed_in(auth_time: i64) -> Identity {
        let auth_time = UnixTime::from_secs(auth_time);
        Identity {
            kind: TokenKind::Firebase,
            subject: Subject::Firebase(FirebaseUid::parse("u").unwrap()),
            project: None,
            tenant: None,
            email: None,
            email_verified: false,
            name: None,
            picture: None,
            phone_number: None,
            sign_in_provider: None,
            auth_time,
            issued_at: auth_time,
            expires_at: auth_time.plus(3600),
            legacy_account: None,
        }
    }

    #[test]
    fn only_people_in_good_standing_are_admitted() {
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
    fn an_account_that_was_linked_by_its_address_counts_once_the_address_is_proven() {
        let linked = |change: fn(&mut User)| {
            let mut record = record(true, None, None);
            record.user.auth_provider = "hybrid".to_owned();
            record.user.email = Some("Ann@example.org".to_owned());
            record.user.email_verified = true;
            change(&mut record.user);
            record
        };
        let token = |email: &str, email_verified| Identity {
            email: Some(email.to_owned()),
            email_verified,
            ..signed_in(100)
        };
        let unproven = token("ann@example.org", false);
        let refused = linked(|_| {}).admit(&unproven).map(|_| ());
        assert_eq!(refused, Err(UserError::Revoked));
        let moved: fn(&mut User) = |user| user.firebase_uid = Some(user.id.to_string());
        for (record, identity) in [
            (linked(|_| {}), token("ann@example.org", true)),
            // They have another address at Firebase by now.
            (linked(|_| {}), token("new@example.org", false)),
            (linked(moved), unproven.clone()),
            (linked(|user| user.email_verified = false), unproven.clone()),
            (
                linked(|user| user.auth_provider = "firebase".to_owned()),
                unproven,
            ),
        ] {
            assert!(record.clone().admit(&identity).is_ok(), "{record:?}");
        }
    }

    #[test]
    fn the_same_second_is_the_same_sign_in() {
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
