//! Strict routes: before the edge forwards a request, the origin says whether the caller may act at this moment.

use std::rc::Rc;

use shared::problem::{ErrorCode, Problem};

use super::Journey;
use crate::authenticate::Refusal;
use crate::caller::Caller;
use crate::ports::{KeySource, SignatureEngine, Upstreams};
use crate::users::KnownUser;

impl<K, E, U> Journey<'_, '_, K, E, U>
where
    E: SignatureEngine,
    K: KeySource<Key = E::Key>,
    U: Upstreams,
{
    /// The caller, by the origin's answer of this moment, whatever the isolate remembers. It forgets a refused caller, so that the other
    /// routes of this isolate refuse them too.
    ///
    /// # Errors
    /// The origin's refusal of the caller. Without the origin's answer no request passes: 503, whatever failed.
    pub(super) async fn user_now(&self, caller: &Caller) -> Result<Rc<KnownUser>, Refusal> {
        let asked = self.ask_who(caller).await;
        let Err(refusal) = asked else {
            return asked;
        };
        if refusal.problem.status < 500 {
            self.gateway.users.borrow_mut().forget(caller);
            return Err(refusal);
        }
        let mut problem = Problem::new(ErrorCode::UpstreamUnavailable);
        problem.retry_after = refusal.problem.retry_after.or(problem.retry_after);
        Err(Refusal::new(problem, refusal.reason))
    }
}
