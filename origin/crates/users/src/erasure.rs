//! Exports and erases a user's data (GDPR, articles 15 and 17).

use std::time::Duration;

use database::{DatabaseError, Pool, run};
use firebase::{Account, Firebase, FirebaseError};
use serde_json::{Value, json};
use shared::ids::{FirebaseUid, UserId};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::audit::Actor;
use crate::error::AccountError;
use crate::rules::user::UserError;
use crate::statements::{erasure, lease};

/// How long an erasure may take, in seconds: a call to Firebase with its repetitions, and two statements.
const LEASE_SECONDS: i64 = 60;
/// How long an erasure waits for a sign-in or a user import that is moving the user.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a waiting erasure checks the lease.
const POLL: Duration = Duration::from_millis(50);

/// The result of an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erased {
    /// There was data, and it is erased now.
    Now,
    /// There was no data left.
    Before,
}

/// All stored data of a user: every row, and their account at Firebase, where this deployment may read accounts.
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

/// Erases a user's data, here and at Firebase. The ledger stays, without the user.
///
/// It has three steps, and each may be repeated: deactivate the user, delete the account at Firebase (a missing one counts as deleted),
/// empty the row. An operator finishes an interrupted erasure by repeating it. It has the user's lease meanwhile: a sign-in or a user import
/// would make the account again, with the address and the password, and nobody would look for it.
///
/// # Errors
/// [`UserError::NotFound`]; [`AccountError::BeingMoved`] when another process has the lease and does not finish;
/// [`FirebaseError::NotConfigured`] for a user with an account that this deployment may not delete; a fault of ours or of Firebase.
pub async fn erase(
    pool: &Pool,
    firebase: Option<&Firebase>,
    id: UserId,
    actor: &Actor,
) -> Result<Erased, AccountError> {
    shut_out(pool, id).await?;
    let holder = &format!("erase:{}", Uuid::new_v4());
    hold(pool, id, holder).await?;
    let erased = erase_held(pool, firebase, id, actor).await;
    if erased.is_err() {
        // If this fails too, the lease ends by itself.
        let _best_effort = run(pool, |mut connection| async move {
            lease::let_go(&mut connection, id, holder).await
        })
        .await;
    }
    erased
}

/// Deactivates the user; answers their uid at Firebase.
async fn shut_out(pool: &Pool, id: UserId) -> Result<Option<String>, AccountError> {
    let uid = run(pool, |mut connection| async move {
        erasure::shut_out(&mut connection, id).await
    });
    Ok(uid.await?.ok_or(UserError::NotFound)?)
}

async fn hold(pool: &Pool, id: UserId, holder: &str) -> Result<(), AccountError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let held: Result<bool, DatabaseError> = run(pool, |mut connection| async move {
            lease::hold(&mut connection, id, holder, LEASE_SECONDS).await
        })
        .await;
        if held? {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(AccountError::BeingMoved);
        }
        sleep(POLL).await;
    }
}

/// [`erase`], under the lease. The row is looked at again: its user may have moved before.
async fn erase_held(
    pool: &Pool,
    firebase: Option<&Firebase>,
    id: UserId,
    actor: &Actor,
) -> Result<Erased, AccountError> {
    match (shut_out(pool, id).await?, firebase) {
        // An interrupted move may have made an account under the row's id.
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
