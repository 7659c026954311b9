//! Runs the check files of all pending migrations before any change.

use sqlx::PgConnection;

use super::catalogue::{BASELINE, Migration, Script};
use super::error::{Finding, SchemaError, in_migration};

/// The findings of a plan's checks.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// These stop the run, even if the operator accepts losses.
    pub blocking: Vec<Finding>,
    /// Data that the run would destroy.
    pub losses: Vec<Finding>,
}

/// Runs the checks of the way up. An empty database needs none.
pub(super) async fn before_up(
    connection: &mut PgConnection,
    plan: &[&'static Migration],
) -> Result<Findings, SchemaError> {
    let adopting: bool = sqlx::query_scalar("SELECT to_regclass('auth.users') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await
        .map_err(in_migration("checks"))?;
    if !adopting {
        return Ok(Findings::default());
    }
    // The baseline's check finds out whether this is the expected table; on another table the other checks would fail with an error.
    let (baseline, rest): (Vec<_>, Vec<_>) = plan
        .iter()
        .map(|migration| (migration.name, &migration.up))
        .partition(|(name, _)| *name == BASELINE);
    let findings = ask(connection, baseline.into_iter()).await?;
    if findings.blocking.is_empty() {
        ask(connection, rest.into_iter()).await
    } else {
        Ok(findings)
    }
}

/// Runs the checks of the way down.
pub(super) async fn before_down(
    connection: &mut PgConnection,
    plan: &[&'static Migration],
) -> Result<Findings, SchemaError> {
    ask(
        connection,
        plan.iter().map(|migration| (migration.name, &migration.down)),
    )
    .await
}

async fn ask(
    connection: &mut PgConnection,
    scripts: impl Iterator<Item = (&'static str, &'static Script)>,
) -> Result<Findings, SchemaError> {
    let mut findings = Findings::default();
    for (migration, script) in scripts {
        let Some(check) = script.check else { continue };
        let rows: Vec<(String, bool)> = sqlx::query_as(check)
            .fetch_all(&mut *connection)
            .await
            .map_err(in_migration(migration))?;
        for (text, blocking) in rows {
            let list = if blocking {
                &mut findings.blocking
            } else {
                &mut findings.losses
            };
            list.push(Finding { migration, text });
        }
    }
    Ok(findings)
}
