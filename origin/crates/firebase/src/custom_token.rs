//! Signs a user in without a password, by a custom token: <https://firebase.google.com/docs/auth/admin/create-custom-tokens>.

use serde::Deserialize;
use shared::base64url;
use shared::time::UnixTime;

use super::credential::Credential;
use super::{Firebase, FirebaseError, SignedIn};

/// The audience of a custom token.
const AUDIENCE: &str =
    "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit";
/// A custom token is used at once and never leaves this process, in seconds.
const LIFETIME_SECONDS: i64 = 60;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CustomSignInAnswer {
    id_token: String,
    refresh_token: String,
    expires_in: String,
}

impl Firebase {
    /// Signs the account `uid` in without a password. Firebase makes the account if it does not exist: the caller must check first. Needs
    /// the service account's signature.
    ///
    /// # Errors
    /// [`FirebaseError::Disabled`] among others.
    pub async fn sign_in_as(&self, uid: &str) -> Result<SignedIn, FirebaseError> {
        let now = self.now();
        let token = match &self.0.credential {
            Credential::None => return Err(FirebaseError::NotConfigured("FIREBASE_CLIENT_EMAIL")),
            Credential::Emulator => unsigned(uid, self.tenant(), now),
            Credential::Tokens(exchange) => {
                exchange
                    .sign(&self.0.client, now, |signer| {
                        claims(signer, uid, self.tenant(), now)
                    })
                    .await?
            }
        };
        let request = serde_json::json!({ "token": token, "returnSecureToken": true });
        let answer: CustomSignInAnswer = self
            .call_public("accounts:signInWithCustomToken", &request)
            .await?;
        Ok(SignedIn {
            uid: uid.to_owned(),
            id_token: answer.id_token,
            refresh_token: answer.refresh_token,
            expires_in: answer.expires_in,
        })
    }
}

fn claims(signer: &str, uid: &str, tenant: Option<&str>, now: UnixTime) -> serde_json::Value {
    let mut claims = serde_json::json!({
        "iss": signer, "sub": signer, "aud": AUDIENCE, "uid": uid,
        "iat": now.secs(), "exp": now.plus(LIFETIME_SECONDS).secs(),
    });
    if let (Some(tenant), Some(claims)) = (tenant, claims.as_object_mut()) {
        claims.insert("tenant_id".to_owned(), tenant.into());
    }
    claims
}

/// A token without a signature: the emulator checks none.
fn unsigned(uid: &str, tenant: Option<&str>, now: UnixTime) -> String {
    let header = base64url::encode(br#"{"alg":"none","typ":"JWT"}"#);
    let claims = claims("emulator@localhost", uid, tenant, now).to_string();
    format!("{header}.{}.", base64url::encode(claims.as_bytes()))
}
