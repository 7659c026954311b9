//! The stand-in legacy service as a program: `PORT` (0 or unset = any), `HOST`, `DATABASE_URL`, `JWT_SECRET`. See [`testkit::legacy`].

use std::process::ExitCode;

use sqlx::postgres::PgPoolOptions;
use testkit::{env, legacy, serve};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("legacy-stand-in: {fault}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    let port = env::parsed("PORT", 0)?;
    let host = env::text("HOST").unwrap_or_else(|| "127.0.0.1".to_owned());
    let url = env::text("DATABASE_URL").ok_or("DATABASE_URL is required")?;
    let secret = env::text("JWT_SECRET").ok_or("JWT_SECRET is required")?;
    let pool = PgPoolOptions::new()
        .max_connections(10)
        .connect_lazy(&url)
        .map_err(|_| "DATABASE_URL is not a URL")?;
    let listener = serve::bind(&host, port)
        .await
        .map_err(|error| format!("{host}:{port}: {error}"))?;
    serve::serve(listener, legacy::router(pool, secret.as_bytes())).await;
    Ok(())
}
