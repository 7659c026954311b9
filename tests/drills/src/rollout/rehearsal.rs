//! The edge's request lines, rehearsed as `cargo xtask rollout rehearse` does it: each sign-in has to go where the client saw it go
//! (`X-Auth-Route`), at the percentage and under the switches of the deployment that it was sent to.
//!
//! A line does not say which services were up. The drill knows, and a rehearsal knows no more than "it is dead" or "it is up": a sign-in
//! while a service was failing has to be as one of the two says.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rehearsal::lines::{self, Line};
use rehearsal::{Call, Rehearsed, Weather, rehearse};
use shared::routing::Side;
use stack::fault::{Done, Fault, In as _};
use stack::http::Answer;

use super::deployment::Deployment;
use super::trouble::Troubles;
use super::users::User;

const STEP: &str = "rehearsal";
const MAX_EXAMPLES: usize = 5;

/// Where a sign-in went, as its client saw it.
#[derive(Debug)]
pub struct Routed {
    deployment: Arc<Deployment>,
    began: Instant,
    ended: Instant,
    status: u16,
    route: String,
    reason: String,
    /// The legacy service cannot sign the user in, however well it is.
    only_at_v2: bool,
}

impl Routed {
    pub fn new(user: &User, deployment: &Arc<Deployment>, began: Instant, answer: &Answer) -> Self {
        let header = |name| answer.header(name).unwrap_or_default().to_owned();
        Self {
            deployment: Arc::clone(deployment),
            began,
            ended: Instant::now(),
            status: answer.status,
            route: header("x-auth-route"),
            reason: header("x-auth-route-reason"),
            only_at_v2: !user.legacy_knows(),
        }
    }

    fn is_as(&self, rehearsed: Rehearsed) -> bool {
        let Rehearsed { decision, answered } = rehearsed;
        match answered {
            Some(side) if side == decision.side => {
                self.route == side.as_str() && self.reason == decision.reason.as_str()
            }
            Some(side) => self.route == side.as_str() && self.reason.starts_with("fallback_"),
            None => self.status >= 500,
        }
    }
}

/// Sign-ins by their names, and the logs that have their lines.
#[derive(Debug, Default)]
pub struct Rehearsal {
    routed: Mutex<HashMap<String, Routed>>,
    logs: Mutex<Vec<PathBuf>>,
    names: AtomicU64,
}

/// What has to be known beside the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    Nothing,
    OnlyAtV2,
    Failing,
}

impl Known {
    const fn words(self) -> &'static str {
        match self {
            Self::Nothing => "by the line alone",
            Self::OnlyAtV2 => {
                "of users without an account at the legacy service, which counts as dead for them"
            }
            Self::Failing => "while a service was failing: it counts as dead, or as stepped down",
        }
    }
}

/// What the rehearsal says, beside what was seen.
#[derive(Debug, Default)]
pub struct Compared {
    sign_ins: usize,
    predicted: BTreeMap<Known, usize>,
    without_line: usize,
    otherwise: Vec<String>,
}

impl Rehearsal {
    /// A name for the next request.
    pub fn name(&self) -> String {
        format!("drill-{}", self.names.fetch_add(1, Ordering::Relaxed))
    }

    /// Takes note of where the sign-in `name` went.
    pub fn note(&self, name: String, routed: Routed) {
        let mut all = self.routed.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(name, routed);
    }

    /// Another edge writes its lines here.
    pub fn add_log(&self, log: &Path) {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        logs.push(log.to_owned());
    }

    /// Rehearses the lines of all sign-ins that were noted.
    pub fn rehearse(&self, troubles: &Troubles) -> Done<Compared> {
        let routed = self.routed.lock().unwrap_or_else(PoisonError::into_inner);
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut compared = Compared {
            sign_ins: routed.len(),
            without_line: routed.len(),
            ..Compared::default()
        };
        for log in logs.iter() {
            let text = fs::read(log).in_step(STEP)?;
            lines::each(&text, |number, json, at| {
                let line = serde_json::from_slice::<Line<'_>>(json).ok();
                if let Some(line) = line
                    && let Some((name, routed)) = line.request_id.and_then(|name| routed.get_key_value(name))
                {
                    compared.count(name, routed, line.call(number, at).as_ref(), troubles);
                }
            });
        }
        Ok(compared)
    }
}

/// What had to be known for a prediction that is as the client saw it.
fn predicted(call: &Call, routed: &Routed, troubles: &Troubles) -> Option<Known> {
    let failing = |side| troubles.touched(side, routed.began, routed.ended);
    let (v2_fails, legacy_fails) = (failing(Side::V2), failing(Side::Legacy));
    let policy = &routed.deployment.policy;
    let is_so = |v2_is_dead, legacy_is_dead, stepped_down| {
        let weather = Weather {
            v2_is_dead,
            legacy_is_dead,
            stepped_down,
        };
        routed.is_as(rehearse(call, policy, weather))
    };
    if is_so(false, false, false) {
        return Some(Known::Nothing);
    }
    if routed.only_at_v2 && is_so(false, true, false) {
        return Some(Known::OnlyAtV2);
    }
    let either = |may_be| [false, true].into_iter().filter(move |is| !*is || may_be);
    let explained = either(v2_fails).any(|v2_is_dead| {
        either(legacy_fails || routed.only_at_v2).any(|legacy_is_dead| {
            either(v2_fails).any(|stepped_down| is_so(v2_is_dead, legacy_is_dead, stepped_down))
        })
    });
    explained.then_some(Known::Failing)
}

