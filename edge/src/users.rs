//! The users that this isolate remembers, as the origin described them a moment ago, and the users with an access that has changed since.

mod known;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::rc::Rc;

pub use known::KnownUser;
use lru::LruCache;
use shared::api::changes::Changes;
use shared::identity::{Identity, Subject, TokenKind};
use shared::ids::{ProjectId, TenantId, UserId};
use shared::time::UnixTime;
use shared::token::{REPLICA_SECONDS, STANDING_SECONDS};

/// How often an isolate asks the origin for changes, in seconds.
const ASK_EVERY_SECONDS: i64 = 5;
/// How long an answer of the feed proves that no other user has changed, in seconds. With the time that asking may take this stays below
/// the [`STANDING_SECONDS`] within which a revoked user is refused.
const PROVES_SECONDS: i64 = 8;
/// How long a record counts that no answer of the feed covers, in seconds.
const UNCOVERED_SECONDS: i64 = STANDING_SECONDS - REPLICA_SECONDS;
/// For this long after the feed named a user, in seconds, a record of the user may still be the earlier one: it comes from a replica. It
/// adds a second for the feed's answer to arrive, and one because times are whole seconds.
const MAY_BE_BEHIND_SECONDS: i64 = REPLICA_SECONDS + 2;
/// The longest that a record counts while the isolate follows the feed, in seconds: names and roles change, too.
const REMEMBERED_SECONDS: i64 = 300;

/// Users who may act. Each record counts for so long that a change takes effect within [`STANDING_SECONDS`], and longer while the isolate
/// follows the origin's changes.
#[derive(Debug)]
pub struct RememberedUsers {
    users: LruCache<Key, Record>,
    cursor: Option<String>,
    asked_at: Option<UnixTime>,
    answered_at: Option<UnixTime>,
    forgotten: Forgotten,
    /// The users that the feed named lately, and when the isolate asked for that answer.
    told: HashMap<UserId, UnixTime>,
    /// When the isolate had to forget every user.
    reset_at: Option<UnixTime>,
}

#[derive(Debug)]
struct Record {
    user: Rc<KnownUser>,
    said_at: UnixTime,
    /// Whether the feed reports every change after this record.
    is_covered: bool,
}

/// A uid belongs to a user in one project and tenant only. A revocation depends on when the user signed in, so an older sign-in of the same
/// user is another entry.
type Key = (Subject, Option<ProjectId>, Option<TenantId>, TokenKind, UnixTime);

/// How often the isolate has forgotten a user. A record that was requested before that may belong to the forgotten user, and is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten(u64);

/// A question for changes, which is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The cursor of the question; `None` at first.
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

impl RememberedUsers {
    /// Room for `capacity` users.
    #[must_use]
    pub fn new(capacity: NonZeroUsize) -> Self {
        Self {
            users: LruCache::new(capacity),
            cursor: None,
            asked_at: None,
            answered_at: None,
            forgotten: Forgotten(0),
            told: HashMap::new(),
            reset_at: None,
        }
    }

    /// The user behind `identity`, if the origin named them lately and has reported no change since.
    pub fn get(&mut self, identity: &Identity, now: UnixTime) -> Option<Rc<KnownUser>> {
        let is_following = self.is_following(now);
        let record = self.users.get(&key(identity))?;
        let longest = if is_following && record.is_covered {
            REMEMBERED_SECONDS
        } else {
            UNCOVERED_SECONDS
        };
        (0..longest)
            .contains(&now.since(record.said_at))
            .then(|| Rc::clone(&record.user))
    }

    /// How often the isolate has forgotten a user so far: to be read before it asks the origin for a record.
    #[must_use]
    pub const fn forgotten(&self) -> Forgotten {
        self.forgotten
    }

    /// Remembers the origin's answer to a question at `now`, unless the isolate has forgotten a user since `before`.
    pub fn insert(&mut self, identity: &Identity, user: Rc<KnownUser>, now: UnixTime, before: Forgotten) {
        if before != self.forgotten {
            return;
        }
        let told_at = self.told.get(&user.id).copied().max(self.reset_at);
        let record = Record {
            is_covered: !told_at.is_some_and(|at| may_be_behind(at, now)),
            user,
            said_at: now,
        };
        self.users.put(key(identity), record);
    }

    /// Whether it is time to ask for changes. The caller who gets the question asks it; other requests go on meanwhile.
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

    /// Forgets the users who have changed, by an answer to a question of `asked_at`.
    pub fn follow(&mut self, changes: Changes, asked_at: UnixTime) {
        if changes.reset {
            self.users.clear();
            self.reset_at = Some(asked_at);
        }
        if changes.reset || !changes.users.is_empty() {
            self.forgotten = Forgotten(self.forgotten.0.wrapping_add(1));
        }
        self.told.retain(|_, at| may_be_behind(*at, asked_at));
        if !changes.users.is_empty() {
            let changed = changes.users.iter().map(|user| (UserId(user.id), asked_at));
            self.told.extend(changed);
            let stale: Vec<Key> = self
                .users
                .iter()
                .filter(|(_, record)| self.told.contains_key(&record.user.id))
                .map(|(key, _)| key.clone())
                .collect();
            for key in stale {
                self.users.pop(&key);
            }
        }
        self.cursor = Some(changes.cursor);
        self.answered_at = Some(asked_at);
    }

    /// Forgets the user behind `identity`: the origin has just refused them.
    pub fn forget(&mut self, identity: &Identity) {
        self.forgotten = Forgotten(self.forgotten.0.wrapping_add(1));
        self.users.pop(&key(identity));
    }

    fn is_following(&self, now: UnixTime) -> bool {
        self.answered_at
            .is_some_and(|at| (0..PROVES_SECONDS).contains(&now.since(at)))
    }
}

/// Whether the origin's answer at `now` may be older than the feed's answer to a question of `told_at`.
const fn may_be_behind(told_at: UnixTime, now: UnixTime) -> bool {
    now.since(told_at) < MAY_BE_BEHIND_SECONDS
}
