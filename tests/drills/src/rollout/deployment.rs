//! What requests are sent to.

use serde_json::json;
use shared::rollout::Percentage;
use shared::routing::Policy;
use stack::fault::{Done, In as _};

/// What Cloudflare says the caller's address is; the local runtime leaves what it finds.
pub const ADDRESS: &str = "cf-connecting-ip";

/// One deployment of the edge.
#[derive(Debug)]
pub struct Deployment {
    /// Counted from 0.
    pub number: usize,
    pub url: String,
    /// Variables that each request brings along, as JSON: the edge runs on under others.
    variables: Option<String>,
    /// What its variables say, apart from the edge.
    pub policy: Policy,
}

impl Deployment {
    /// A deployment with this percentage and otherwise the development environment's rollout: its group, no lists, no switch.
    pub fn new(number: usize, url: &str, percent: &str) -> Done<Self> {
        let percentage = Percentage::parse(percent).in_step("drill rollout")?;
        Ok(Self {
            number,
            url: url.to_owned(),
            variables: None,
            policy: Policy {
                percentage,
                ..Policy::all_legacy()
            },
        })
    }

    /// The next one: the same edge, and variables alone are deployed.
    pub fn changed(&self, percent: &str, kill_switch: bool) -> Done<Self> {
        let number = self.number.saturating_add(1);
        let mut next = Self::new(number, &self.url, percent)?;
        next.policy.kill_switch = kill_switch;
        let variables = json!({
            "ROLLOUT_PERCENT": percent,
            "ROLLOUT_KILL_SWITCH": if kill_switch { "on" } else { "off" },
            "CF_VERSION_METADATA": { "id": number.to_string(), "tag": "", "timestamp": "" },
        });
        next.variables = Some(variables.to_string());
        Ok(next)
    }

    /// The headers of a request to it, `more` among them.
    pub fn headers<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let brought = self.variables.as_deref().map(|json| ("x-test-env", json));
        more.iter().copied().chain(brought).collect()
    }
}
