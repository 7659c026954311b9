//! One SQL statement from the command line, a line of JSON for each row: the embedded PostgreSQL comes without `psql`.

use std::process::ExitCode;

use sqlx::{Connection as _, PgConnection};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(statement) = std::env::args().nth(1) else {
        eprintln!("usage: sql STATEMENT");
        return ExitCode::from(64);
    };
    match run(&statement).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(statement: &str) -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("DATABASE_URL").map_err(|_| "DATABASE_URL is not set")?;
    let mut connection = PgConnection::connect(&url).await?;
    let statement = statement.trim().trim_end_matches(';');
    let reads = ["select", "with", "table", "values"].iter().any(|word| {
        statement
            .get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    });
    if reads {
        let as_json = format!("SELECT row_to_json(answer)::text FROM ({statement}) AS answer");
        let rows: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(as_json))
            .fetch_all(&mut connection)
            .await?;
        for row in rows {
            println!("{row}");
        }
    } else {
        let done = sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&mut connection)
            .await?;
        println!("{} rows", done.rows_affected());
    }
    Ok(())
}
