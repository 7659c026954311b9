//! Firebase's account services, Identity Toolkit and Secure Token, over REST. Only this crate knows Google's wire formats.
//!
//! <https://firebase.google.com/docs/reference/rest/auth>,
//! <https://cloud.google.com/identity-platform/docs/reference/rest/v1/projects.accounts>

pub mod issuer;
pub mod role_claim;

mod account;
mod administration;
mod answers;
mod bulk;
mod call;
mod claims;
mod config;
mod credential;
mod custom_token;
mod error;
mod import;
mod mails;
mod new_account;
mod repeat;
mod second_factor;
mod service_account;
mod session_cookie;
mod sign_in;
mod source;
mod transport;
mod urls;
mod wire;

use std::sync::Arc;

use shared::ids::{ProjectId, TenantId};
use shared::time::UnixTime;

pub use account::Account;
pub use config::FirebaseConfig;
pub use error::{FirebaseError, PendingSignIn};
pub use import::{AccountPage, AccountToImport, KnownAccount, MAX_IMPORT, MAX_LOOKUP, UID_EXISTS};
pub use mails::FirebaseMails;
pub use new_account::{ImportedAccount, NewAccount};
pub use second_factor::{FactorAnswer, SmsRequest};
pub use service_account::{NotAServiceAccount, ServiceAccount};
pub use sign_in::{Refreshed, SignedIn};
pub use source::Source;
pub use urls::{FirebaseUrls, PlainHttp, service_url};

use credential::Credential;
use http_client::NoClient;
use issuer::Issuer;
use role_claim::RoleClaim;

/// Firebase's account services for one project. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Firebase(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: reqwest::Client,
    project: ProjectId,
    /// The tenant that has the accounts; none = the project's own accounts.
    tenant: Option<TenantId>,
    /// The project to which administrators' calls are charged.
    quota_project: Option<String>,
    api_key: Option<String>,
    identity_toolkit: String,
    secure_token: String,
    credential: Credential,
    mails: FirebaseMails,
    pauses: repeat::Pauses,
    role_claim: Option<RoleClaim>,
    clock: fn() -> UnixTime,
}

impl Firebase {
    /// The issuer of the managed accounts: the tenant, or the project without its tenants.
    #[must_use]
    pub fn issuer(&self) -> Issuer {
        Issuer::new(&self.0.project, self.0.tenant.as_ref())
    }

    /// The services in `config`, with the time from `clock`. Makes no call yet.
    ///
    /// # Errors
    /// [`NoClient`] when TLS cannot be set up.
    pub fn new(config: &FirebaseConfig, clock: fn() -> UnixTime) -> Result<Self, NoClient> {
        let client = http_client::client()?;
        let (identity_toolkit, secure_token, credential) = match &config.emulator {
            Some(host) => (
                format!("http://{host}/identitytoolkit.googleapis.com"),
                format!("http://{host}/securetoken.googleapis.com"),
                Credential::Emulator,
            ),
            None => (
                config.urls.identity_toolkit.clone(),
                config.urls.secure_token.clone(),
                config.source.clone().map_or(Credential::None, |source| {
                    Credential::tokens(source, config.signer.clone(), config.urls.iam.clone())
                }),
            ),
        };
        // The emulator accepts any key.
        let emulated = config.emulator.is_some().then(|| "emulator".to_owned());
        Ok(Self(Arc::new(Inner {
            client,
            project: config.project.clone(),
            tenant: config.tenant.clone(),
            quota_project: config.quota_project.clone(),
            mails: config.mails.clone(),
            api_key: config.api_key.clone().or(emulated),
            identity_toolkit,
            secure_token,
            credential,
            pauses: repeat::Pauses::default(),
            role_claim: config.role_claim.clone(),
            clock,
        })))
    }

    /// Whether Firebase mails a link to a new address to prove it.
    #[must_use]
    pub fn verifies_new_addresses(&self) -> bool {
        self.0.mails.verify_new
    }

    fn now(&self) -> UnixTime {
        (self.0.clock)()
    }

    fn tenant(&self) -> Option<&str> {
        self.0.tenant.as_ref().map(TenantId::as_str)
    }

    /// The address of an administrator's call: `{identity toolkit}/v1/projects/{project}/{method}`, or the same for the tenant. A method
    /// that begins with a colon belongs to the project or the tenant itself.
    fn admin_url(&self, method: &str) -> String {
        let (base, project) = (&self.0.identity_toolkit, &self.0.project);
        let slash = if method.starts_with(':') { "" } else { "/" };
        match self.tenant() {
            Some(tenant) => format!("{base}/v1/projects/{project}/tenants/{tenant}{slash}{method}"),
            None => format!("{base}/v1/projects/{project}{slash}{method}"),
        }
    }

    /// An administrator's call, charged to the quota project.
    fn counted(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.0.quota_project {
            Some(project) => request.header("x-goog-user-project", project),
            None => request,
        }
    }
}
