//! The queue: the users to import, and the process that holds each.
//!
//! A statement that writes several rows first locks them in the order of their ids (except for taking a lease, which waits for no lock):
//! two processes that held each other's rows would deadlock.

use firebase::issuer::StoredIssuer;
use shared::ids::UserId;
use sqlx::postgres::PgConnection;
use sqlx::{FromRow as _, Row as _};
use users::audit::Actor;
use uuid::Uuid;

use super::rows::LocalUser;

/// A user's entry for the queue.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The user.
    pub id: UserId,
    /// The user's bucket.
    pub bucket: u16,
    /// Why the user is not imported; `None` puts the user in the queue.
    pub obstacle: Option<&'static str>,
}

/// Queues users, or records their obstacle. Users with a lease stay as they are. `entries` are in the order of their ids: two concurrent
/// calls wait for each other in one direction only.
///
/// # Errors
/// The database's error.
pub async fn enqueue(connection: &mut PgConnection, entries: &[Entry]) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = entries.iter().map(|entry| entry.id.0).collect();
    let buckets: Vec<i16> = entries
        .iter()
        .map(|entry| i16::try_from(entry.bucket).unwrap_or(i16::MAX))
        .collect();
    let obstacles: Vec<Option<&str>> = entries.iter().map(|entry| entry.obstacle).collect();
    sqlx::query(
        "INSERT INTO auth.user_migrations AS known (user_id, state, bucket, result) \
         SELECT id, CASE WHEN obstacle IS NULL THEN 'pending' ELSE 'skipped' END, bucket, obstacle \
         FROM unnest($1::uuid[], $2::smallint[], $3::text[]) AS entry (id, bucket, obstacle) \
         ON CONFLICT (user_id) DO UPDATE \
         SET state = excluded.state, bucket = excluded.bucket, result = excluded.result, attempts = 0, updated_at = now() \
         WHERE known.state <> 'unlinking' AND coalesce(known.lease_until < now(), true) \
           AND (known.state, known.bucket, known.result, known.attempts) \
               IS DISTINCT FROM (excluded.state, excluded.bucket, excluded.result, 0)",
    )
    .bind(ids)
    .bind(buckets)
    .bind(obstacles)
    .execute(connection)
    .await
    .map(drop)
}

/// A user with a lease of ours.
#[derive(Debug)]
pub struct Claimed {
    /// The user.
    pub id: UserId,
    /// Their row, unless they are linked already or deleted.
    pub user: Option<LocalUser>,
    /// Whether they are linked already.
    pub linked: bool,
}

/// Takes the lease of at most `limit` users with a bucket below `share`, in the order in which users move. One process gets each user,
/// however many ask at once.
///
/// # Errors
/// The database's error.
pub async fn claim(
    connection: &mut PgConnection,
    holder: &str,
    share: u16,
    limit: i64,
    lease_seconds: i64,
) -> sqlx::Result<Vec<Claimed>> {
    let rows = sqlx::query(include_str!("claim.sql"))
        .bind(holder)
        .bind(i32::from(share))
        .bind(limit)
        .bind(lease_seconds)
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            let there: bool = row.try_get("there")?;
            let linked: bool = row.try_get("linked")?;
            Ok(Claimed {
                id: UserId(row.try_get("user_id")?),
                user: (there && !linked).then(|| LocalUser::from_row(row)).transpose()?,
                linked,
            })
        })
        .collect()
}

/// Renews the leases that `holder` still has, for users who are still local with this address and hash. Answers those users.
///
/// # Errors
/// The database's error.
pub async fn renew(
    connection: &mut PgConnection,
    holder: &str,
    users: &[LocalUser],
    lease_seconds: i64,
) -> sqlx::Result<Vec<Uuid>> {
    let (ids, emails, hashes) = columns(users);
    sqlx::query_scalar(
        "WITH leased AS ( \
             SELECT user_id FROM auth.user_migrations \
             WHERE user_id = ANY ($2) AND leased_by = $1 AND lease_until > now() ORDER BY user_id FOR UPDATE \
         ) \
         UPDATE auth.user_migrations AS migration \
         SET lease_until = now() + make_interval(secs => $5), updated_at = now() \
         FROM leased, unnest($2::uuid[], $3::text[], $4::text[]) AS seen (id, email, hash), auth.users AS person \
         WHERE migration.user_id = leased.user_id AND seen.id = leased.user_id AND person.id = leased.user_id \
           AND person.firebase_uid IS NULL AND person.email = seen.email AND person.password_hash = seen.hash \
         RETURNING migration.user_id",
    )
    .bind(holder)
    .bind(ids)
    .bind(emails)
    .bind(hashes)
    .bind(lease_seconds)
    .fetch_all(connection)
    .await
}

