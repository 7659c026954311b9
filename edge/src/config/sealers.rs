//! The sealers of the edge's statements, one for each audience.

use shared::assertion::{AssertionKeys, FEED_AUDIENCE, ORIGIN_AUDIENCE, Sealer};

use super::AppServices;

/// One sealer for the origin, one for its feed, and one for each app service, under keys of its own.
#[derive(Debug)]
pub struct Sealers {
    sealers: Vec<Sealer>,
    kids: Vec<String>,
}

impl Sealers {
    /// Reads `ORIGIN_ASSERTION_KEYS`.
    ///
    /// # Errors
    /// The broken rule of [`AssertionKeys::parse`].
    pub fn parse(text: &str, services: &AppServices) -> Result<Self, String> {
        let keys = AssertionKeys::parse(text)?;
        let sealers = [ORIGIN_AUDIENCE, FEED_AUDIENCE]
            .into_iter()
            .chain(services.names())
            .map(|audience| keys.for_audience(audience).sealer(audience))
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            sealers,
            kids: keys.kids().map(str::to_owned).collect(),
        })
    }

    /// The names of the keys, the sealing one first.
    #[must_use]
    pub fn kids(&self) -> &[String] {
        &self.kids
    }

    /// The sealer of statements to `audience`, if it is one of these.
    #[must_use]
    pub fn of(&self, audience: &str) -> Option<&Sealer> {
        self.sealers.iter().find(|sealer| sealer.audience() == audience)
    }
}
