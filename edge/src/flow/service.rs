//! The services that get requests: which outcomes count for their breakers, and for which caller.

use shared::assertion::ORIGIN_AUDIENCE;
use shared::breaker::Admission;
use shared::callers::CallerMark;
use shared::fallback::Outcome;
use shared::identity::Subject;
use shared::routing::Side;

use super::Journey;
use super::attempt::NoAnswer;
use crate::address;
use crate::breakers::SIGN_INS;
use crate::caller::Caller;
use crate::scrub;

/// The legacy service's name for its breaker. The origin goes by its audience, app services by their own names.
pub(super) const LEGACY: &str = "legacy";

/// A service that gets a request, and the request as far as breakers need it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Service<'a> {
    pub name: &'a str,
    /// How long it may take to begin its answer, in milliseconds.
    pub timeout_ms: u32,
    /// Whether sending the request twice has the same effect as sending it once.
    pub repeatable: bool,
    /// Whether it cannot be answered without Google.
    pub needs_google: bool,
    /// Whether the edge asks the other side when this one's breaker is open.
    pub has_other_side: bool,
    /// Whether the other side has failed this request already.
    pub is_last_resort: bool,
    /// The caller's mark.
    pub mark: CallerMark,
}

impl<K, E, U> Journey<'_, '_, K, E, U> {
    /// The origin, for a request to `path`.
    pub(super) fn origin(&self, path: &str, caller: Option<&Caller>) -> Service<'static> {
        Service {
            name: ORIGIN_AUDIENCE,
            timeout_ms: self.gateway.config.timeout_ms,
            repeatable: self.is_safe(),
            needs_google: needs_google(path),
            has_other_side: false,
            is_last_resort: false,
            mark: self.mark(caller),
        }
    }

    /// Whether the method changes nothing (RFC 9110 section 9.2.1).
    pub(super) fn is_safe(&self) -> bool {
        matches!(self.inbound.method, "GET" | "HEAD" | "OPTIONS")
    }

    /// Failures are counted by this mark. It is that of the address, since accounts cost nothing. Without an address it is that of the
    /// proven caller, and so it is for our own services, which call for many users. A service that calls on its own account counts as a
    /// new caller each time.
    pub(super) fn mark(&self, caller: Option<&Caller>) -> CallerMark {
        let stated = self.inbound.header(scrub::CLIENT_IP);
        match (caller, self.service, stated) {
            (_, None, Some(_)) | (None, None, None) => CallerMark::of_address(address::address(self.inbound)),
            (Some(caller), _, _) => match &caller.subject {
                Subject::Firebase(uid) => CallerMark::of_name(uid.as_str()),
                Subject::Legacy(id) => CallerMark::of_name(&id.to_string()),
            },
            (None, Some(_), _) => CallerMark::of_name(self.trace.request_id.as_str()),
        }
    }

    pub(super) fn admit(&self, service: &Service<'_>) -> Result<(), NoAnswer> {
        let mut breakers = self.gateway.breakers.borrow_mut();
        let mut ask = |name| match breakers.of(name).admit(service.mark, self.now) {
            Admission::Send | Admission::Probe => Ok(()),
            // The pause is over, and a request that is refused now gets no answer from either side.
            Admission::Refuse { .. } if service.is_last_resort && breakers.of(name).is_probing() => Ok(()),
            Admission::Refuse { retry_after } => Err(NoAnswer::BreakerOpen { retry_after }),
        };
        // Only where the edge asks another side instead: v2 signs some users in without Google.
        if service.needs_google && service.has_other_side {
            ask(SIGN_INS)?;
        }
        ask(service.name)
    }

    /// Records the evidence of an attempt.
    pub(super) fn record(&self, service: &Service<'_>, outcome: Outcome) {
        let now = (self.gateway.clock)();
        let mut breakers = self.gateway.breakers.borrow_mut();
        let evidence = outcome.of_service(service.needs_google);
        breakers.of(service.name).record(evidence, service.mark, now);
        if service.needs_google {
            breakers
                .of(SIGN_INS)
                .record(outcome.of_sign_ins(), service.mark, now);
        }
    }

    /// Counts an attempt at one of the two sides, for the step-down.
    pub(super) fn count(&self, service: &Service<'_>, outcome: Outcome) {
        let side = match service.name {
            ORIGIN_AUDIENCE => Side::V2,
            LEGACY => Side::Legacy,
            _ => return,
        };
        self.gateway
            .tallies
            .borrow_mut()
            .count(side, outcome, service.mark);
    }
}

/// Whether v2 asks Google before it can answer a call to `path`, of either contract. Such a call may be late because Google is.
fn needs_google(path: &str) -> bool {
    matches!(
        path,
        "/auth/login"
            | "/auth/register"
            | "/auth/register/batch"
            | "/auth/forgot-password"
            | "/auth/change-password"
            | "/auth/account"
            | "/v1/auth/login"
            | "/v1/auth/register"
            | "/v1/auth/refresh"
            | "/v1/auth/exchange"
            | "/v1/auth/confirm-password"
            | "/v1/auth/verify-email"
            | "/v1/auth/logout"
            | "/v1/auth/profile"
            | "/v1/auth/user"
            | "/v1/auth/forgot-password"
            | "/v1/auth/reset-password"
    ) || path.starts_with("/v1/auth/mfa/")
        || path.starts_with("/v1/users/") && path.ends_with("/sync")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_fail_without_google_are_known() {
        let document = include_str!("../../../docs/api/openapi.json");
        let document: serde_json::Value = serde_json::from_str(document).unwrap();
        let mut count = 0;
        for (template, methods) in document["paths"].as_object().unwrap() {
            let fails = methods.as_object().unwrap().values().any(|call| {
                let outage = call["responses"]["503"].to_string();
                outage.contains("FIREBASE_UNAVAILABLE")
            });
            if fails {
                let path = template.replace("{id}", "0190a6a1-7c1e-7a51-8d0e-6f2f5a6b7c8d");
                assert!(needs_google(&path), "{template}");
                count += 1;
            }
        }
        assert!(count > 15, "the document has lost its codes");
        for path in [
            "/v1/auth/me",
            "/v1/tokens/balance",
            "/auth/profile",
            "/v1/changes",
        ] {
            assert!(!needs_google(path), "{path}");
        }
    }
}
