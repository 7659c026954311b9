//! Compares the database with the migrations' expected result: names, types, nullability and state of columns, constraints, indexes and
//! triggers; shows the distribution of the users. Reads only.

mod expected;
mod report;

use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;

use self::expected::EXPECTED;
use super::error::{SchemaError, in_migration};
use super::session::{self, Patience};
use super::{indexes, status};

pub use report::{Distribution, Report};

const STEP: &str = "verify";

/// Compares the database with the program's expectations.
///
/// # Errors
/// [`SchemaError::Connect`] or [`SchemaError::Statement`]; a difference is a line of the report, not an error.
pub async fn read(database: &PgConnectOptions) -> Result<Report, SchemaError> {
    session::over(database, Patience::default(), async |connection| {
        read_on(connection).await
    })
    .await
}

async fn read_on(connection: &mut PgConnection) -> Result<Report, SchemaError> {
    let status = status::read_on(connection).await?;
    let mut report = Report::default();
    report.differences.extend(status.unfit.iter().cloned());

    for entry in status
        .migrations
        .iter()
        .filter(|entry| matches!(entry.state, status::State::Pending | status::State::Changed))
    {
        report
            .differences
            .push(format!("migration {} is {:?}", entry.name, entry.state).to_lowercase());
    }
    if !table_exists(connection).await? {
        report.differences.push("table auth.users is missing".to_owned());
        return Ok(report);
    }
    columns(connection, &mut report).await?;
    constraints(connection, &mut report).await?;
    index_state(connection, &mut report).await?;
    triggers(connection, &mut report).await?;
    row_security(connection, &mut report).await?;
    if report.differences.is_empty() {
        report.users = Some(distribution(connection).await?);
    }
    Ok(report)
}

async fn table_exists(connection: &mut PgConnection) -> Result<bool, SchemaError> {
    sqlx::query_scalar("SELECT to_regclass('auth.users') IS NOT NULL")
        .fetch_one(connection)
        .await
        .map_err(in_migration(STEP))
}

