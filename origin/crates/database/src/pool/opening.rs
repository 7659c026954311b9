//! Opens sessions while statements wait for one.

use std::sync::Arc;
use std::time::Duration;

use super::session::Session;
use super::state::Connections;
use crate::pooler::SharedSessions;

/// Sessions are closed at this age, each at a slightly different one.
const LIFETIME: Duration = Duration::from_secs(1800);

impl Connections {
    pub(super) fn open_as_needed(self: &Arc<Self>) {
        let wanted = {
            let mut state = self.lock();
            let wanted = state.wanted(self.limits.sessions as usize, self.writers());
            state.open = state.open.saturating_add(wanted);
            state.opening = state.opening.saturating_add(wanted);
            wanted
        };
        for _ in 0..wanted {
            // A task of its own: the waiter may give up before a distant server accepts the session; the next waiter then finds it.
            tokio::spawn(Arc::clone(self).open());
        }
    }

    /// Opens sessions while statements wait for one.
    async fn open(self: Arc<Self>) {
        let mut place = Place {
            connections: &self,
            is_taken: true,
        };
        let mut pause = Duration::from_millis(10);
        loop {
            let generation = self.lock().generation;
            match self.opening.open().await {
                Ok(begun) => {
                    let number = {
                        let mut state = self.lock();
                        state.failure = None;
                        state.opened = state.opened.wrapping_add(1);
                        state.opened
                    };
                    // Sessions are not to reach their lifetime together.
                    let lifetime = LIFETIME.saturating_sub(Duration::from_secs(number % 16 * 15));
                    place.is_taken = false;
                    self.lock().opened_one();
                    return self.offer(Session::new(begun, generation, lifetime), None);
                }
                Err(error) => {
                    if SharedSessions::is(&error) {
                        tracing::error!(error = %error, "no statement is sent");
                        self.give_up_all();
                    } else {
                        tracing::debug!(error = %error, "no session with the database could be opened");
                    }
                    let mut state = self.lock();
                    state.failure = Some(Arc::new(error));
                    let writers = self.writers().saturating_sub(state.writing);
                    if state.is_closed || state.queue.could_use(writers) < state.opening {
                        return;
                    }
                }
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(Duration::from_millis(200));
        }
    }

    /// Retires all sessions that are open now.
    fn give_up_all(self: &Arc<Self>) {
        let idle = {
            let mut state = self.lock();
            state.generation = state.generation.wrapping_add(1);
            state.take_idle(|_| true)
        };
        self.let_go(idle);
    }
}

/// The place of a session that is being opened; it is released if the attempt fails.
struct Place<'a> {
    connections: &'a Arc<Connections>,
    is_taken: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.is_taken {
            self.connections.lock().opened_one();
            self.connections.forget(None);
        }
    }
}
