//! An account as Firebase has it.

use shared::ownership::PasswordFacts;
use shared::time::UnixTime;

use super::wire::LookupAccount;

/// An account as Firebase has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its uid.
    pub uid: String,
    /// Its address.
    pub email: Option<String>,
    /// Whether Firebase has verified the address.
    pub email_verified: bool,
    /// The name to show.
    pub display_name: Option<String>,
    /// Photo URL.
    pub photo_url: Option<String>,
    /// Whether it is disabled.
    pub disabled: bool,
    /// When it was made, in seconds since 1970.
    pub created_at: Option<i64>,
    /// When its password was last replaced, in seconds since 1970.
    pub password_updated_at: Option<i64>,
    /// Whether it has a password.
    pub has_password: bool,
    /// The ways to sign in to it other than a password: `google.com`, `phone`, …
    pub other_providers: Vec<String>,
    /// Sign-ins before this moment are void at Firebase.
    pub valid_since: Option<UnixTime>,
    /// Whether a sign-in by password requires a second factor.
    pub has_second_factor: bool,
}

impl Account {
    /// Google's facts about its password. A password that was set when the account was made is the original one; both times come from
    /// Google's clock.
    #[must_use]
    pub fn password_facts(&self) -> PasswordFacts {
        PasswordFacts {
            has_password: self.has_password,
            has_another_way: !self.other_providers.is_empty(),
            is_original: matches!(
                (self.created_at, self.password_updated_at),
                (Some(created), Some(updated)) if updated <= created.saturating_add(1)
            ),
        }
    }
}

impl From<LookupAccount> for Account {
    fn from(account: LookupAccount) -> Self {
        let other_providers = account
            .provider_user_info
            .into_iter()
            .filter_map(|provider| provider.provider_id)
            .filter(|provider| provider != "password")
            .collect();
        Self {
            created_at: account
                .created_at
                .and_then(|text| text.parse::<i64>().ok()?.checked_div(1_000)),
            has_password: account.password_hash.is_some(),
            other_providers,
            uid: account.local_id,
            email: account.email,
            email_verified: account.email_verified,
            display_name: account.display_name,
            photo_url: account.photo_url,
            disabled: account.disabled,
            password_updated_at: account.password_updated_at.as_ref().and_then(seconds),
            valid_since: account
                .valid_since
                .and_then(|text| text.parse().ok())
                .map(UnixTime::from_secs),
            has_second_factor: !account.mfa_info.is_empty(),
        }
    }
}

/// Google's JSON has milliseconds here, as a number with an optional fraction.
fn seconds(millis: &serde_json::Number) -> Option<i64> {
    let millis = millis.as_i64().or_else(|| {
        let text = millis.to_string();
        text.split('.').next()?.parse().ok()
    })?;
    millis.checked_div(1_000)
}
