//! HTTP/1.1 connections, each with a limit on its silence.
//!
//! A client that opens a connection and sends nothing, or stops inside a request, costs a descriptor; without a limit such clients could
//! take all of them. A connection between two requests is silent as well. It must outlast the time for which proxies keep idle connections,
//! since a request into a closed connection is lost.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The pause when the system has no descriptor left; the new connection stays in its queue meanwhile.
const NO_DESCRIPTOR_PAUSE: Duration = Duration::from_secs(1);
/// How long a request that is half received at the stop may take to arrive.
const HALF_HEARD: Duration = Duration::from_secs(1);

/// Answers the connections of `listener` with `router` until `stop` completes, then answers requests in flight, and returns when no
/// connection is left. Closes a connection without a complete request head for as long as `silence`.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    silence: Duration,
    stop: impl Future<Output = ()>,
) {
    let (stopping, stopped) = watch::channel(());
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, _)) => {
                tokio::spawn(answer(stream, router.clone(), silence, stopped.clone()));
            }
            Err(error) if is_about_one(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                tokio::time::sleep(NO_DESCRIPTOR_PAUSE).await;
            }
        }
    }
    drop(listener);
    drop(stopped);
    // Fails if there was no connection; the next line then returns at once.
    let _nobody = stopping.send(());
    stopping.closed().await;
}

/// Whether the error concerns one connection only: its client hung up before the accept.
fn is_about_one(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

async fn answer(stream: TcpStream, router: Router, silence: Duration, mut stopped: watch::Receiver<()>) {
    let busy = Arc::new(AtomicUsize::new(0));
    let service = Counted {
        inner: TowerToHyperService::new(router),
        busy: Arc::clone(&busy),
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(silence)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        // The client already knows how the connection ended.
        _ended = connection.as_mut() => return,
        _word = stopped.changed() => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        _ended = connection.as_mut() => return,
        () = tokio::time::sleep(HALF_HEARD) => {}
    }
    if busy.load(Ordering::Relaxed) > 0 {
        let _ended = connection.await;
    }
}

/// Counts the requests in flight.
struct Counted {
    inner: TowerToHyperService<Router>,
    busy: Arc<AtomicUsize>,
}

impl Service<Request<Incoming>> for Counted {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let one = One::more(&self.busy);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            drop(one);
            answer
        })
    }
}

/// One request in flight, as long as this exists.
struct One(Arc<AtomicUsize>);

impl One {
    fn more(busy: &Arc<AtomicUsize>) -> Self {
        busy.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(busy))
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
