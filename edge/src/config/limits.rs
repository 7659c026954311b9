//! What callers are told about the limits (`RATE_LIMITS`). The limits themselves are bindings, which do not say what they are
//! set to; a test holds the two together.

use shared::config;

use crate::paths::Limit;

/// The quota of each limit that is announced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quotas(Vec<(Limit, Quota)>);

/// So many calls in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Calls.
    pub calls: u32,
    /// Seconds.
    pub seconds: u32,
}

impl Quotas {
    /// Reads `login=20/60,register=10/60`: calls per seconds, each limit at most once.
    ///
    /// # Errors
    /// The position of an entry that is not of that form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut quotas: Vec<(Limit, Quota)> = Vec::new();
        for (index, entry) in text.split(',').enumerate() {
            let read = entry
                .trim()
                .split_once('=')
                .and_then(|(name, quota)| Some((limit(name)?, quota_of(quota)?)))
                .filter(|(limit, _)| quotas.iter().all(|(known, _)| known != limit));
            let Some(quota) = read else {
                let at = index.saturating_add(1);
                return Err(format!("entry {at} is not a limit of ours such as `login=20/60`"));
            };
            quotas.push(quota);
        }
        Ok(Self(quotas))
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

fn limit(name: &str) -> Option<Limit> {
    Limit::ALL.into_iter().find(|limit| limit.name() == name)
}

fn quota_of(text: &str) -> Option<Quota> {
    let (calls, seconds) = text.split_once('/')?;
    let number = |text| u32::try_from(config::whole_number(text, 1..=1_000_000).ok()?).ok();
    Some(Quota {
        calls: number(calls)?,
        seconds: number(seconds)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_read_or_refused() {
        let quotas = Quotas::parse("login=20/60, forgot-password=5/10").unwrap();
        assert_eq!(
            quotas.of(Limit::Login),
            Some(Quota {
                calls: 20,
                seconds: 60
            })
        );
        assert_eq!(
            quotas.of(Limit::ForgotPassword),
            Some(Quota {
                calls: 5,
                seconds: 10
            })
        );
        assert_eq!(quotas.of(Limit::Register), None);
        for refused in [
            "login",
            "login=20",
            "login=0/60",
            "logout=1/60",
            "login=1/60,login=2/60",
            "login=-1/60",
            "",
        ] {
            assert!(Quotas::parse(refused).is_err(), "{refused}");
        }
    }
}
