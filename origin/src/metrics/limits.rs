//! Calls and guesses that were told to slow down, and the counters behind that.

use limits::Counts;

use super::{head, sample};

/// Writes `counts`.
pub fn limits(text: &mut String, counts: Counts) {
    let name = "origin_slowed_down_total";
    head(text, name, "counter", "Calls and guesses answered with 429.");
    sample(text, name, "what=\"guess\"", counts.refused_guesses);
    sample(text, name, "what=\"call\"", counts.refused_calls);
    let Some(counters) = counts.counters else { return };
    let name = "origin_limit_counters";
    head(text, name, "gauge", "Counters in memory.");
    sample(text, name, "what=\"guess\"", counters.guesses);
    sample(text, name, "what=\"call\"", counters.calls);
    let name = "origin_limit_uncounted_total";
    head(text, name, "counter", "Calls that no counter was left for.");
    sample(text, name, "", counters.uncounted);
    if let Some(replicas) = counters.replicas {
        let name = "origin_redis_up";
        head(text, name, "gauge", "Whether replicas count together.");
        sample(text, name, "", u8::from(replicas.is_there));
        let name = "origin_redis_failures_total";
        head(text, name, "counter", "Counts that Redis did not take in time.");
        sample(text, name, "", replicas.failures);
    }
}
