//! Users that verification remembers, in this process: a change of a user removes no entry.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use lru::LruCache;
use uuid::Uuid;

use super::users::User;

const USERS: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();
/// Counted from the last request for the user.
const LIFETIME: Duration = Duration::from_secs(3_600);

pub struct UserCache(LruCache<Uuid, (User, Instant)>);

impl UserCache {
    pub fn new() -> Self {
        Self(LruCache::new(USERS))
    }

    pub fn get(&mut self, id: Uuid) -> Option<User> {
        let (user, asked) = self.0.get_mut(&id)?;
        if asked.elapsed() >= LIFETIME {
            self.0.pop(&id);
            return None;
        }
        *asked = Instant::now();
        Some(user.clone())
    }

    pub fn put(&mut self, user: User) {
        self.0.put(user.id, (user, Instant::now()));
    }
}
