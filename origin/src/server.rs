//! Serves until the stop signal, then until the last request is answered.

use std::future::Future;
use std::io;
use std::sync::atomic::Ordering;

use tokio::net::TcpListener;

use crate::app::AppState;
use crate::{connections, http};

/// Serves `app` on `listener` until `shutdown` completes; then accepts no new connection and answers requests in flight, for as long as the
/// configuration allows. The rest of that time is for sending the last spans.
///
/// # Errors
/// None yet.
pub async fn run<S>(listener: TcpListener, app: AppState, shutdown: S) -> io::Result<()>
where
    S: Future<Output = ()> + Send + 'static,
{
    let (stopping, stopped) = tokio::sync::oneshot::channel::<()>();
    let drain = app.config.listen.drain;
    let draining = app.clone();
    let router = http::router(app.clone());
    let silence = app.config.listen.keep_alive;
    let server = connections::serve(listener, router, silence, async move {
        shutdown.await;
        draining.draining.store(true, Ordering::Relaxed);
        tracing::info!("draining");
        // Only fails if the server has ended already.
        let _ended = stopping.send(());
    });
    let too_late = async {
        match stopped.await {
            Ok(()) => tokio::time::sleep(drain).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::pin!(too_late);
    let is_late = tokio::select! {
        () = server => {
            tokio::select! {
                () = app.traces.finish(drain) => false,
                () = &mut too_late => {
                    tracing::warn!("spans were still waiting after the drain time");
                    true
                }
            }
        }
        () = &mut too_late => {
            tracing::warn!(seconds = drain.as_secs(), "requests were still in flight after the drain time");
            true
        }
    };
    // Closing waits for every running statement: those have the rest of the drain time, and no more.
    if !is_late {
        tokio::select! {
            () = app.pool.close() => {}
            () = &mut too_late => tracing::warn!("statements still ran after the drain time"),
        }
    }
    Ok(())
}

/// Completes at SIGTERM or Ctrl-C.
///
/// # Errors
/// When the process cannot listen for the signals.
pub fn termination() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let signals = signals()?;
    Ok(async move {
        let _either = signals.await;
    })
}

/// Completes at SIGTERM or Ctrl-C with the signal's number.
///
/// # Errors
/// When the process cannot listen for the signals.
pub fn signals() -> io::Result<impl Future<Output = i32> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let (terminate, interrupt) = (SignalKind::terminate(), SignalKind::interrupt());
    let mut terminated = signal(terminate)?;
    let mut interrupted = signal(interrupt)?;
    Ok(async move {
        tokio::select! {
            _ = terminated.recv() => terminate.as_raw_value(),
            _ = interrupted.recv() => interrupt.as_raw_value(),
        }
    })
}
