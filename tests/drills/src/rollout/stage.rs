//! What all who play share: the users, the edge that is deployed, who is in trouble, the figures.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde_json::json;
use shared::rollout::Percentage;
use shared::routing::Policy;
use stack::fault::{Done, In as _};

use super::rehearsal::Rehearsal;
use super::tally::Row;
use super::trouble::Troubles;
use super::users::User;

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

/// See the module.
pub struct Stage {
    pub users: Vec<User>,
    pub at_once: usize,
    pub troubles: Troubles,
    pub rehearsal: Rehearsal,
    deployment: RwLock<Arc<Deployment>>,
    rows: Mutex<Vec<Row>>,
    stop: Arc<AtomicBool>,
}

impl Stage {
    pub fn new(users: Vec<User>, at_once: u32, edge: &str, stop: Arc<AtomicBool>) -> Done<Self> {
        Ok(Self {
            users,
            at_once: usize::try_from(at_once).unwrap_or(1),
            troubles: Troubles::default(),
            rehearsal: Rehearsal::default(),
            deployment: RwLock::new(Arc::new(Deployment::new(0, edge, "0")?)),
            rows: Mutex::default(),
            stop,
        })
    }

    /// The deployment that requests go to now.
    pub fn deployment(&self) -> Arc<Deployment> {
        Arc::clone(&self.deployment.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Requests go to `new` from now on; those under way are answered by the old one.
    pub fn switch_to(&self, new: Deployment) {
        *self.deployment.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
    }

    /// Begins the act `name`.
    pub fn begin(&self, name: impl Into<String>) {
        self.rows().push(Row::new(name));
    }

    /// Writes into the current act's figures.
    pub fn record(&self, write: impl FnOnce(&mut Row)) {
        if let Some(row) = self.rows().last_mut() {
            write(row);
        }
    }

    pub fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody wants us to end.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
