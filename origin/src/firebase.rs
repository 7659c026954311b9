//! Firebase's account services: Identity Toolkit and Secure Token, over REST. The only place that knows Google's wire formats.
//!
//! <https://firebase.google.com/docs/reference/rest/auth>,
//! <https://cloud.google.com/identity-platform/docs/reference/rest/v1/projects.accounts>

mod accounts;
mod bulk;
mod call;
mod claims;
mod credential;
mod custom_token;
mod error;
mod import;
mod repeat;
mod service_account;
mod session_cookie;
mod wire;

use std::sync::Arc;

use shared::ids::ProjectId;

use crate::config::FirebaseConfig;
use crate::domain::issuer::Issuer;
use crate::domain::role_claim::RoleClaim;
use crate::outbound::{self, NoClient};

pub use accounts::{Account, ImportedAccount, NewAccount, Refreshed, SignedIn};
pub use error::FirebaseError;
pub use import::{AccountPage, AccountToImport, KnownAccount, MAX_IMPORT, MAX_LOOKUP, UID_EXISTS};
pub use service_account::{NotAServiceAccount, ServiceAccount};

use credential::Credential;

/// Firebase's account services for one project. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Firebase(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: reqwest::Client,
    project: ProjectId,
    api_key: Option<String>,
    identity_toolkit: String,
    secure_token: String,
    credential: Credential,
    pauses: repeat::Pauses,
    role_claim: Option<RoleClaim>,
}

impl Firebase {
    /// Whose accounts are managed here: the project's own, of none of its tenants.
    #[must_use]
    pub fn issuer(&self) -> Issuer {
        Issuer::new(&self.0.project, None)
    }

    /// The services that `config` names; nothing is called yet.
    ///
    /// # Errors
    /// [`NoClient`] when TLS cannot be set up.
    pub fn new(config: &FirebaseConfig) -> Result<Self, NoClient> {
        let client = outbound::client()?;
        let (identity_toolkit, secure_token, credential) = match &config.emulator {
            Some(host) => (
                format!("http://{host}/identitytoolkit.googleapis.com"),
                format!("http://{host}/securetoken.googleapis.com"),
                Credential::Emulator,
            ),
            None => (
                config.urls.identity_toolkit.clone(),
                config.urls.secure_token.clone(),
                config
                    .service_account
                    .clone()
                    .map_or(Credential::None, Credential::service_account),
            ),
        };
        // The emulator takes any key.
        let emulated = config.emulator.is_some().then(|| "emulator".to_owned());
        Ok(Self(Arc::new(Inner {
            client,
            project: config.project.clone(),
            api_key: config.api_key.clone().or(emulated),
            identity_toolkit,
            secure_token,
            credential,
            pauses: repeat::Pauses::default(),
            role_claim: config.role_claim.clone(),
        })))
    }
}
