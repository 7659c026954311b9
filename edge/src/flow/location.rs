//! Rewrites a service's redirect to an address that a client understands (as a reverse proxy's `ProxyPassReverse` or `proxy_redirect`).

use super::Journey;
use crate::ports::{Answer, Upstreams};

impl<K, E, U: Upstreams> Journey<'_, '_, K, E, U> {
    /// Replaces a `Location` by the result of `public`. It looks at redirects only.
    pub(super) fn relocate(&mut self, answer: &U::Answer, public: impl FnOnce(&str) -> Option<String>) {
        if !matches!(answer.status(), 201 | 300..=399) {
            return;
        }
        if let Some(location) = answer.location().and_then(|location| public(&location)) {
            self.on_answer.set("location", &location);
        }
    }
}
