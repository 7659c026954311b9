//! The service's port, which it can give up.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;

use super::Control;
use crate::serve;

/// Serves until the task is dropped, and gives the port up whenever `control` says that connections are refused: connecting then fails as
/// it does where nothing runs.
///
/// # Errors
/// The listener has no address.
pub async fn serve(listener: TcpListener, router: Router, control: &Control) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    let mut open = listener;
    loop {
        // The losing future of the two is dropped, and the port with it.
        let serving = serve::serve(open, router.clone());
        tokio::select! {
            () = serving => {}
            () = control.until_accepting(false) => {}
        }
        control.until_accepting(true).await;
        open = rebind(address).await;
    }
}

/// Takes the port again. A client's outgoing connection may hold it for a moment, but will let it go.
async fn rebind(address: SocketAddr) -> TcpListener {
    loop {
        if let Ok(listener) = TcpListener::bind(address).await {
            return listener;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
