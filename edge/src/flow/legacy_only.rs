//! Paths below `/auth` that only the legacy service answers, for users who signed in at v2 (`LEGACY_AUTH_TOKEN`): the edge sends it a
//! legacy token that it makes. Calls that the origin answers go to the origin, in every spelling: it asks for more proof before it deletes.

use shared::identity::TokenKind;

use super::call::Call;
use super::service::{LEGACY, Service};
use super::{Journey, ReplyBody};
use crate::authenticate::Refusal;
use crate::caller::Caller;
use crate::config::BaseUrl;
use crate::paths::{self, LegacyCall};
use crate::ports::{Answer, KeySource, SignatureEngine, Upstreams};

impl<'a, K, E, U> Journey<'_, 'a, K, E, U>
where
    E: SignatureEngine,
    K: KeySource<Key = E::Key>,
    U: Upstreams,
{
    /// The address and the caller of `call`, if only the legacy service answers it and the caller has no token that it reads.
    pub(super) fn legacy_only<'c>(&self, call: &'c Call<'_>) -> Option<(&'a BaseUrl, &'c Caller)> {
        let config = self.gateway.config;
        let legacy = config.legacy.as_ref().filter(|_| config.legacy_gets_token)?;
        let caller = call.caller.as_ref()?;
        let is_unknown =
            call.kind == LegacyCall::Bearer && paths::endpoint(&paths::plain(call.path)).is_none();
        (is_unknown && caller.kind != TokenKind::Legacy).then_some((legacy, caller))
    }

    /// Sends such a call there.
    pub(super) async fn ask_legacy_only(
        &mut self,
        call: &Call<'_>,
        legacy: &BaseUrl,
        caller: &Caller,
    ) -> Result<ReplyBody<U::Answer>, Refusal> {
        let record = self.user(caller).await?;
        let mut changes = self.changes.clone();
        self.drop_token(&mut changes);
        self.translate(&record, caller, |token| {
            changes.set("authorization", &format!("Bearer {token}"));
        })?;
        changes.set(shared::headers::TOKEN_KIND, caller.kind.as_str());
        self.locate(&mut changes);
        let service = Service {
            name: LEGACY,
            needs_google: false,
            ..self.origin(call.path, Some(caller))
        };
        let target = legacy.target(call.path, self.inbound.query());
        let answer = self
            .send(&service, &target, &changes)
            .await
            .map_err(Refusal::from)?;
        if answer.status() == 401 {
            self.doubt_denial(call).await?;
        }
        self.relocate(&answer, |location| legacy.public_location(location));
        self.notes.route = LEGACY;
        self.notes.reason = "translated";
        Ok(ReplyBody::Relayed(answer))
    }
}
