//! Where a service redirects to, in words that a client understands (as a reverse proxy's `ProxyPassReverse` or `proxy_redirect`).

use super::Journey;
use crate::ports::{Answer, Upstreams};

impl<K, E, U: Upstreams> Journey<'_, '_, K, E, U> {
    /// Replaces a `Location` by what `public` makes of it. Only answers that lead elsewhere are looked at.
    pub(super) fn relocate(&mut self, answer: &U::Answer, public: impl FnOnce(&str) -> Option<String>) {
        if !matches!(answer.status(), 201 | 300..=399) {
            return;
        }
        if let Some(location) = answer.location().and_then(|location| public(&location)) {
            self.on_answer.set("location", &location);
        }
    }
}
