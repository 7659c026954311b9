//! bcrypt, on threads that serve no requests.

use tokio::task::spawn_blocking;

use super::answer::Failure;

/// Cheap on purpose: tests register many users. The real service uses 10 in production and 4 in its own tests.
const COST: u32 = 4;

/// The hash of `password`.
pub async fn hash(password: String) -> Result<String, Failure> {
    spawn_blocking(move || bcrypt::hash(password, COST))
        .await
        .map_err(Failure::internal)?
        .map_err(Failure::internal)
}

/// Whether `password` fits `hash`. A missing hash is an unexpected error, as in the real service.
pub async fn verify(password: String, hash: Option<String>) -> Result<bool, Failure> {
    let hash = hash.ok_or_else(|| Failure::internal("no password hash"))?;
    spawn_blocking(move || bcrypt::verify(password, &hash))
        .await
        .map_err(Failure::internal)?
        .map_err(Failure::internal)
}
