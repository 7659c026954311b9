//! A breaker for each service behind the edge, per isolate.

use std::collections::BTreeMap;

use shared::breaker::Breaker;

/// The breakers of all services, by name. The names come from the configuration, so there are only as many as it lists.
#[derive(Debug, Default)]
pub struct Breakers(BTreeMap<String, Breaker>);

impl Breakers {
    /// The breaker of the service called `name`.
    pub fn of(&mut self, name: &str) -> &mut Breaker {
        self.0.entry(name.to_owned()).or_default()
    }

    /// Every service that has been asked by this isolate, with its breaker's state.
    pub fn states(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.0
            .iter()
            .map(|(name, breaker)| (name.as_str(), breaker.state()))
    }

    /// The services that are not asked for now.
    pub fn open(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(|(_, breaker)| breaker.is_open())
            .map(|(name, _)| name.as_str())
    }
}
