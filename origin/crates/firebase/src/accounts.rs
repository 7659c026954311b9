//! Calls about one account.

use shared::api::second_factor::SecondFactorChallenge;
use shared::ids::{FirebaseUid, NormalizedEmail};
use shared::ownership::PasswordFacts;
use shared::time::UnixTime;

use super::wire::{
    AccountRequest, Ignored, ImportAnswer, ImportRequest, ImportedUser, LookupAccount, LookupAnswer,
    PasswordRequest, RefreshAnswer, ResetAnswer, SignInAnswer,
};
use super::{Firebase, FirebaseError, PendingSignIn, answers};

/// The life of an ID token where Google's answer does not state it, in seconds:
/// <https://firebase.google.com/docs/auth/admin/verify-id-tokens>.
pub(super) const ID_TOKEN_SECONDS: &str = "3600";
/// The most factors of an account: <https://cloud.google.com/identity-platform/docs/web/mfa>.
const MAX_FACTORS: usize = 5;
/// The longest credential of a pending sign-in that is forwarded, in bytes.
pub(super) const MAX_PENDING_BYTES: usize = 8 * 1024;

/// A finished sign-in.
#[derive(Clone)]
pub struct SignedIn {
    /// The account.
    pub uid: String,
    /// The ID token: a credential.
    pub id_token: String,
    /// The refresh token: a credential.
    pub refresh_token: String,
    /// Seconds until the ID token expires, as text (`"3600"`).
    pub expires_in: String,
}

/// New tokens for an old refresh token.
#[derive(Clone)]
pub struct Refreshed {
    /// The ID token: a credential.
    pub id_token: String,
    /// The refresh token: a credential.
    pub refresh_token: String,
    /// Seconds until the ID token expires.
    pub expires_in: String,
}

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

/// A new account with a uid that we choose.
pub struct NewAccount<'a> {
    /// The uid: the user's id for moved users, to make both kinds of token name one user.
    pub uid: &'a str,
    /// The address.
    pub email: &'a NormalizedEmail,
    /// Whether the user has verified the address: as the row says, never an assumption.
    pub email_verified: bool,
    /// The password; without one, a mail must set it.
    pub password: Option<&'a str>,
    /// The name to show.
    pub display_name: Option<&'a str>,
    /// Photo URL.
    pub photo_url: Option<&'a str>,
}

/// An account to import with its password hash.
pub struct ImportedAccount<'a> {
    /// The uid: the user's id.
    pub uid: &'a str,
    /// The address.
    pub email: &'a NormalizedEmail,
    /// Whether the user has verified the address: as the row says, never an assumption.
    pub email_verified: bool,
    /// The bcrypt hash, as the legacy service stores it.
    pub bcrypt_hash: &'a str,
    /// The name to show.
    pub display_name: Option<&'a str>,
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

impl Firebase {
    /// Makes an account and signs it in.
    ///
    /// # Errors
    /// [`FirebaseError::EmailExists`] among others.
    pub async fn sign_up(
        &self,
        email: &NormalizedEmail,
        password: &str,
        display_name: Option<&str>,
    ) -> Result<SignedIn, FirebaseError> {
        let request = PasswordRequest {
            email: email.as_str(),
            password,
            display_name,
            return_secure_token: true,
        };
        let answer: SignInAnswer = self.call_public("accounts:signUp", &request).await?;
        signed_in(answer)
    }

    /// Signs an account in.
    ///
    /// # Errors
    /// [`FirebaseError::InvalidCredentials`] among others.
    pub async fn sign_in(&self, email: &NormalizedEmail, password: &str) -> Result<SignedIn, FirebaseError> {
        let request = PasswordRequest {
            email: email.as_str(),
            password,
            display_name: None,
            return_secure_token: true,
        };
        match self
            .call_public::<SignInAnswer>("accounts:signInWithPassword", &request)
            .await
        {
            Ok(answer) => signed_in(answer),
            // A malformed address has no account. A password that the project's policy no longer accepts is a different case: it is right.
            Err(FirebaseError::Invalid("e-mail address")) => Err(FirebaseError::InvalidCredentials),
            Err(error) => Err(error),
        }
    }

    /// New tokens for a refresh token.
    ///
    /// # Errors
    /// [`FirebaseError::Stale`] among others.
    pub async fn refresh(&self, refresh_token: &str) -> Result<Refreshed, FirebaseError> {
        let request = serde_json::json!({ "grant_type": "refresh_token", "refresh_token": refresh_token });
        let answer: RefreshAnswer = self.call_secure_token(&request).await?;
        Ok(Refreshed {
            id_token: answer.id_token,
            refresh_token: answer.refresh_token,
            expires_in: answer.expires_in,
        })
    }

