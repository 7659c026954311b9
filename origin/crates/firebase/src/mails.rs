//! The mails that Firebase sends for us.

use reqwest::Url;
use shared::config::{Reader, on_off};
use shared::ids::NormalizedEmail;

use super::wire::ResetAnswer;
use super::{Firebase, FirebaseError};

/// The configuration of Firebase's mails. The project has templates for their texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FirebaseMails {
    /// Whether Firebase mails a link to a new address to prove it.
    pub verify_new: bool,
    /// The language, as a tag of RFC 5646 (`de`, `pt-BR`); none = the template's language.
    pub locale: Option<String>,
    /// The address to which the page behind a link leads. Its host is one of the project's authorised domains.
    pub continue_url: Option<String>,
}

impl FirebaseMails {
    /// Reads `FIREBASE_VERIFY_NEW_ADDRESSES`, `FIREBASE_MAIL_LOCALE` and `FIREBASE_MAIL_CONTINUE_URL`.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            verify_new: reader.or("FIREBASE_VERIFY_NEW_ADDRESSES", false, on_off),
            locale: reader.optional("FIREBASE_MAIL_LOCALE", |text| {
                let is_tag = (2..=35).contains(&text.len())
                    && text
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
                if is_tag {
                    Ok(text.to_owned())
                } else {
                    Err("is not a language tag")
                }
            }),
            continue_url: reader.optional("FIREBASE_MAIL_CONTINUE_URL", |text| {
                let url = Url::parse(text).ok().filter(|url| {
                    url.scheme() == "https"
                        && url.has_host()
                        && url.username().is_empty()
                        && url.password().is_none()
                });
                match url {
                    Some(_) if text.len() <= 2048 => Ok(text.to_owned()),
                    _ => Err("is not an https URL of at most 2048 characters"),
                }
            }),
        }
    }
}

impl Firebase {
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
}
