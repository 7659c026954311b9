//! What the edge tells callers about the limits (`RATE_LIMITS`). The limits themselves are bindings, which do not tell their settings; a
//! test compares the two.

use shared::limits::{Limit, Quota, read_quotas};

/// The quota of each limit that is announced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quotas(Vec<(Limit, Quota)>);

impl Quotas {
    /// Reads `login=20/60,register=10/60`: calls per seconds, each limit at most once.
    ///
    /// # Errors
    /// The position of an entry that is not of that form.
    pub fn parse(text: &str) -> Result<Self, String> {
        read_quotas(text, Limit::named).map(Self)
    }

    /// What is announced about `limit`.
    #[must_use]
    pub fn of(&self, limit: Limit) -> Option<Quota> {
        self.0
            .iter()
            .find(|(known, _)| *known == limit)
            .map(|(_, quota)| *quota)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_read_or_refused() {
        let quotas = Quotas::parse("login=20/60, forgot-password=5/10").unwrap();
        let quota = |calls, seconds| Some(Quota { calls, seconds });
        assert_eq!(quotas.of(Limit::Login), quota(20, 60));
        assert_eq!(quotas.of(Limit::ForgotPassword), quota(5, 10));
        assert_eq!(quotas.of(Limit::Register), None);
        for refused in ["login", "logout=1/60", "login=1/60,login=2/60"] {
            assert!(Quotas::parse(refused).is_err(), "{refused}");
        }
    }
}
