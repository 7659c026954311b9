//! Who people are, as the origin said a moment ago, and whose right to act has changed since.

use std::collections::HashSet;
use std::num::NonZeroUsize;

use lru::LruCache;
use shared::api::changes::Changes;
use shared::identity::{Identity, Person, Subject, TokenKind};
use shared::ids::{ProjectId, TenantId, UserId};
use shared::time::UnixTime;
use shared::token::STANDING_SECONDS;

/// How often the origin is asked for changes, in seconds.
const ASK_EVERY_SECONDS: i64 = 5;
/// How long its answer proves that nobody else has changed, in seconds. With the time that asking may take this stays below the
/// [`STANDING_SECONDS`] within which a revoked person is out.
const PROVES_SECONDS: i64 = 8;
/// The longest that a record is used while the changes are followed, in seconds: names and roles change, too.
const REMEMBERED_SECONDS: i64 = 300;

/// People in good standing, each for [`STANDING_SECONDS`], and longer as long as the origin's changes are followed.
#[derive(Debug)]
pub struct RememberedPeople {
    people: LruCache<Key, (Person, UnixTime)>,
    cursor: Option<String>,
    asked_at: Option<UnixTime>,
    answered_at: Option<UnixTime>,
    forgotten: Forgotten,
}

/// A uid is a user's in one project and tenant only. A revocation turns on when somebody signed in, so the same person's older sign-in is
/// another entry.
type Key = (Subject, Option<ProjectId>, Option<TenantId>, TokenKind, UnixTime);

/// How often anybody was forgotten. A record that was asked for before somebody was forgotten may be theirs, and is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten(u64);

/// A question for changes that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The cursor to ask with; `None` at first.
    pub since: Option<String>,
}

fn key(identity: &Identity) -> Key {
    (
        identity.subject.clone(),
        identity.project.clone(),
        identity.tenant.clone(),
        identity.kind,
        identity.auth_time,
    )
}

impl RememberedPeople {
    /// Room for `capacity` people.
    #[must_use]
    pub fn new(capacity: NonZeroUsize) -> Self {
        Self {
            people: LruCache::new(capacity),
            cursor: None,
            asked_at: None,
            answered_at: None,
            forgotten: Forgotten(0),
        }
    }

    /// Who `identity` is, if the origin said so lately and has not said otherwise since.
    pub fn get(&mut self, identity: &Identity, now: UnixTime) -> Option<Person> {
        let longest = if self.is_following(now) {
            REMEMBERED_SECONDS
        } else {
            STANDING_SECONDS
        };
        let (person, said_at) = self.people.get(&key(identity))?;
        (0..longest)
            .contains(&now.since(*said_at))
            .then(|| person.clone())
    }

    /// How often anybody was forgotten so far: to be taken before the origin is asked for a record.
    #[must_use]
    pub const fn forgotten(&self) -> Forgotten {
        self.forgotten
    }

    /// Remembers what the origin said, asked at `now`, unless somebody was forgotten `before` it answered.
    pub fn insert(&mut self, identity: &Identity, person: Person, now: UnixTime, before: Forgotten) {
        if before == self.forgotten {
            self.people.put(key(identity), (person, now));
        }
    }

    /// Whether it is time to ask for changes. Whoever is told so asks; the others go on meanwhile.
    pub fn due(&mut self, now: UnixTime) -> Option<Due> {
        let asked = self.asked_at.is_some_and(|at| now.since(at) < ASK_EVERY_SECONDS);
        if asked {
            return None;
        }
        self.asked_at = Some(now);
        Some(Due {
            since: self.cursor.clone(),
        })
    }

    /// Forgets those who have changed, by an answer that was asked for at `asked_at`.
    pub fn follow(&mut self, changes: Changes, asked_at: UnixTime) {
        if changes.reset {
            self.people.clear();
        }
        let changed: HashSet<_> = changes.people.iter().map(|person| UserId(person.id)).collect();
        if changes.reset || !changed.is_empty() {
            self.forgotten = Forgotten(self.forgotten.0.wrapping_add(1));
        }
        if !changed.is_empty() {
            let stale: Vec<Key> = self
                .people
                .iter()
                .filter(|(_, (person, _))| changed.contains(&person.id))
                .map(|(key, _)| key.clone())
                .collect();
            for key in stale {
                self.people.pop(&key);
            }
        }
        self.cursor = Some(changes.cursor);
        self.answered_at = Some(asked_at);
    }

    /// Forgets whoever `identity` is: the origin has just refused them.
    pub fn forget(&mut self, identity: &Identity) {
        self.forgotten = Forgotten(self.forgotten.0.wrapping_add(1));
        self.people.pop(&key(identity));
    }

    fn is_following(&self, now: UnixTime) -> bool {
        self.answered_at
            .is_some_and(|at| (0..PROVES_SECONDS).contains(&now.since(at)))
    }
}
