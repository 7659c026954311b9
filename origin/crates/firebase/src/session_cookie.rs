//! Session cookies: <https://firebase.google.com/docs/auth/admin/manage-cookies>.

use serde::Deserialize;

use super::{Firebase, FirebaseError};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionCookieAnswer {
    session_cookie: String,
}

impl Firebase {
    /// A session cookie for the sign-in of `id_token`, good for `seconds` (300 to 1,209,600). It has the claims of the ID token, which
    /// never change. Needs the service account.
    ///
    /// # Errors
    /// [`FirebaseError::Stale`] for a sign-in that has been revoked, [`FirebaseError::Unavailable`] among others.
    pub async fn session_cookie(&self, id_token: &str, seconds: u32) -> Result<String, FirebaseError> {
        let request = serde_json::json!({ "idToken": id_token, "validDuration": seconds.to_string() });
        let answer: SessionCookieAnswer = self.call_admin(":createSessionCookie", &request).await?;
        Ok(answer.session_cookie)
    }
}
