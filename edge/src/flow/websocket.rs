//! WebSocket handshakes (RFC 6455 section 4.1). They pass to app services that say so, and nowhere else: behind one there is a
//! connection whose messages nobody here looks at.

use shared::problem::{ErrorCode, Problem};

use super::Journey;
use crate::authenticate::Refusal;

impl<K, E, U> Journey<'_, '_, K, E, U> {
    /// Refuses a handshake. Answering it like an ordinary request would look like a fault of the service to its client.
    pub(super) fn refuse_upgrade(&self) -> Result<(), Refusal> {
        let asks = self.inbound.header("upgrade").is_some_and(|protocols| {
            protocols
                .split(',')
                .any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
        });
        if asks {
            let problem =
                Problem::new(ErrorCode::ValidationError).message("No WebSocket connections are taken here");
            return Err(Refusal::new(problem, "websocket_refused"));
        }
        Ok(())
    }
}
