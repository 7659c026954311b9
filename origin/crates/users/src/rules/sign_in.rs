//! A Firebase sign-in in the form of the table.

use chrono::{DateTime, Utc};
use firebase::issuer::StoredIssuer;
use shared::identity::Identity;
use shared::ids::{FirebaseUid, NormalizedEmail};
use shared::ownership::{self, PasswordFacts, Proof, Way};
use shared::web_address::is_web_address;

use crate::rules::welcome::ProvenPerson;

/// The longest display name kept, in characters.
pub const MAX_DISPLAY_NAME: usize = 256;

/// A Firebase sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirebaseSignIn {
    /// The Firebase uid.
    pub uid: FirebaseUid,
    /// The issuer of the uid.
    pub issuer: StoredIssuer,
    /// Their address; `None` for phone and anonymous accounts, and for one that does not fit the table.
    pub email: Option<NormalizedEmail>,
    /// Whether Firebase has verified the address.
    pub email_verified: bool,
    /// The person, by what they have proven.
    pub user: Option<ProvenPerson>,
    /// The name to show, cut to the column's length.
    pub display_name: Option<String>,
    /// Photo URL; `None` unless it is a web address.
    pub photo_url: Option<String>,
    /// The sign-in's proof of the address.
    pub proof: Proof,
    /// How they signed in: `password`, `google.com`, `anonymous`, …
    pub provider: Option<String>,
    /// When they signed in (not when the token was refreshed).
    pub signed_in_at: DateTime<Utc>,
}

impl FirebaseSignIn {
    /// The sign-in of `identity`, proven for `uid` of `issuer`.
    #[must_use]
    pub fn new(identity: &Identity, uid: &FirebaseUid, issuer: &StoredIssuer) -> Self {
        let email = identity.normalized_email();
        let vouched = email.is_some() && identity.email_verified;
        Self {
            uid: uid.clone(),
            issuer: issuer.clone(),
            email_verified: vouched,
            proof: ownership::proof(vouched, Way::of(identity.sign_in_provider.as_deref()), None),
            email,
            user: ProvenPerson::of(identity),
            display_name: identity.name.as_deref().and_then(display_name),
            photo_url: identity.picture.as_deref().and_then(photo_url),
            provider: identity.sign_in_provider.clone(),
            signed_in_at: DateTime::from_timestamp(identity.auth_time.secs(), 0).unwrap_or_default(),
        }
    }

    /// Whether the sign-in proves the address.
    #[must_use]
    pub const fn proves(&self) -> bool {
        self.proof.is_one()
    }

    /// The provider's way of proof.
    #[must_use]
    pub fn way(&self) -> Way {
        Way::of(self.provider.as_deref())
    }

    /// The same sign-in, judged with Firebase's facts about the account.
    #[must_use]
    pub fn judged_by(self, facts: Option<PasswordFacts>) -> Self {
        Self {
            proof: ownership::proof(self.email_verified, self.way(), facts),
            ..self
        }
    }
}

/// The name as a row holds it. PostgreSQL's text cannot hold NUL; a name of white space only shows nothing.
pub(crate) fn display_name(name: &str) -> Option<String> {
    let name: String = name
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_DISPLAY_NAME)
        .collect();
    (!name.is_empty()).then_some(name)
}

/// Checked again, although the token was: an older edge passes on any `picture`.
fn photo_url(url: &str) -> Option<String> {
    is_web_address(url).then(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_to_the_columns_length() {
        assert_eq!(display_name("  Ada\0 \n"), Some("Ada".to_owned()));
        assert_eq!(
            display_name(&"é".repeat(300)).unwrap().chars().count(),
            MAX_DISPLAY_NAME
        );
        for nothing in ["", "  ", "\0"] {
            assert_eq!(display_name(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn photo_without_web_address_is_dropped() {
        assert_eq!(photo_url("https://a/b.png").as_deref(), Some("https://a/b.png"));
        for refused in ["", "javascript:alert(1)", "https://a\0b"] {
            assert_eq!(photo_url(refused), None);
        }
    }
}
