//! A misbehaving proxy as a program: `TARGET` (host:port), `CONTROL_PORT` (0 or unset = any). `GET /control` answers its address; `POST
//! /control/swallow`, `/cut`, `/carry`, `/close` and `/silence` change its behaviour. See [`testkit::faulty_proxy`].

use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use testkit::faulty_proxy::{FaultyProxy, Welcome};
use testkit::{env, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("faulty-proxy: {fault}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    let target = env::text("TARGET").ok_or("TARGET is required")?;
    let target = target.parse().map_err(|_| "TARGET is no address")?;
    let proxy = FaultyProxy::to(target).await.map_err(|error| error.to_string())?;
    let listener = serve::bind("127.0.0.1", env::parsed("CONTROL_PORT", 0)?)
        .await
        .map_err(|error| error.to_string())?;
    let router = Router::new()
        .route("/control", get(address))
        .route("/control/{what}", post(change))
        .with_state(Arc::new(proxy));
    serve::serve(listener, router).await;
    Ok(())
}

async fn address(State(proxy): State<Arc<FaultyProxy>>) -> String {
    proxy.address().to_string()
}

async fn change(State(proxy): State<Arc<FaultyProxy>>, Path(what): Path<String>) -> StatusCode {
    match what.as_str() {
        "swallow" => drop(proxy.swallow()),
        "cut" => proxy.cut(),
        "carry" => proxy.welcome(Welcome::Carry),
        "close" => proxy.welcome(Welcome::Close),
        "silence" => proxy.welcome(Welcome::Swallow),
        _ => return StatusCode::NOT_FOUND,
    }
    StatusCode::NO_CONTENT
}