impl Compared {
    fn count(&mut self, name: &str, routed: &Routed, call: Option<&Call>, troubles: &Troubles) {
        self.without_line = self.without_line.saturating_sub(1);
        if let Some(known) = call.and_then(|call| predicted(call, routed, troubles)) {
            *self.predicted.entry(known).or_default() += 1;
            return;
        }
        let policy = &routed.deployment.policy;
        let said = call.map(|call| rehearse(call, policy, Weather::default()).decision);
        self.otherwise.push(format!(
            "{name} at {} %: {} {} is said, {} {} {} was seen",
            policy.percentage,
            said.map_or("nothing", |said| said.side.as_str()),
            said.map_or("", |said| said.reason.as_str()),
            routed.status,
            routed.route,
            routed.reason
        ));
    }

    /// Prints how many were predicted, and by what.
    pub fn print(&self) {
        println!(
            "\nrehearsal: {} of {} sign-ins predicted as routed",
            self.predicted.values().sum::<usize>(),
            self.sign_ins
        );
        for (known, times) in &self.predicted {
            println!("{times:>10}  {}", known.words());
        }
        if self.without_line > 0 {
            println!("{:>10}  without a request line", self.without_line);
        }
        for example in self.otherwise.iter().take(MAX_EXAMPLES) {
            println!("\n{example}");
        }
    }

    /// Every sign-in has its line and is predicted.
    pub fn verdict(&self) -> Done {
        let (otherwise, lost) = (self.otherwise.len(), self.without_line);
        if self.predicted.contains_key(&Known::Nothing) && otherwise == 0 && lost == 0 {
            return Ok(());
        }
        let reason = format!(
            "{otherwise} of {} sign-ins went elsewhere than rehearsed, {lost} have no request line",
            self.sign_ins
        );
        Err(Fault::new(STEP, reason))
    }
}

#[cfg(test)]
mod tests {
    use rehearsal::Who;
    use shared::rollout::Bucket;
    use shared::routing::Purpose;

    use super::*;

    fn call() -> Call {
        Call {
            line: 1,
            at: None,
            purpose: Purpose::SignIn,
            who: Who::Bucket(Bucket::from_number(5_000).unwrap()),
            on_list: None,
        }
    }

    fn routed(percent: &str, status: u16, route: &str, reason: &str) -> Routed {
        Routed {
            deployment: Arc::new(Deployment::new(0, "http://edge", percent).unwrap()),
            began: Instant::now(),
            ended: Instant::now(),
            status,
            route: route.to_owned(),
            reason: reason.to_owned(),
            only_at_v2: false,
        }
    }

    #[test]
    fn only_what_explains_a_route_predicts_it() {
        let (calm, failing) = (Troubles::default(), Troubles::default());
        failing.begin(Side::V2);
        let known = |routed: &Routed, troubles| predicted(&call(), routed, troubles);
        let ruled = routed("60", 200, "v2", "in_cohort");
        assert_eq!(known(&ruled, &calm), Some(Known::Nothing));
        for (route, reason) in [
            ("legacy", "fallback_timeout"),
            ("legacy", "stepped_down"),
            ("legacy", "not_in_cohort"),
            ("v2", "forced_v2"),
        ] {
            assert_eq!(known(&routed("60", 200, route, reason), &calm), None, "{reason}");
        }
        for reason in ["fallback_timeout", "stepped_down"] {
            let back = routed("60", 200, "legacy", reason);
            assert_eq!(known(&back, &failing), Some(Known::Failing), "{reason}");
        }
        // v2 failed, not the legacy service.
        assert_eq!(
            known(&routed("40", 200, "v2", "fallback_timeout"), &failing),
            None
        );
        let mut unknown = routed("40", 200, "v2", "fallback_unknown_there");
        assert_eq!(known(&unknown, &calm), None);
        unknown.only_at_v2 = true;
        assert_eq!(known(&unknown, &calm), Some(Known::OnlyAtV2));
        // Nobody could serve them.
        unknown.status = 503;
        unknown.reason = "not_in_cohort".to_owned();
        unknown.route = "legacy".to_owned();
        assert_eq!(known(&unknown, &failing), Some(Known::Nothing));
    }

    #[test]
    fn lost_line_is_a_missed_target() {
        let log = std::env::temp_dir().join(format!("rehearsal-{}.log", std::process::id()));
        let line = r#"{"request_id":"drill-0","path":"/auth/login","route":"v2","reason":"in_cohort","bucket":5000}"#;
        fs::write(&log, format!("[wrangler:info] POST /auth/login 200 OK\n{line}\n")).unwrap();
        let rehearsal = Rehearsal::default();
        rehearsal.add_log(&log);
        rehearsal.note("drill-0".to_owned(), routed("60", 200, "v2", "in_cohort"));
        assert!(
            rehearsal
                .rehearse(&Troubles::default())
                .unwrap()
                .verdict()
                .is_ok()
        );
        rehearsal.note("drill-1".to_owned(), routed("60", 200, "v2", "in_cohort"));
        let compared = rehearsal.rehearse(&Troubles::default()).unwrap();
        assert_eq!(compared.without_line, 1);
        assert!(compared.verdict().is_err());
        fs::remove_file(&log).unwrap();
    }
}