    /// Sends the mail that lets a user replace a forgotten password.
    ///
    /// # Errors
    /// [`FirebaseError::InvalidCredentials`] for an unknown address, unless the project hides that.
    pub async fn send_password_reset(&self, email: &NormalizedEmail) -> Result<(), FirebaseError> {
        let request = serde_json::json!({ "requestType": "PASSWORD_RESET", "email": email.as_str() });
        self.call_mail(request).await
    }

    /// Sends the mail that lets the holder of an ID token prove their address.
    ///
    /// # Errors
    /// [`FirebaseError::TooManyAttempts`] where one was sent a moment ago, among others.
    pub async fn send_verification(&self, id_token: &str) -> Result<(), FirebaseError> {
        self.call_mail(serde_json::json!({ "requestType": "VERIFY_EMAIL", "idToken": id_token }))
            .await
    }

    /// Replaces a forgotten password; answers the address of its account.
    ///
    /// # Errors
    /// [`FirebaseError::Stale`] for a code that is wrong, used or expired.
    pub async fn reset_password(
        &self,
        code: &str,
        new_password: &str,
    ) -> Result<Option<String>, FirebaseError> {
        let request = serde_json::json!({ "oobCode": code, "newPassword": new_password });
        let answer: ResetAnswer = self.call_public("accounts:resetPassword", &request).await?;
        Ok(answer.email)
    }

    /// Whether accounts can be managed: with a service account, or in the emulator.
    #[must_use]
    pub fn manages_accounts(&self) -> bool {
        self.is_authorised()
    }

    /// Makes an account with a uid that we choose. Needs the service account.
    ///
    /// # Errors
    /// [`FirebaseError::UidExists`], [`FirebaseError::EmailExists`] among others.
    pub async fn create_account(&self, new: &NewAccount<'_>) -> Result<(), FirebaseError> {
        let request = AccountRequest {
            email: Some(new.email.as_str()),
            email_verified: Some(new.email_verified),
            password: new.password,
            display_name: new.display_name,
            photo_url: new.photo_url,
            ..AccountRequest::of(new.uid)
        };
        self.call_admin::<Ignored>("accounts", &request).await.map(drop)
    }

    /// Imports an account with its bcrypt hash: its password keeps working. Needs the service account.
    ///
    /// Firebase does not check whether another account has the address; this function does. An account with our uid counts as imported: a
    /// second import would undo a password changed since. Answers whether this call imported it.
    /// <https://firebase.google.com/docs/auth/admin/import-users>
    ///
    /// # Errors
    /// [`FirebaseError::EmailExists`] when another account has the address.
    pub async fn import_account(&self, account: &ImportedAccount<'_>) -> Result<bool, FirebaseError> {
        let lookup = serde_json::json!({ "localId": [account.uid], "email": [account.email.as_str()] });
        let known: LookupAnswer = self.call_admin("accounts:lookup", &lookup).await?;
        if known.users.iter().any(|known| known.local_id == account.uid) {
            return Ok(false);
        }
        if !known.users.is_empty() {
            return Err(FirebaseError::EmailExists);
        }
        let request = ImportRequest {
            hash_algorithm: "BCRYPT",
            users: [ImportedUser {
                local_id: account.uid,
                email: account.email.as_str(),
                email_verified: account.email_verified,
                display_name: account.display_name,
                password_hash: shared::base64url::encode(account.bcrypt_hash.as_bytes()),
            }],
        };
        let answer: ImportAnswer = self.call_admin("accounts:batchCreate", &request).await?;
        match answer.error.first() {
            None => Ok(true),
            Some(failed) => Err(refused_in_200(failed.message.clone())),
        }
    }

    /// Replaces the password of an account. Needs the service account.
    ///
    /// # Errors
    /// [`FirebaseError::NotFound`] among others.
    pub async fn set_password(&self, uid: &str, password: &str) -> Result<(), FirebaseError> {
        self.update(&AccountRequest {
            password: Some(password),
            ..AccountRequest::of(uid)
        })
        .await
    }

    /// Changes the displayed name and photo of an account. Needs the service account.
    ///
    /// # Errors
    /// [`FirebaseError::NotFound`] among others.
    pub async fn set_profile(
        &self,
        uid: &str,
        display_name: Option<&str>,
        photo_url: Option<&str>,
    ) -> Result<(), FirebaseError> {
        self.update(&AccountRequest {
            display_name,
            photo_url,
            ..AccountRequest::of(uid)
        })
        .await
    }

