//! How many calls in how long, as operators write it.

use super::pace::Pace;
use crate::config::whole_number;

/// A number of calls within a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Calls, at least 1.
    pub calls: u32,
    /// Seconds, at least 1.
    pub seconds: u32,
}

impl Quota {
    /// All calls at once, and then one whenever its share of the time is over.
    #[must_use]
    pub fn pace(self) -> Pace {
        let calls = u64::from(self.calls.max(1));
        let interval_ms = u64::from(self.seconds)
            .saturating_mul(1000)
            .checked_div(calls)
            .unwrap_or(1)
            .max(1);
        Pace {
            interval_ms,
            burst: self.calls.max(1),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (calls, seconds) = text.split_once('/')?;
        let number = |text, most| u32::try_from(whole_number(text, 1..=most).ok()?).ok();
        Some(Self {
            calls: number(calls, 1_000_000)?,
            seconds: number(seconds, 86_400)?,
        })
    }
}

/// Reads `login=20/60,register=10/60`: calls per seconds, for each limit that `named` knows at most once.
///
/// # Errors
/// The position of an entry that is not of that form.
pub fn read_quotas<L: PartialEq>(
    text: &str,
    named: impl Fn(&str) -> Option<L>,
) -> Result<Vec<(L, Quota)>, String> {
    let mut quotas: Vec<(L, Quota)> = Vec::new();
    for (index, entry) in text.split(',').enumerate() {
        let read = entry
            .trim()
            .split_once('=')
            .and_then(|(name, quota)| Some((named(name)?, Quota::parse(quota)?)))
            .filter(|(limit, _)| quotas.iter().all(|(known, _)| known != limit));
        let Some(quota) = read else {
            let at = index.saturating_add(1);
            return Err(format!("entry {at} is not a limit of ours such as `login=20/60`"));
        };
        quotas.push(quota);
    }
    Ok(quotas)
}
