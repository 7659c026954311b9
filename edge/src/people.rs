//! Who users are, as the origin said a moment ago, and whose right to act has changed since.

mod known;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::rc::Rc;

pub use known::KnownPerson;
use lru::LruCache;
use shared::api::changes::Changes;
use shared::identity::{Identity, Subject, TokenKind};
use shared::ids::{ProjectId, TenantId, UserId};
use shared::time::UnixTime;
use shared::token::{REPLICA_SECONDS, STANDING_SECONDS};

/// How often the origin is asked for changes, in seconds.
const ASK_EVERY_SECONDS: i64 = 5;
/// How long its answer proves that nobody else has changed, in seconds. With the time that asking may take this stays below the
/// [`STANDING_SECONDS`] within which a revoked user is out.
const PROVES_SECONDS: i64 = 8;
/// How long a record is used that no answer of the feed's covers, in seconds.
const UNCOVERED_SECONDS: i64 = STANDING_SECONDS - REPLICA_SECONDS;
/// For so long after somebody was told of, in seconds, a record of theirs may still be the one of before: it comes from a replica. A
/// second more for the feed's answer to arrive, and one because times are whole seconds.
const MAY_BE_BEHIND_SECONDS: i64 = REPLICA_SECONDS + 2;
/// The longest that a record is used while the changes are followed, in seconds: names and roles change, too.
const REMEMBERED_SECONDS: i64 = 300;

/// Users in good standing, each so long that a change counts within [`STANDING_SECONDS`], and longer as long as the origin's changes are followed.
#[derive(Debug)]
pub struct RememberedPeople {
    people: LruCache<Key, Record>,
    cursor: Option<String>,
    asked_at: Option<UnixTime>,
    answered_at: Option<UnixTime>,
    forgotten: Forgotten,
    /// Whom the feed has told of lately, and when that was asked for.
    told: HashMap<UserId, UnixTime>,
    /// When everybody had to be forgotten.
    reset_at: Option<UnixTime>,
}

#[derive(Debug)]
struct Record {
    person: Rc<KnownPerson>,
    said_at: UnixTime,
    /// The feed tells of whatever changes after it.
    is_covered: bool,
}

/// A uid is a user's in one project and tenant only. A revocation turns on when somebody signed in, so the same user's older sign-in is
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
    /// Room for `capacity` users.
    #[must_use]
    pub fn new(capacity: NonZeroUsize) -> Self {
        Self {
            people: LruCache::new(capacity),
            cursor: None,
            asked_at: None,
            answered_at: None,
            forgotten: Forgotten(0),
            told: HashMap::new(),
            reset_at: None,
        }
    }

    /// Who `identity` is, if the origin said so lately and has not said otherwise since.
    pub fn get(&mut self, identity: &Identity, now: UnixTime) -> Option<Rc<KnownPerson>> {
        let is_following = self.is_following(now);
        let record = self.people.get(&key(identity))?;
        let longest = if is_following && record.is_covered {
            REMEMBERED_SECONDS
        } else {
            UNCOVERED_SECONDS
        };
        (0..longest)
            .contains(&now.since(record.said_at))
            .then(|| Rc::clone(&record.person))
    }

    /// How often anybody was forgotten so far: to be taken before the origin is asked for a record.
    #[must_use]
    pub const fn forgotten(&self) -> Forgotten {
        self.forgotten
    }

    /// Remembers what the origin said, asked at `now`, unless somebody was forgotten `before` it answered.
    pub fn insert(&mut self, identity: &Identity, person: Rc<KnownPerson>, now: UnixTime, before: Forgotten) {
        if before != self.forgotten {
            return;
        }
        let told_at = self.told.get(&person.id).copied().max(self.reset_at);
        let record = Record {
            is_covered: !told_at.is_some_and(|at| may_be_behind(at, now)),
            person,
            said_at: now,
        };
        self.people.put(key(identity), record);
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
            self.reset_at = Some(asked_at);
        }
        if changes.reset || !changes.people.is_empty() {
            self.forgotten = Forgotten(self.forgotten.0.wrapping_add(1));
        }
        self.told.retain(|_, at| may_be_behind(*at, asked_at));
        if !changes.people.is_empty() {
            let changed = changes.people.iter().map(|person| (UserId(person.id), asked_at));
            self.told.extend(changed);
            let stale: Vec<Key> = self
                .people
                .iter()
                .filter(|(_, record)| self.told.contains_key(&record.person.id))
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

/// Whether what the origin says at `now` may be older than what the feed was asked for at `told_at`.
const fn may_be_behind(told_at: UnixTime, now: UnixTime) -> bool {
    now.since(told_at) < MAY_BE_BEHIND_SECONDS
}
