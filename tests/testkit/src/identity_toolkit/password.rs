//! Stored passwords: a bcrypt hash that came with an import, or one made here.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Cheap on purpose: nobody attacks the accounts of a test.
const COST: u32 = 4;

/// Hashes are computed in turn, one for each core, so that thousands of sign-ins leave the machine to the program under test.
static TURNS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)));

/// The bytes that an import brought, or a hash made here. Bytes that are no bcrypt hash are kept and match no password; the import does not
/// learn of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredPassword(Vec<u8>);

impl StoredPassword {
    /// `passwordHash` of an import: the bytes of the whole bcrypt string in base64, web-safe or not, padded or not.
    pub(super) fn imported(encoded: &str) -> Option<Self> {
        let web_safe = encoded.trim_end_matches('=').replace('+', "-").replace('/', "_");
        let padded = format!("{web_safe}{}", "=".repeat(padding(web_safe.len())));
        URL_SAFE.decode(padded).ok().map(Self)
    }

    /// The hash of a new password.
    pub(super) async fn of(password: String) -> Option<Self> {
        let hash = on_a_blocking_thread(move || bcrypt::hash(password, COST)).await?;
        hash.ok().map(|hash| Self(hash.into_bytes()))
    }

    /// Whether `password` fits.
    pub(super) async fn is(&self, password: String) -> bool {
        let bytes = self.0.clone();
        let check = move || {
            std::str::from_utf8(&bytes).is_ok_and(|hash| bcrypt::verify(password, hash).unwrap_or(false))
        };
        on_a_blocking_thread(check).await.unwrap_or(false)
    }

    /// In base64, as an export shows it.
    pub(super) fn encoded(&self) -> String {
        STANDARD.encode(&self.0)
    }
}

const fn padding(length: usize) -> usize {
    (4 - length % 4) % 4
}

async fn on_a_blocking_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let _turn = TURNS.acquire().await.ok()?;
    spawn_blocking(work).await.ok()
}
