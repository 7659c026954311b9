//! The one HTTP client for calls to others: Google, the key endpoints of issuers, the mail hook, the collector of traces.

use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};

/// How long it may take to open a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an answer may take in all, unless the caller sets less.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The client cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be made: {0}")]
pub struct NoClient(#[source] Box<dyn std::error::Error + Send + Sync>);

/// [`client_within`] ten seconds.
///
/// # Errors
/// [`NoClient`].
pub fn client() -> Result<reqwest::Client, NoClient> {
    client_within(TIMEOUT)
}

/// An HTTP client. Each call ends within `timeout`. It trusts the public certificate authorities (Mozilla's list, compiled in for bare
/// containers), uses `ring`, follows no redirect and ignores proxies in the environment.
///
/// # Errors
/// [`NoClient`].
pub fn client_within(timeout: Duration) -> Result<reqwest::Client, NoClient> {
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| NoClient(error.into()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout)
        .pool_idle_timeout(Duration::from_secs(60))
        .user_agent(concat!("crossfade-origin/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| NoClient(error.into()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn client_is_made() {
        super::client().unwrap();
    }
}
