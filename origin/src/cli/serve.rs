//! `origin serve`.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use database::Servers;
use database::SharedSessions;
use schema::SchemaError;
use tokio::net::TcpListener;
use users::welcome::keep_welcoming;

use crate::app::AppState;
use crate::config::Config;
use crate::telemetry::{Causes, Traces};
use crate::{server, telemetry};

/// How often expired holds are given back, at the latest; a request that needs their tokens gives them back at once.
const SWEEP_PAUSE: Duration = Duration::from_secs(30);

/// How often the service looks for users with a failed synchronisation; each has a due time of its own.
const RETRY_PAUSE: Duration = Duration::from_secs(30);

/// How long the start waits for the check of the pooler. The service starts even if the database is away.
const LOOK: Duration = Duration::from_secs(3);

/// Serve HTTP until SIGTERM.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Bring the schema up first; safe from several replicas at once
    #[arg(long)]
    migrate: bool,
}

/// Serves; answers 0 after an orderly end, 1 when serving could not start or was interrupted.
pub async fn run(arguments: ServeArgs, config: Config) -> ExitCode {
    let traces = Traces::new(config.traces.as_ref());
    let _logging = telemetry::start(&config.log, traces.as_ref().unwrap_or(&Traces::default()));
    let address = config.listen.address();
    let app = match traces.map(|traces| AppState::new(config, traces)) {
        Ok(Ok(app)) => app,
        Ok(Err(error)) => return cannot_start(&error),
        Err(error) => return cannot_start(&error),
    };
    if tokio::time::timeout(LOOK, app.pool.has_shared_sessions()).await == Ok(true) {
        tracing::error!(error = %SharedSessions, "cannot start");
        return ExitCode::from(super::exit::USAGE);
    }
    if arguments.migrate
        && let Err(error) = bring_schema_up(&app.config.database.migrations).await
    {
        tracing::error!(error = %Causes(&error), "the schema could not be brought up");
        return ExitCode::FAILURE;
    }
    match serve(address, app).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%address, error = %Causes(&error), "cannot serve");
            ExitCode::FAILURE
        }
    }
}

fn cannot_start(error: &(dyn Error + 'static)) -> ExitCode {
    tracing::error!(error = %Causes(error), "cannot start");
    ExitCode::FAILURE
}

/// Migrates the schema, at the server that takes writes.
async fn bring_schema_up(servers: &Servers) -> Result<(), SchemaError> {
    let server = servers.choose().await.map_err(SchemaError::Connect)?;
    schema::up(&server, &schema::Options::default(), &mut |_| {})
        .await
        .map(drop)
}

async fn serve(address: std::net::SocketAddr, app: AppState) -> std::io::Result<()> {
    let shutdown = server::termination()?;
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let sweeping = tokio::spawn(app.ledger.clone().keep_sweeping(SWEEP_PAUSE));
    let tokens = app.config.welcome_tokens;
    let welcoming = tokio::spawn(keep_welcoming(app.pool.clone(), tokens, SWEEP_PAUSE));
    let beating = app
        .replica
        .clone()
        .map(|replica| tokio::spawn(replica.keep_beating()));
    app.limits.connect();
    let notifying = tokio::spawn(
        app.notifying
            .clone()
            .keep_notifying(RETRY_PAUSE, chrono::Utc::now),
    );
    let retrying = tokio::spawn(app.accounts.syncing().keep_retrying(RETRY_PAUSE));
    let outcome = server::run(listener, app, shutdown).await;
    sweeping.abort();
    welcoming.abort();
    retrying.abort();
    notifying.abort();
    if let Some(beating) = beating {
        beating.abort();
    }
    outcome
}
