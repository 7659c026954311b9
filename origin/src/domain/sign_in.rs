//! What a Firebase sign-in says about a person, in the form the table can hold.

use chrono::{DateTime, Utc};
use shared::identity::Identity;
use shared::ids::{FirebaseUid, NormalizedEmail};
use shared::ownership::{self, PasswordFacts, Proof, Way};

/// The longest display name kept, in characters.
pub const MAX_DISPLAY_NAME: usize = 256;
/// The longest photo URL kept, in characters.
pub const MAX_PHOTO_URL: usize = 2048;

/// A Firebase sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirebaseSignIn {
    /// Who.
    pub uid: FirebaseUid,
    /// Their address; `None` for phone and anonymous accounts, and for one that the table could not hold.
    pub email: Option<NormalizedEmail>,
    /// Whether Firebase vouches for the address.
    pub email_verified: bool,
    /// The name to show, cut to what the table holds.
    pub display_name: Option<String>,
    /// Photo URL; one too long to keep is none.
    pub photo_url: Option<String>,
    /// What the sign-in proves about the address.
    pub proof: Proof,
    /// How they signed in: `password`, `google.com`, `anonymous`, …
    pub provider: Option<String>,
    /// When they signed in (not when the token was refreshed).
    pub signed_in_at: DateTime<Utc>,
}

impl FirebaseSignIn {
    /// What `identity`, proven for `uid`, says.
    #[must_use]
    pub fn new(identity: &Identity, uid: &FirebaseUid) -> Self {
        let email = identity.normalized_email();
        let vouched = email.is_some() && identity.email_verified;
        Self {
            uid: uid.clone(),
            email_verified: vouched,
            proof: ownership::proof(vouched, Way::of(identity.sign_in_provider.as_deref()), None),
            email,
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

    /// How it came about.
    #[must_use]
    pub fn way(&self) -> Way {
        Way::of(self.provider.as_deref())
    }

    /// The same sign-in, judged by what Firebase says about the account.
    #[must_use]
    pub fn judged_by(self, facts: Option<PasswordFacts>) -> Self {
        Self {
            proof: ownership::proof(self.email_verified, self.way(), facts),
            ..self
        }
    }
}

/// PostgreSQL's text cannot hold NUL; a name of nothing but space shows nothing.
fn display_name(name: &str) -> Option<String> {
    let name: String = name
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_DISPLAY_NAME)
        .collect();
    (!name.is_empty()).then_some(name)
}

fn photo_url(url: &str) -> Option<String> {
    let fits = !url.is_empty() && url.chars().count() <= MAX_PHOTO_URL && !url.chars().any(char::is_control);
    fits.then(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_to_what_the_table_holds() {
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
    fn a_photo_that_does_not_fit_is_none() {
        assert_eq!(photo_url("https://a/b.png").as_deref(), Some("https://a/b.png"));
        for refused in [String::new(), "x".repeat(MAX_PHOTO_URL + 1), "a\0b".to_owned()] {
            assert_eq!(photo_url(&refused), None);
        }
    }
}
