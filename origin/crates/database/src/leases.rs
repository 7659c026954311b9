//! `auth.work_leases`: background work that one replica at a time does.
//!
//! A lease saves double work and guards nothing: it may end while its holder is still at work. Each step of the work must be correct beside
//! the same step of another replica.

use sqlx::PgConnection;
use uuid::Uuid;

/// Work that one replica at a time does, by its name in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job(pub &'static str);

/// Takes the lease of `job` for `holder`, or extends the holder's own, for `seconds` from now. `false` while another replica has it.
///
/// # Errors
/// The database's error.
pub async fn claim(
    connection: &mut PgConnection,
    job: Job,
    holder: Uuid,
    seconds: u32,
) -> sqlx::Result<bool> {
    let claimed = sqlx::query(
        "INSERT INTO auth.work_leases AS lease (job, holder, expires_at) VALUES ($1, $2, now() + make_interval(secs => $3)) \
         ON CONFLICT (job) DO UPDATE SET holder = EXCLUDED.holder, expires_at = EXCLUDED.expires_at \
         WHERE lease.holder = EXCLUDED.holder OR lease.expires_at <= now()",
    )
    .bind(job.0)
    .bind(holder)
    .bind(f64::from(seconds))
    .execute(connection)
    .await?;
    Ok(claimed.rows_affected() > 0)
}

/// Gives the lease back, if `holder` still has it.
///
/// # Errors
/// The database's error; the lease then ends by itself.
pub async fn release(connection: &mut PgConnection, job: Job, holder: Uuid) -> sqlx::Result<()> {
    sqlx::query("UPDATE auth.work_leases SET expires_at = now() WHERE job = $1 AND holder = $2 AND expires_at > now()")
        .bind(job.0)
        .bind(holder)
        .execute(connection)
        .await
        .map(drop)
}
