//! A user's right to a copy of what is kept about them, and to be forgotten (GDPR, articles 15 and 17).

use database::{Pool, run};
use firebase::{Account, Firebase, FirebaseError};
use serde_json::{Value, json};
use shared::ids::{FirebaseUid, UserId};

use crate::audit::Actor;
use crate::error::AccountError;
use crate::rules::user::UserError;
use crate::statements::erasure;

/// What an erasure came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erased {
    /// There was something, and it is gone.
    Now,
    /// There was nothing left.
    Before,
}

/// Everything that is kept about a user: every row, and their account at Firebase, where this deployment may look at accounts.
///
/// # Errors
/// [`UserError::NotFound`], or a fault of ours or of Firebase.
pub async fn export(pool: &Pool, firebase: Option<&Firebase>, id: UserId) -> Result<Value, AccountError> {
    let rows = run(pool, |mut connection| async move {
        erasure::export(&mut connection, id).await
    });
    let rows = rows.await?.ok_or(UserError::NotFound)?;
    let uid = rows.pointer("/users/0/firebase_uid").and_then(Value::as_str);
    let account = match (uid.map(FirebaseUid::parse), firebase) {
        (Some(Ok(uid)), Some(firebase)) => firebase.find_account(&uid).await?.as_ref().map(shown),
        _ => None,
    };
    Ok(json!({ "auth": rows, "firebase_account": account }))
}

fn shown(account: &Account) -> Value {
    json!({
        "uid": account.uid,
        "email": account.email,
        "email_verified": account.email_verified,
        "display_name": account.display_name,
        "photo_url": account.photo_url,
        "disabled": account.disabled,
        "password_updated_at": account.password_updated_at,
        "valid_since": account.valid_since.and_then(shared::time::UnixTime::to_rfc3339),
    })
}

/// Takes away what is known of a user, here and at Firebase. The ledger stays, without the user.
///
/// In three steps, each of which may be repeated: the user is put out, the account at Firebase is deleted (one that is gone counts as
/// deleted), the row is emptied. Broken off anywhere, it is done by doing it again.
///
/// # Errors
/// [`UserError::NotFound`]; [`FirebaseError::NotConfigured`] for a user with an account that this deployment may not delete; a fault of
/// ours or of Firebase.
pub async fn erase(
    pool: &Pool,
    firebase: Option<&Firebase>,
    id: UserId,
    actor: &Actor,
) -> Result<Erased, AccountError> {
    let uid = run(pool, |mut connection| async move {
        erasure::shut_out(&mut connection, id).await
    });
    match (uid.await?.ok_or(UserError::NotFound)?, firebase) {
        // A move that broke off may have made an account under the row's id.
        (uid, Some(firebase)) => {
            let uid = uid.unwrap_or_else(|| id.to_string());
            firebase.delete_account(&uid).await?;
        }
        (Some(_), None) => return Err(FirebaseError::NotConfigured("FIREBASE_CLIENT_EMAIL").into()),
        (None, None) => {}
    }
    let erased = run(pool, |mut connection| async move {
        erasure::erase(&mut connection, id, actor).await
    });
    Ok(if erased.await? {
        Erased::Now
    } else {
        Erased::Before
    })
}