/// Links users to the accounts made for them at `issuer`, with their ids as uids, and audits it: `link.sql`. Answers the linked users; the
/// others have changed in the meantime, or `holder` has lost the lease.
///
/// # Errors
/// The database's error.
pub async fn link(
    connection: &mut PgConnection,
    holder: &str,
    users: &[LocalUser],
    issuer: &StoredIssuer,
    result: &str,
    actor: &Actor,
) -> sqlx::Result<Vec<Uuid>> {
    let (ids, emails, hashes) = columns(users);
    let active: Vec<bool> = users.iter().map(|user| user.is_active).collect();
    sqlx::query_scalar(include_str!("link.sql"))
        .bind(holder)
        .bind(ids)
        .bind(emails)
        .bind(hashes)
        .bind(result)
        .bind(actor.as_str())
        .bind(active)
        .bind(issuer.as_str())
        .fetch_all(connection)
        .await
}

/// The result of a user's turn.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The user.
    pub id: UserId,
    /// `done`, `failed` or `skipped`.
    pub state: &'static str,
    /// The result: how they were linked, or why not.
    pub result: String,
}

/// Ends leases of `holder` with their results.
///
/// # Errors
/// The database's error.
pub async fn settle(
    connection: &mut PgConnection,
    holder: &str,
    settlements: &[Settlement],
) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = settlements.iter().map(|settled| settled.id.0).collect();
    let states: Vec<&str> = settlements.iter().map(|settled| settled.state).collect();
    let results: Vec<&str> = settlements
        .iter()
        .map(|settled| settled.result.as_str())
        .collect();
    sqlx::query(
        "WITH leased AS ( \
             SELECT user_id FROM auth.user_migrations \
             WHERE user_id = ANY ($2) AND leased_by = $1 ORDER BY user_id FOR UPDATE \
         ) \
         UPDATE auth.user_migrations AS migration \
         SET state = settled.state, result = settled.result, leased_by = NULL, lease_until = NULL, updated_at = now() \
         FROM leased, unnest($2::uuid[], $3::text[], $4::text[]) AS settled (id, state, result) \
         WHERE migration.user_id = leased.user_id AND settled.id = leased.user_id",
    )
    .bind(holder)
    .bind(ids)
    .bind(states)
    .bind(results)
    .execute(connection)
    .await
    .map(drop)
}

/// Ends leases of `holder` without a result. With `counts` this counts as an attempt; after `most` attempts the user has failed.
///
/// # Errors
/// The database's error.
pub async fn release(
    connection: &mut PgConnection,
    holder: &str,
    ids: &[Uuid],
    result: &str,
    counts: bool,
    most: i32,
) -> sqlx::Result<()> {
    sqlx::query(
        "WITH leased AS ( \
             SELECT user_id FROM auth.user_migrations \
             WHERE user_id = ANY ($2) AND leased_by = $1 ORDER BY user_id FOR UPDATE \
         ) \
         UPDATE auth.user_migrations AS migration \
         SET state = CASE WHEN $4 AND attempts + 1 >= $5 THEN 'failed' ELSE state END, attempts = attempts + $4::integer, \
             result = $3, leased_by = NULL, lease_until = NULL, updated_at = now() \
         FROM leased WHERE migration.user_id = leased.user_id",
    )
    .bind(holder)
    .bind(ids)
    .bind(result)
    .bind(counts)
    .bind(most)
    .execute(connection)
    .await
    .map(drop)
}

/// The rest of the queue below `share`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Users in the queue.
    pub waiting: i64,
    /// Those of them with a lease of another process.
    pub leased: i64,
}

/// Counts what is left in the queue below `share`.
///
/// # Errors
/// The database's error.
pub async fn backlog(connection: &mut PgConnection, share: u16) -> sqlx::Result<Backlog> {
    let (waiting, leased) = sqlx::query_as(
        "SELECT count(*), count(*) FILTER (WHERE lease_until > now()) FROM auth.user_migrations \
         WHERE state = 'pending' AND bucket < $1",
    )
    .bind(i32::from(share))
    .fetch_one(connection)
    .await?;
    Ok(Backlog { waiting, leased })
}

/// The columns to compare before a link: the row must still equal the imported data.
fn columns(users: &[LocalUser]) -> (Vec<Uuid>, Vec<Option<&str>>, Vec<Option<&str>>) {
    (
        users.iter().map(|user| user.id.0).collect(),
        users.iter().map(|user| user.email.as_deref()).collect(),
        users.iter().map(|user| user.password_hash.as_deref()).collect(),
    )
}
