//! Going on where an earlier run was killed, wherever that was.

use database::{Pool, run};
use shared::ids::UserId;
use shared::rollout::Percentage;

use super::statements::looks;
use super::{ImportError, UserImport};

/// How much of the users is looked at before anybody is brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looking {
    /// All of them, and nothing is written down: a dry run.
    Dry,
    /// All of them.
    Anew,
    /// Those after this one: an earlier run was killed while it looked.
    After(Option<UserId>),
}

/// The share of the run of `group` that began last, if there was one.
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
    /// What is to be looked at before this share can be gone on with; `None` when an earlier run has looked at everybody.
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
            // It was killed before it could say what it was about to do, or there was none.
            None => Some(Looking::Anew),
        })
    }
}
