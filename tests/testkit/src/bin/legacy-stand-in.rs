//! The stand-in legacy service as a program. See [`testkit::legacy`].
//!
//! `PORT` (0 or unset = any), `CONTROL_PORT` (unset = `/control` on `PORT` only), `HOST`, `DATABASE_URL`, `JWT_SECRET`,
//! `INTERNAL_SERVICE_KEY`, `DEFAULT_TOKEN_BALANCE` (3), `ENABLE_USER_CACHE` (`false`).

use std::process::ExitCode;
use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use testkit::legacy::{Control, Settings};
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
    let control_port: Option<u16> = match env::text("CONTROL_PORT") {
        Some(_) => Some(env::parsed("CONTROL_PORT", 0)?),
        None => None,
    };
    let host = env::text("HOST").unwrap_or_else(|| "127.0.0.1".to_owned());
    let url = env::required("DATABASE_URL")?;
    let settings = Settings {
        jwt_secret: env::required("JWT_SECRET")?.into_bytes(),
        service_key: env::required("INTERNAL_SERVICE_KEY")?,
        default_token_balance: env::parsed("DEFAULT_TOKEN_BALANCE", 3)?,
        user_cache: env::parsed("ENABLE_USER_CACHE", false)?,
    };
    let pool = PgPoolOptions::new()
        .min_connections(20)
        .max_connections(20)
        // The real service's driver fails at once where nothing listens; sqlx would go on trying.
        .acquire_timeout(Duration::from_secs(2))
        .connect_lazy(&url)
        .map_err(|_| "DATABASE_URL is not a URL")?;
    let control = Control::default();
    let bind = async |port| {
        let bound = serve::bind(&host, port).await;
        bound.map_err(|error| format!("{host}:{port}: {error}"))
    };
    let listener = bind(port).await?;
    if let Some(port) = control_port {
        tokio::spawn(serve::serve(bind(port).await?, control.router()));
    }
    legacy::serve(listener, legacy::router(pool, settings, &control), &control)
        .await
        .map_err(|error| error.to_string())
}
