//! The queue of statements that wait for a session, in order of arrival.

use std::collections::BTreeMap;

use tokio::sync::oneshot;

/// Whether a statement only reads or may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The statement only reads: it may use every connection.
    Read,
    /// The statement may write: it leaves some connections to readers, which must not wait for commits that hang.
    Write,
}

/// The queue of waiters for an `L`.
#[derive(Debug)]
pub(super) struct Queue<L> {
    readers: BTreeMap<u64, oneshot::Sender<L>>,
    writers: BTreeMap<u64, oneshot::Sender<L>>,
    tickets: u64,
}

impl<L> Default for Queue<L> {
    fn default() -> Self {
        Self {
            readers: BTreeMap::new(),
            writers: BTreeMap::new(),
            tickets: 0,
        }
    }
}

impl<L> Queue<L> {
    pub fn len(&self) -> usize {
        self.readers.len().saturating_add(self.writers.len())
    }

    /// How many waiters could be served if `writers` more may write.
    pub fn could_use(&self, writers: usize) -> usize {
        self.readers.len().saturating_add(self.writers.len().min(writers))
    }

    pub fn join(&mut self, purpose: Purpose, waiter: oneshot::Sender<L>) -> u64 {
        self.tickets = self.tickets.wrapping_add(1);
        let ticket = self.tickets;
        self.side(purpose).insert(ticket, waiter);
        ticket
    }

    pub fn leave(&mut self, purpose: Purpose, ticket: u64) {
        self.side(purpose).remove(&ticket);
    }

    /// The next waiter; the next reader with `only_readers`, when no more statements may write.
    pub fn first(&mut self, only_readers: bool) -> Option<(Purpose, oneshot::Sender<L>)> {
        let reader = self.readers.first_key_value().map(|(ticket, _)| *ticket);
        let writer = self
            .writers
            .first_key_value()
            .map(|(ticket, _)| *ticket)
            .filter(|_| !only_readers);
        let purpose = match (reader, writer) {
            (Some(reader), Some(writer)) if writer < reader => Purpose::Write,
            (Some(_), _) => Purpose::Read,
            (None, Some(_)) => Purpose::Write,
            (None, None) => return None,
        };
        let (_, waiter) = self.side(purpose).pop_first()?;
        Some((purpose, waiter))
    }

    pub fn clear(&mut self) {
        self.readers.clear();
        self.writers.clear();
    }

    const fn side(&mut self, purpose: Purpose) -> &mut BTreeMap<u64, oneshot::Sender<L>> {
        match purpose {
            Purpose::Read => &mut self.readers,
            Purpose::Write => &mut self.writers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(queue: &mut Queue<u8>, purpose: Purpose) -> u64 {
        queue.join(purpose, oneshot::channel().0)
    }

    #[test]
    fn queue_serves_in_order_and_readers_pass_blocked_writers() {
        let mut queue = Queue::default();
        joined(&mut queue, Purpose::Write);
        joined(&mut queue, Purpose::Read);
        joined(&mut queue, Purpose::Write);
        assert_eq!(queue.could_use(1), 2);
        assert_eq!(queue.first(true).unwrap().0, Purpose::Read);
        assert!(queue.first(true).is_none());
        assert_eq!(queue.first(false).unwrap().0, Purpose::Write);
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn waiter_that_left_is_not_served() {
        let mut queue = Queue::default();
        let ticket = joined(&mut queue, Purpose::Read);
        queue.leave(Purpose::Read, ticket);
        queue.leave(Purpose::Read, ticket);
        assert!(queue.first(false).is_none());
        assert_eq!(queue.len(), 0);
    }
}
