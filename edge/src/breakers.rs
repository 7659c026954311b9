//! Breakers per isolate: one for each service behind the edge, and one for the calls of v2 that need Google.

use std::collections::BTreeMap;

use shared::assertion::ORIGIN_AUDIENCE;
use shared::breaker::Breaker;

/// The name of the breaker for calls that v2 cannot answer without Google. No service can have this name: their names have no slash.
pub const SIGN_INS: &str = "origin/sign-ins";

/// The breakers of all services, by name. The names come from the configuration, so there are only as many as it lists.
#[derive(Debug, Default)]
pub struct Breakers(BTreeMap<String, Breaker>);

impl Breakers {
    /// The breaker of the service called `name`.
    pub fn of(&mut self, name: &str) -> &mut Breaker {
        self.0.entry(name.to_owned()).or_default()
    }

    /// The step-down has found v2 well: this isolate forgets v2's failures.
    pub fn trust_v2(&mut self) {
        self.0.remove(ORIGIN_AUDIENCE);
        self.0.remove(SIGN_INS);
    }

    /// Every service that this isolate has asked, with its breaker's state.
    pub fn states(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.0
            .iter()
            .map(|(name, breaker)| (name.as_str(), breaker.state()))
    }

    /// The services that this isolate does not ask now.
    pub fn open(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(|(_, breaker)| breaker.is_open())
            .map(|(name, _)| name.as_str())
    }
}