async fn columns(connection: &mut PgConnection, report: &mut Report) -> Result<(), SchemaError> {
    let found: Vec<(String, String, String, bool)> = sqlx::query_as(
        "SELECT attrelid::regclass::text, attname::text, format_type(atttypid, atttypmod), attnotnull
         FROM pg_attribute
         WHERE attrelid = ANY (ARRAY(SELECT to_regclass(name) FROM unnest($1::text[]) AS name))
           AND attnum > 0 AND NOT attisdropped",
    )
    .bind(&EXPECTED.tables)
    .fetch_all(connection)
    .await
    .map_err(in_migration(STEP))?;
    for column in &EXPECTED.columns {
        report.checked.columns = report.checked.columns.saturating_add(1);
        let name = format!("{}.{}", column.table, column.name);
        match found
            .iter()
            .find(|(table, name, ..)| table == column.table && name == column.name)
        {
            None => report.differences.push(format!("column {name} is missing")),
            Some((_, _, kind, _)) if kind != column.kind => {
                report
                    .differences
                    .push(format!("column {name} is {kind}, expected {}", column.kind));
            }
            Some((.., not_null)) if *not_null != column.not_null => {
                let (is, should) = if *not_null {
                    ("NOT NULL", "nullable")
                } else {
                    ("nullable", "NOT NULL")
                };
                report
                    .differences
                    .push(format!("column {name} is {is}, expected {should}"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

async fn constraints(connection: &mut PgConnection, report: &mut Report) -> Result<(), SchemaError> {
    let found: Vec<(String, String, bool)> = sqlx::query_as(
        "SELECT conrelid::regclass::text, conname::text, convalidated
         FROM pg_constraint
         WHERE conrelid = ANY (ARRAY(SELECT to_regclass(name) FROM unnest($1::text[]) AS name))",
    )
    .bind(&EXPECTED.tables)
    .fetch_all(connection)
    .await
    .map_err(in_migration(STEP))?;
    for (table, name) in &EXPECTED.constraints {
        report.checked.constraints = report.checked.constraints.saturating_add(1);
        match found
            .iter()
            .find(|(on, constraint, _)| on == table && constraint == name)
        {
            None => report
                .differences
                .push(format!("constraint {name} on {table} is missing")),
            Some((.., false)) => report
                .differences
                .push(format!("constraint {name} on {table} is not validated")),
            Some(_) => {}
        }
    }
    Ok(())
}

async fn index_state(connection: &mut PgConnection, report: &mut Report) -> Result<(), SchemaError> {
    let found: Vec<(String, bool, bool)> = sqlx::query_as(
        "SELECT schema.nspname || '.' || class.relname, index.indisunique, index.indisvalid AND index.indisready
         FROM pg_index AS index
         JOIN pg_class AS class ON class.oid = index.indexrelid
         JOIN pg_namespace AS schema ON schema.oid = class.relnamespace
         WHERE schema.nspname = 'auth'
            OR class.oid IN (to_regclass('public.idx_schools_name_grams'), to_regclass('public.idx_schools_name_id'))",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(in_migration(STEP))?;
    for (name, unique) in &EXPECTED.indexes {
        report.checked.indexes = report.checked.indexes.saturating_add(1);
        match found.iter().find(|(index, ..)| index == name) {
            None => report.differences.push(format!("index {name} is missing")),
            Some((_, is_unique, _)) if is_unique != unique => {
                report
                    .differences
                    .push(format!("index {name} is unique: {is_unique}, expected: {unique}"));
            }
            Some(_) => {}
        }
    }
    let abandoned = indexes::abandoned(connection).await?;
    for (name, ..) in found.iter().filter(|(.., usable)| !usable) {
        if abandoned.contains(name) {
            report.differences.push(format!("index {name} is invalid"));
        }
    }
    // Same table, same columns, same predicate, both unique or the other one plain: the second index only costs.
    report.notes = sqlx::query_scalar(
        "SELECT format('index %s repeats %s and could be dropped once its owners agree', extra.indexrelid::regclass, kept.indexrelid::regclass)
         FROM pg_index AS extra
         JOIN pg_index AS kept ON kept.indrelid = extra.indrelid AND kept.indkey = extra.indkey AND kept.indclass = extra.indclass
              AND kept.indpred IS NULL AND kept.indexprs IS NULL AND extra.indexprs IS NULL
              AND kept.indisunique AND kept.indexrelid <> extra.indexrelid
         WHERE extra.indrelid IN ('auth.users'::regclass, to_regclass('auth.user_profiles'))
           AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = extra.indexrelid)
           AND EXISTS (SELECT FROM pg_constraint WHERE conindid = kept.indexrelid)
         ORDER BY 1",
    )
    .fetch_all(connection)
    .await
    .map_err(in_migration(STEP))?;
    Ok(())
}

async fn triggers(connection: &mut PgConnection, report: &mut Report) -> Result<(), SchemaError> {
    let found: Vec<(String, String, bool)> = sqlx::query_as(
        "SELECT tgrelid::regclass::text, tgname::text, tgenabled IN ('O', 'A')
         FROM pg_trigger
         WHERE NOT tgisinternal
           AND tgrelid = ANY (ARRAY(SELECT to_regclass(name) FROM unnest($1::text[]) AS name))",
    )
    .bind(&EXPECTED.tables)
    .fetch_all(connection)
    .await
    .map_err(in_migration(STEP))?;
    for (table, name) in &EXPECTED.triggers {
        report.checked.triggers = report.checked.triggers.saturating_add(1);
        match found
            .iter()
            .find(|(on, trigger, _)| on == table && trigger == name)
        {
            None => report
                .differences
                .push(format!("trigger {name} on {table} is missing")),
            Some((.., false)) => report
                .differences
                .push(format!("trigger {name} on {table} is disabled")),
            Some(_) => {}
        }
    }
    Ok(())
}

/// With row level security and no policy for our role, every table looks empty to the origin: it would create all users again.
async fn row_security(connection: &mut PgConnection, report: &mut Report) -> Result<(), SchemaError> {
    let blind: Vec<String> = sqlx::query_scalar(
        "SELECT class.oid::regclass::text
         FROM pg_class AS class
         WHERE class.oid = ANY (ARRAY(SELECT to_regclass(name) FROM unnest($1::text[]) AS name))
           AND row_security_active(class.oid)
           AND NOT EXISTS (
               SELECT FROM pg_policy AS policy
               WHERE policy.polrelid = class.oid
                 AND EXISTS (SELECT FROM unnest(policy.polroles) AS role
                             WHERE role = 0 OR pg_has_role(current_user, role, 'member'))
           )
         ORDER BY 1",
    )
    .bind(&EXPECTED.tables)
    .fetch_all(connection)
    .await
    .map_err(in_migration(STEP))?;
    report.differences.extend(blind.into_iter().map(|table| {
        format!("row level security hides every row of {table} from this role; it needs a policy")
    }));
    Ok(())
}

async fn distribution(connection: &mut PgConnection) -> Result<Distribution, SchemaError> {
    sqlx::query_as(
        "SELECT count(*) AS total,
                count(*) FILTER (WHERE auth_provider = 'local') AS local,
                count(*) FILTER (WHERE auth_provider = 'firebase') AS firebase,
                count(*) FILTER (WHERE auth_provider = 'hybrid') AS hybrid,
                count(*) FILTER (WHERE federation_status = 'syncing') AS syncing,
                count(*) FILTER (WHERE federation_status = 'failed') AS failed,
                count(*) FILTER (WHERE federation_status = 'disabled') AS disabled,
                count(*) FILTER (WHERE NOT is_active) AS inactive,
                count(*) FILTER (WHERE email LIKE 'deleted\\_%') AS deleted,
                count(*) FILTER (WHERE email IS NULL) AS without_email,
                count(*) FILTER (WHERE user_type <> 'user') AS staff,
                coalesce(sum(token_balance), 0)::bigint AS tokens
         FROM auth.users",
    )
    .fetch_one(connection)
    .await
    .map_err(in_migration(STEP))
}
