//! Custom claims: <https://firebase.google.com/docs/auth/admin/custom-claims>.

use serde::Deserialize;
use shared::ids::FirebaseUid;

use super::role_claim::RoleClaim;
use super::wire::Ignored;
use super::{Firebase, FirebaseError};

#[derive(Deserialize)]
struct ClaimsAnswer {
    #[serde(default)]
    users: Vec<AccountClaims>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccountClaims {
    custom_attributes: Option<String>,
}

impl Firebase {
    /// The claim that holds the role, if one is configured.
    #[must_use]
    pub fn role_claim(&self) -> Option<&RoleClaim> {
        self.0.role_claim.as_ref()
    }

    /// The custom claims of an account as JSON; `None` if it has none. Needs the service account.
    ///
    /// # Errors
    /// [`FirebaseError::NotFound`] among others.
    pub async fn claims(&self, uid: &FirebaseUid) -> Result<Option<String>, FirebaseError> {
        let request = serde_json::json!({ "localId": [uid.as_str()] });
        let answer: ClaimsAnswer = self.call_admin("accounts:lookup", &request).await?;
        let account = answer.users.into_iter().next().ok_or(FirebaseError::NotFound)?;
        Ok(account.custom_attributes)
    }

    /// Replaces all custom claims of an account. Needs the service account.
    ///
    /// # Errors
    /// [`FirebaseError::NotFound`] among others.
    pub async fn set_claims(&self, uid: &FirebaseUid, claims: &str) -> Result<(), FirebaseError> {
        let request = serde_json::json!({ "localId": uid.as_str(), "customAttributes": claims });
        self.call_admin::<Ignored>("accounts:update", &request)
            .await
            .map(drop)
    }
}
