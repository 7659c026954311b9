//! bcrypt, away from the threads that serve.

use tokio::task::spawn_blocking;

use super::answer::Failure;

/// Cheap on purpose: tests register many users. The real one takes 10 in production and 4 in its own tests.
const COST: u32 = 4;

/// The hash of `password`.
pub async fn hash(password: String) -> Result<String, Failure> {
    spawn_blocking(move || bcrypt::hash(password, COST))
        .await
        .map_err(Failure::internal)?
        .map_err(Failure::internal)
}

/// Whether `password` is the one of `hash`. No hash is an error nobody thought of, as there.
pub async fn verify(password: String, hash: Option<String>) -> Result<bool, Failure> {
    let hash = hash.ok_or_else(|| Failure::internal("no password hash"))?;
    spawn_blocking(move || bcrypt::verify(password, &hash))
        .await
        .map_err(Failure::internal)?
        .map_err(Failure::internal)
}
