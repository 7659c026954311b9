//! A verified caller, with the beginnings of the edge's statements about them.

use std::borrow::Borrow;
use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use shared::assertion::{CannotSeal, Opening, Sealer};
use shared::autopilot::UserMark;
use shared::identity::ProvenIdentity;
use shared::limits::KeyMaker;
use shared::time::UnixTime;

/// The number of beginnings kept for one caller, about 1 KiB each: the origin's, and that of the app service asked last.
const OPENINGS: usize = 2;
/// How often the isolate reports a session in use, in seconds: one report may be lost.
const TOLD_EVERY: i64 = 60;

/// A caller. Cheap to clone.
#[derive(Clone)]
pub struct Caller(Rc<Known>);

struct Known {
    identity: ProvenIdentity,
    openings: RefCell<Vec<(String, Rc<Opening>)>>,
    user: OnceCell<Option<UserMark>>,
    told_at: Cell<Option<UnixTime>>,
}

impl Caller {
    /// The caller of a proven `identity`.
    #[must_use]
    pub fn new(identity: ProvenIdentity) -> Self {
        Self(Rc::new(Known {
            identity,
            openings: RefCell::default(),
            user: OnceCell::new(),
            told_at: Cell::default(),
        }))
    }

    /// Reports to `tell` that the caller's session is in use, at most once a minute; `tell` returns whether it took the report. It reports
    /// no caller without an address, because the percentage did not decide that caller's sign-in.
    pub fn tell_use(&self, keys: &KeyMaker, now: UnixTime, tell: impl FnOnce(UserMark) -> bool) {
        let was_told = |at: UnixTime| (0..TOLD_EVERY).contains(&now.since(at));
        if self.0.told_at.get().is_some_and(was_told) {
            return;
        }
        let mark = || Some(UserMark::of(keys, &self.normalized_email()?));
        if let Some(user) = *self.0.user.get_or_init(mark)
            && tell(user)
        {
            self.0.told_at.set(Some(now));
        }
    }

    /// The beginning of every statement of `sealer`'s about this caller.
    ///
    /// # Errors
    /// [`CannotSeal`] when it cannot be made.
    pub fn opening(&self, sealer: &Sealer) -> Result<Rc<Opening>, CannotSeal> {
        let mut openings = self.0.openings.borrow_mut();
        let kept = openings
            .iter()
            .find(|(audience, _)| audience == sealer.audience());
        if let Some((_, opening)) = kept {
            return Ok(Rc::clone(opening));
        }
        let opening = Rc::new(sealer.about(&self.0.identity)?);
        openings.truncate(OPENINGS.saturating_sub(1));
        openings.push((sealer.audience().to_owned(), Rc::clone(&opening)));
        Ok(opening)
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Caller").field(&self.0.identity).finish()
    }
}

impl Deref for Caller {
    type Target = ProvenIdentity;
    fn deref(&self) -> &ProvenIdentity {
        &self.0.identity
    }
}

impl Borrow<ProvenIdentity> for Caller {
    fn borrow(&self) -> &ProvenIdentity {
        &self.0.identity
    }
}
