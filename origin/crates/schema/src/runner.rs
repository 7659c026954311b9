//! Runs migrations up and down.

use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;

use super::catalogue::{MIGRATIONS, Migration};
use super::error::{Finding, SchemaError};
use super::execute::{Direction, Run};
use super::options::{Options, Progress};
use super::{checks, folding, history, indexes, lock, session};

/// Brings the database to the newest version. Answers the versions that this call applied.
///
/// # Errors
/// [`SchemaError`]; the migrations recorded before it stay applied, and the call may be repeated.
pub async fn up(
    database: &PgConnectOptions,
    options: &Options,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Vec<u32>, SchemaError> {
    session::over(database, options.patience(), async |connection| {
        up_on(connection, options, progress).await
    })
    .await
}

async fn up_on(
    connection: &mut PgConnection,
    options: &Options,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Vec<u32>, SchemaError> {
    lock::acquire(connection, options.lock_patience).await?;
    let faults = folding::faults(connection).await?;
    if !faults.is_empty() {
        let migration = "the database itself";
        let findings = faults.into_iter().map(|text| Finding { migration, text });
        return Err(SchemaError::NotReady(findings.collect()));
    }
    let plan = pending(connection).await?;
    let findings = checks::before_up(connection, &plan).await?;
    if !findings.blocking.is_empty() {
        return Err(SchemaError::NotReady(findings.blocking));
    }
    if !plan.is_empty() {
        history::create(connection).await?;
    }
    let mut run = Run {
        connection,
        options,
        progress,
    };
    repair_indexes(&mut run, &plan).await?;
    for migration in &plan {
        (run.progress)(Progress::Started(migration.name));
        let took = run.migrate(migration, Direction::Up).await?;
        (run.progress)(Progress::Done {
            migration: migration.name,
            took,
        });
    }
    Ok(plan.iter().map(|migration| migration.version).collect())
}

/// Takes every migration above version `to` down, newest first. Answers the versions taken down, or in a rehearsal the versions that would
/// be.
///
/// # Errors
/// [`SchemaError::WouldLose`] unless the operator accepts the loss, [`SchemaError::NotReady`] where rows forbid it altogether; both before
/// any change.
pub async fn down(
    database: &PgConnectOptions,
    to: u32,
    options: &Options,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Vec<u32>, SchemaError> {
    if to != 0 && !MIGRATIONS.iter().any(|migration| migration.version == to) {
        return Err(SchemaError::UnknownVersion(to));
    }
    session::over(database, options.patience(), async |connection| {
        down_on(connection, to, options, progress).await
    })
    .await
}

async fn down_on(
    connection: &mut PgConnection,
    to: u32,
    options: &Options,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Vec<u32>, SchemaError> {
    lock::acquire(connection, options.lock_patience).await?;
    let mut plan = Vec::new();
    for applied in history::read(connection).await?.iter().rev() {
        let version = u32::try_from(applied.version).unwrap_or(u32::MAX);
        if version > to {
            plan.push(known(version).ok_or(SchemaError::NewerThanProgram(version))?);
        }
    }
    let findings = checks::before_down(connection, &plan).await?;
    if !findings.blocking.is_empty() {
        return Err(SchemaError::NotReady(findings.blocking));
    }
    if !findings.losses.is_empty() && !options.accept_loss {
        return Err(SchemaError::WouldLose(findings.losses));
    }
    let versions = plan.iter().map(|migration| migration.version).collect();
    if options.rehearse_down {
        return Ok(versions);
    }
    let mut run = Run {
        connection,
        options,
        progress,
    };
    for migration in &plan {
        (run.progress)(Progress::Started(migration.name));
        let took = run.migrate(migration, Direction::Down).await?;
        (run.progress)(Progress::Done {
            migration: migration.name,
            took,
        });
    }
    Ok(versions)
}

/// The pending migrations. An older program on a newer database has nothing to do: migrations only ever add.
async fn pending(connection: &mut PgConnection) -> Result<Vec<&'static Migration>, SchemaError> {
    let applied = history::read(connection).await?;
    for entry in &applied {
        let Some(migration) = u32::try_from(entry.version).ok().and_then(known) else {
            continue;
        };
        if !migration.is_recorded_as(&entry.checksum) {
            return Err(SchemaError::Changed {
                migration: migration.name,
                recorded: entry.checksum.clone(),
                compiled: migration.checksum(),
            });
        }
    }
    let is_applied = |version: u32| {
        applied
            .iter()
            .any(|entry| u32::try_from(entry.version) == Ok(version))
    };
    Ok(MIGRATIONS
        .iter()
        .filter(|migration| !is_applied(migration.version))
        .collect())
}

/// Drops the remains of interrupted index builds, except those that another session is building. Indexes of applied migrations are built
/// again here, those of pending ones with their migration; `verify` reports an invalid index that is not ours.
async fn repair_indexes(run: &mut Run<'_>, plan: &[&'static Migration]) -> Result<(), SchemaError> {
    for name in indexes::abandoned(run.connection).await? {
        let owner = MIGRATIONS
            .iter()
            .find(|migration| migration.up.index() == Some(&name));
        match owner {
            Some(owner) if !plan.iter().any(|pending| pending.version == owner.version) => {
                run.rebuild(owner).await?;
            }
            None if indexes::is_reindex_remains(&name) => {
                indexes::drop_concurrently(run.connection, &name).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn known(version: u32) -> Option<&'static Migration> {
    MIGRATIONS.iter().find(|migration| migration.version == version)
}
