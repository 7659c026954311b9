//! The key server as a program: `PORT` (0 or unset = any), `HOST` (unset = 127.0.0.1). See [`testkit::key_server`].

use std::process::ExitCode;

use testkit::{env, key_server, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("jwks-server: {fault}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    let port = env::parsed("PORT", 0)?;
    let host = env::text("HOST").unwrap_or_else(|| "127.0.0.1".to_owned());
    let listener = serve::bind(&host, port)
        .await
        .map_err(|error| format!("{host}:{port}: {error}"))?;
    serve::serve(listener, key_server::router()).await;
    Ok(())
}
