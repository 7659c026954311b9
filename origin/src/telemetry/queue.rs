//! Spans on their way out: never more than fit, and nobody waits for them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use super::span::Span;

/// Spans that may wait; further ones are dropped. The same as OpenTelemetry's batch processor.
pub(super) const MAX_WAITING: usize = 2048;
/// Spans sent in one request; as many as these wait no longer.
pub(super) const MAX_BATCH: usize = 512;

/// What waits, and what became of the rest.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Vec<Span>>,
    enough: Notify,
    pub(super) exported: AtomicU64,
    pub(super) dropped: AtomicU64,
}

impl Queue {
    pub(super) fn push(&self, span: Span) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MAX_WAITING {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.push(span);
        if waiting.len() == MAX_BATCH {
            self.enough.notify_one();
        }
    }

    /// The oldest, at most [`MAX_BATCH`].
    pub(super) fn take(&self) -> Vec<Span> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = waiting.len().min(MAX_BATCH);
        let rest = waiting.split_off(batch);
        std::mem::replace(&mut *waiting, rest)
    }

    /// Completes when a whole batch waits.
    pub(super) async fn enough(&self) {
        self.enough.notified().await;
    }

    pub(super) fn count(counter: &AtomicU64, spans: usize) {
        counter.fetch_add(u64::try_from(spans).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::span::{Begun, Call, Outcome};
    use crate::telemetry::trace_context::Place;

    fn span(span_id: u64) -> Span {
        let place = Place {
            trace_id: 1,
            span_id,
            parent_id: None,
        };
        let call = Call::Made { api: String::new() };
        Begun::now(place).end(call, Outcome::default())
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_counted() {
        let queue = Queue::default();
        for id in 0..2051 {
            queue.push(span(id));
        }
        assert_eq!(queue.dropped.load(Ordering::Relaxed), 3);
        let mut ids = Vec::new();
        while let batch = queue.take()
            && !batch.is_empty()
        {
            assert_eq!(batch.len(), MAX_BATCH);
            ids.extend(batch.iter().map(|span| span.place.span_id));
        }
        assert_eq!(ids, (0..2048).collect::<Vec<u64>>());
    }
}
