//! Resumes a run that was killed, at any point.

use database::{Pool, run};
use shared::ids::UserId;
use shared::rollout::Percentage;

use super::statements::looks;
use super::{ImportError, UserImport};

/// Which users the preflight checks before the import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looking {
    /// All of them, without writing: a dry run.
    Dry,
    /// All of them.
    Anew,
    /// Those after this one: an earlier run was killed during its preflight.
    After(Option<UserId>),
}

/// The share of the last run of `group`, if there was one.
///
/// # Errors
/// [`ImportError::Database`].
pub async fn last_share(pool: &Pool, group: &str) -> Result<Option<Percentage>, ImportError> {
    let last = run(pool, |mut connection| async move {
        looks::latest(&mut connection, group, None).await
    });
    Ok(last
        .await?
        .and_then(|look| Percentage::from_basis_points(look.share)))
}

impl UserImport {
    /// The preflight that this share still needs; `None` when an earlier run has checked all users.
    ///
    /// # Errors
    /// [`ImportError::Database`].
    pub async fn left_to_look_at(&self) -> Result<Option<Looking>, ImportError> {
        let (group, share) = (self.group.as_str(), self.share.basis_points());
        let look = run(self.directory.pool(), |mut connection| async move {
            looks::latest(&mut connection, group, Some(share)).await
        });
        Ok(match look.await? {
            Some(look) if look.is_finished => None,
            Some(look) => Some(Looking::After(look.looked_to)),
            // There was no run, or it was killed before it recorded its plan.
            None => Some(Looking::Anew),
        })
    }
}
