//! Users that verification remembers, in this process: a change of a user removes no entry.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use lru::LruCache;
use uuid::Uuid;

use super::people::Person;

const PEOPLE: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();
/// Counted from the last request for the user.
const LIFETIME: Duration = Duration::from_secs(3_600);

pub struct UserCache(LruCache<Uuid, (Person, Instant)>);

impl UserCache {
    pub fn new() -> Self {
        Self(LruCache::new(PEOPLE))
    }

    pub fn get(&mut self, id: Uuid) -> Option<Person> {
        let (person, asked) = self.0.get_mut(&id)?;
        if asked.elapsed() >= LIFETIME {
            self.0.pop(&id);
            return None;
        }
        *asked = Instant::now();
        Some(person.clone())
    }

    pub fn put(&mut self, person: Person) {
        self.0.put(person.id, (person, Instant::now()));
    }
}
