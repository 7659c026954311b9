//! Who people are, as the origin said a moment ago.

use std::num::NonZeroUsize;

use lru::LruCache;
use shared::identity::{Identity, Person, Subject, TokenKind};
use shared::time::UnixTime;
use shared::token::STANDING_SECONDS;

/// People in good standing, each for [`STANDING_SECONDS`] at most.
#[derive(Debug)]
pub struct RememberedPeople(LruCache<Key, (Person, UnixTime)>);

/// A revocation turns on when somebody signed in, so the same person's older sign-in is another entry.
type Key = (Subject, TokenKind, UnixTime);

fn key(identity: &Identity) -> Key {
    (identity.subject.clone(), identity.kind, identity.auth_time)
}

impl RememberedPeople {
    /// Room for `capacity` people.
    #[must_use]
    pub fn new(capacity: NonZeroUsize) -> Self {
        Self(LruCache::new(capacity))
    }

    /// Who `identity` is, if the origin said so lately.
    pub fn get(&mut self, identity: &Identity, now: UnixTime) -> Option<Person> {
        let (person, said_at) = self.0.get(&key(identity))?;
        (0..STANDING_SECONDS)
            .contains(&now.since(*said_at))
            .then(|| person.clone())
    }

    /// Remembers what the origin said at `now`.
    pub fn insert(&mut self, identity: &Identity, person: Person, now: UnixTime) {
        self.0.put(key(identity), (person, now));
    }
}
