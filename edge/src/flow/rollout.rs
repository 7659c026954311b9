//! `GET` and `PUT /v1/rollout`: shows the variables and the override in force, and changes the rollout without a deployment.

use shared::autopilot;
use shared::problem::{ErrorCode, Problem};
use shared::steering::{MAX_BODY_BYTES, Refusal as Rule, Reply, Requested, Shown, Steering};

use super::{Journey, ReplyBody};
use crate::answer::OwnAnswer;
use crate::authenticate::Refusal;
use crate::ports::{Body, KeySource, SignatureEngine, Upstreams};

const REASON: &str = "rollout";

impl<K, E, U> Journey<'_, '_, K, E, U>
where
    E: SignatureEngine,
    K: KeySource<Key = E::Key>,
    U: Upstreams,
{
    pub(super) async fn rollout(&mut self) -> Result<ReplyBody<U::Answer>, Refusal> {
        self.notes.reason = REASON;
        let Some(author) = self.service.filter(|service| service.admin) else {
            let problem = Problem::new(ErrorCode::Forbidden).message("An admin service key is needed");
            return Err(Refusal::new(problem, "service_key_missing"));
        };
        let change = match self.inbound.method {
            "GET" => None,
            "PUT" => Some(self.read_change().await?),
            _ => return Err(Refusal::new(Problem::new(ErrorCode::NotFound), "not_found")),
        };
        let answered = self.upstreams.steer(&author.name, change.as_deref()).await;
        let (reply, autopilot) = answered.map_or((None, None), |answered| {
            (Some(answered.reply), answered.autopilot)
        });
        let (status, message, steering) = match reply {
            Some(Reply::State(steering)) => (200, "Rollout retrieved", steering),
            Some(Reply::Changed(steering)) => (200, "Rollout changed", steering),
            Some(Reply::Pending(steering)) => (202, "Waiting for another service's approval", steering),
            Some(Reply::Refused(rule)) => return Err(refused(rule)),
            None => {
                let problem = Problem::new(ErrorCode::UpstreamUnavailable)
                    .message("No store of rollout overrides (binding STEP_DOWN) answers: set ROLLOUT_KILL_SWITCH or ROLLOUT_PERCENT and deploy")
                    .retry_after(2);
                return Err(Refusal::new(problem, "rollout_store_unavailable"));
            }
        };
        Ok(ReplyBody::Own(self.shown(
            status,
            message,
            &steering,
            autopilot.as_ref(),
        )))
    }

    async fn read_change(&self) -> Result<String, Refusal> {
        let too_large = || Refusal::new(Problem::new(ErrorCode::PayloadTooLarge), "body_too_large");
        if self.upstreams.read_body().await? != Body::Whole {
            return Err(too_large());
        }
        let limit = u32::try_from(MAX_BODY_BYTES).unwrap_or(u32::MAX);
        let bytes = self.upstreams.body(limit).ok_or_else(too_large)?;
        // The edge reads the change to report its faults; the Durable Object that keeps the overrides reads it again.
        Requested::parse(&bytes).map_err(refused)?;
        String::from_utf8(bytes).map_err(|_| refused(Rule::Invalid { rules: Vec::new() }))
    }

    fn shown(
        &self,
        status: u16,
        message: &str,
        steering: &Steering,
        autopilot: Option<&autopilot::Shown>,
    ) -> OwnAnswer {
        let shown = Shown::of(steering, autopilot, &self.gateway.config.rollout, self.now);
        let body = serde_json::json!({
            "success": true,
            "data": shown,
            "message": message,
            "timestamp": self.now.to_rfc3339(),
        });
        OwnAnswer::json(status, body.to_string().into_bytes())
    }
}

fn refused(rule: Rule) -> Refusal {
    let problem = match rule {
        Rule::Version { .. } => Problem::new(ErrorCode::VersionConflict).details(vec![rule.to_string()]),
        Rule::Invalid { rules } => Problem::new(ErrorCode::ValidationError).details(rules),
        Rule::Expired | Rule::TooLong => {
            Problem::new(ErrorCode::ValidationError).details(vec![rule.to_string()])
        }
    };
    Refusal::new(problem, "rollout_refused")
}