    /// Gives an account another address, still unproven. Needs the service account.
    ///
    /// # Errors
    /// [`FirebaseError::EmailExists`] when another account has the address, [`FirebaseError::Invalid`] when it is not an address.
    pub async fn set_address(&self, uid: &str, email: &str) -> Result<(), FirebaseError> {
        self.update(&AccountRequest {
            email: Some(email),
            // Google keeps this flag when an administrator changes the address.
            email_verified: Some(false),
            ..AccountRequest::of(uid)
        })
        .await
    }

    /// Disables or enables an account, and voids refresh tokens of sign-ins before `valid_since`; `None` leaves a setting as it is. Needs
    /// the service account.
    ///
    /// A moment before the account's own makes void sign-ins valid again: the caller must check first.
    ///
    /// # Errors
    /// [`FirebaseError::NotFound`] among others.
    pub async fn set_standing(
        &self,
        uid: &str,
        disabled: Option<bool>,
        valid_since: Option<UnixTime>,
    ) -> Result<(), FirebaseError> {
        self.update(&AccountRequest {
            disable_user: disabled,
            valid_since: valid_since.map(|since| since.secs().to_string()),
            ..AccountRequest::of(uid)
        })
        .await
    }

    /// Deletes an account; a missing one counts as deleted. Needs the service account.
    ///
    /// # Errors
    /// [`FirebaseError::Unavailable`] among others.
    pub async fn delete_account(&self, uid: &str) -> Result<(), FirebaseError> {
        match self
            .call_admin::<Ignored>("accounts:delete", &AccountRequest::of(uid))
            .await
        {
            Err(FirebaseError::NotFound) => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    /// The account of `uid`, if there is one. Needs the service account.
    ///
    /// # Errors
    /// [`FirebaseError::Unavailable`] among others.
    pub async fn find_account(&self, uid: &FirebaseUid) -> Result<Option<Account>, FirebaseError> {
        let request = serde_json::json!({ "localId": [uid.as_str()] });
        let answer: LookupAnswer = self.call_admin("accounts:lookup", &request).await?;
        Ok(answer.users.into_iter().next().map(Account::from))
    }

    async fn update(&self, request: &AccountRequest<'_>) -> Result<(), FirebaseError> {
        self.call_admin::<Ignored>("accounts:update", request)
            .await
            .map(drop)
    }
}

impl<'a> AccountRequest<'a> {
    const fn of(local_id: &'a str) -> Self {
        Self {
            local_id,
            email: None,
            email_verified: None,
            password: None,
            display_name: None,
            photo_url: None,
            disable_user: None,
            valid_since: None,
        }
    }
}

/// A refusal inside an answer of 200.
fn refused_in_200(message: String) -> FirebaseError {
    answers::read_detail(400, &answers::ErrorDetail::saying(message), 1)
}

/// Reads an answer of 200: a sign-in, or the reason that it is none.
fn signed_in(answer: SignInAnswer) -> Result<SignedIn, FirebaseError> {
    if let Some(message) = answer.error_message {
        return Err(refused_in_200(message));
    }
    if answer.need_confirmation {
        return Err(FirebaseError::Refused {
            status: 200,
            code: "NEED_CONFIRMATION".to_owned(),
        });
    }
    match (
        answer.id_token,
        answer.refresh_token,
        answer.mfa_pending_credential,
    ) {
        (Some(id_token), Some(refresh_token), _) if !answer.local_id.is_empty() => Ok(SignedIn {
            uid: answer.local_id,
            id_token,
            refresh_token,
            expires_in: answer.expires_in.unwrap_or_else(|| ID_TOKEN_SECONDS.to_owned()),
        }),
        (None, _, Some(pending)) if pending.len() <= MAX_PENDING_BYTES => {
            Err(FirebaseError::SecondFactor(Box::new(PendingSignIn {
                uid: answer.local_id,
                challenge: SecondFactorChallenge {
                    mfa_pending_credential: pending,
                    mfa_info: answer.mfa_info.into_iter().take(MAX_FACTORS).collect(),
                },
            })))
        }
        _ => Err(FirebaseError::Outage {
            status: 200,
            code: "ANSWER_NOT_UNDERSTOOD".to_owned(),
        }),
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

// Credentials and passwords stay out of logs, whichever code prints these.
impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedIn").finish_non_exhaustive()
    }
}
impl std::fmt::Debug for Refreshed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Refreshed").finish_non_exhaustive()
    }
}
impl std::fmt::Debug for ImportedAccount<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImportedAccount")
            .field("uid", &self.uid)
            .finish_non_exhaustive()
    }
}
impl std::fmt::Debug for NewAccount<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewAccount")
            .field("uid", &self.uid)
            .finish_non_exhaustive()
    }
}
