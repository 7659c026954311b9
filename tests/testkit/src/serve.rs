//! HTTP/1.1 on one port, with one feature that a web framework does not offer: ending a connection without an answer.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};

/// An answer that is never sent: the connection ends instead, as when a service dies.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionEnds;

impl IntoResponse for ConnectionEnds {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the connection ends without an answer")]
struct Unanswered;

/// Binds `host`:`port` (0 = any free port) and prints `listening on 127.0.0.1:PORT`; starters wait for that line.
///
/// # Errors
/// The address cannot be bound.
pub async fn bind(host: &str, port: u16) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind((host, port)).await?;
    println!("listening on {}", listener.local_addr()?);
    Ok(listener)
}

/// Binds any free port of this machine, for servers inside a test.
///
/// # Errors
/// No port is free.
pub async fn bind_any() -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await
}

/// Serves until the task is dropped.
pub async fn serve(listener: TcpListener, router: Router) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, router.clone()))),
            // Most likely no file descriptor is free: some come back when connections end.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn connection(stream: TcpStream, router: Router) {
    let _ = stream.set_nodelay(true);
    let routes = TowerToHyperService::new(router);
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let answer = routes.call(request);
        async move {
            match answer.await {
                Ok(response) if response.extensions().get::<ConnectionEnds>().is_some() => Err(Unanswered),
                Ok(response) => Ok(response),
                Err(never) => match never as Infallible {},
            }
        }
    });
    // Broken connections are the clients' business, and half of the tests break them on purpose.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
}
