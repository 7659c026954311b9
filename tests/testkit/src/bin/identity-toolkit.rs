//! The stand-in of Google's account services as a program: `PORT` (0 or unset = any), `HOST` (unset = 127.0.0.1), `FIREBASE_PROJECT_ID`
//! (unset = demo-crossfade). `GET /variables` answers the variables for the origin. See [`testkit::identity_toolkit`].

use std::process::ExitCode;

use testkit::{env, identity_toolkit, serve};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("identity-toolkit: {fault}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    let port = env::parsed("PORT", 0)?;
    let host = env::text("HOST").unwrap_or_else(|| "127.0.0.1".to_owned());
    let project = env::text("FIREBASE_PROJECT_ID").unwrap_or_else(|| "demo-crossfade".to_owned());
    let listener = serve::bind(&host, port)
        .await
        .map_err(|error| format!("{host}:{port}: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let base = format!("http://{address}");
    serve::serve(listener, identity_toolkit::router(&project, &base)).await;
    Ok(())
}
