//! What users do at Firebase without us: sign in with Google, click a mail, change their address.
//!
//! When a provider verifies an address, Google takes an unproven password off the account, and the account keeps its uid. An account that
//! was proven before keeps its password beside the provider. <https://firebase.google.com/docs/auth/users#user_properties>

use serde_json::json;

use super::IdentityToolkit;
use super::session::random;
use super::store::{Account, canonical};
use crate::tokens::{FirebaseUser, firebase_id_token, now};

const GOOGLE: &str = "google.com";

impl IdentityToolkit {
    /// Signs in with Google, which verifies `email`. Returns the uid and the ID token.
    pub fn sign_in_with_google(&self, email: &str) -> (String, String) {
        let (email, at) = (canonical(email), now());
        let uid = {
            let mut store = self.shared.store();
            let known = store.by_email(&email).map(|account| account.local_id.clone());
            let uid = known.unwrap_or_else(|| {
                let uid: String = random().chars().take(28).collect();
                store.put(Account {
                    local_id: uid.clone(),
                    email: Some(email.clone()),
                    email_verified: true,
                    valid_since: at,
                    created_at: at.saturating_mul(1_000),
                    ..Account::default()
                });
                uid
            });
            store.change(&uid, |account| {
                if !account.email_verified {
                    account.password = None;
                    account.providers.clear();
                    account.email_verified = true;
                    account.valid_since = at;
                }
                if !account.providers.contains(&GOOGLE) {
                    account.providers.push(GOOGLE);
                }
                account.last_login_at = Some(at.saturating_mul(1_000));
            });
            uid
        };
        let user = FirebaseUser::new(&uid, &email);
        let token = firebase_id_token(self.shared.project(), &user, at).claim(
            "firebase",
            json!({"identities": {"email": [email]}, "sign_in_provider": GOOGLE}),
        );
        (uid, token.mint())
    }

    /// The user clicks the mail that verifies the address of `uid`. Sessions stay.
    pub fn click_verification(&self, uid: &str) {
        self.shared
            .store()
            .change(uid, |account| account.email_verified = true);
    }

    /// The user of `uid` changes its address without proving the new one. `false` when another account has it. Sessions stay.
    pub fn change_address(&self, uid: &str, email: &str) -> bool {
        let email = canonical(email);
        let mut store = self.shared.store();
        if store.by_email(&email).is_some() {
            return false;
        }
        store
            .change(uid, |account| {
                account.email = Some(email);
                account.email_verified = false;
            })
            .is_some()
    }
}
