//! Serving until told to stop, and then until the last request is answered.

use std::future::Future;
use std::io;
use std::sync::atomic::Ordering;

use tokio::net::TcpListener;

use crate::app::AppState;
use crate::http;

/// Serves `app` on `listener` until `shutdown` completes; then takes no new connection and answers what is in flight, for as
/// long as the configuration allows. Spans that still wait then go out in what is left of that time.
///
/// # Errors
/// Those of the listener.
pub async fn run<S>(listener: TcpListener, app: AppState, shutdown: S) -> io::Result<()>
where
    S: Future<Output = ()> + Send + 'static,
{
    let (stopping, stopped) = tokio::sync::oneshot::channel::<()>();
    let drain = app.config.listen.drain;
    let draining = app.clone();
    let router = http::router(app.clone());
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        shutdown.await;
        draining.draining.store(true, Ordering::Relaxed);
        tracing::info!("draining");
        // Nobody listens any more only if the server has ended already.
        let _ended = stopping.send(());
    });
    let (stop_exporting, exporting_stopped) = tokio::sync::oneshot::channel::<()>();
    let exporting = tokio::spawn(app.traces.clone().keep_exporting(exporting_stopped));
    let too_late = async {
        match stopped.await {
            Ok(()) => tokio::time::sleep(drain).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::pin!(too_late);
    let (outcome, is_late) = tokio::select! {
        outcome = server => {
            drop(stop_exporting);
            let is_late = tokio::select! {
                _ended = exporting => false,
                () = &mut too_late => {
                    tracing::warn!("spans were still waiting after the drain time");
                    true
                }
            };
            (outcome, is_late)
        }
        () = &mut too_late => {
            tracing::warn!(seconds = drain.as_secs(), "requests were still in flight after the drain time");
            (Ok(()), true)
        }
    };
    // Closing waits for every statement that still runs: those have the rest of the drain time, and none after it.
    if !is_late {
        tokio::select! {
            () = app.pool.close() => {}
            () = &mut too_late => tracing::warn!("statements still ran after the drain time"),
        }
    }
    outcome
}

/// Completes at SIGTERM or Ctrl-C.
///
/// # Errors
/// When the signals cannot be listened for.
pub fn termination() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
