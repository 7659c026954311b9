//! Whether an answer was right, judged three ways: by the edge's own decision for the user, by what the answer shows by itself (the
//! token's issuer, the user's id, the side of the sign-in before), and by who could have served the user at that moment.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use shared::routing::{self, Facts, Purpose, Side};
use stack::http::Answer;

use super::deployment::Deployment;
use super::service::Service;
use super::stage::Stage;
use super::tally::Wrong;
use super::users::{Kind, SignIn, User};

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// `POST /auth/login`
    SignIn,
    /// `POST /v1/auth/refresh`: v2's alone.
    Refresh,
    /// `POST /auth/verify-token`
    Verify,
    /// `GET /auth/profile`
    Profile,
    /// Something of a service behind the edge, which reads legacy tokens only.
    Service(Service),
}

/// One request and what came of it.
pub struct Seen {
    call: Call,
    /// Who issued the token that was sent, or for sign-ins the one that came.
    issuer: Option<Side>,
    deployment: Arc<Deployment>,
    began: Instant,
    ended: Instant,
    answer: Result<Answer, String>,
}

impl Seen {
    pub fn new(
        call: Call,
        issuer: Option<Side>,
        deployment: Arc<Deployment>,
        began: Instant,
        answer: Result<Answer, String>,
    ) -> Self {
        Self {
            call,
            issuer,
            deployment,
            began,
            ended: Instant::now(),
            answer,
        }
    }

    fn header(&self, name: &str) -> &str {
        let answer = self.answer.as_ref().ok();
        answer.and_then(|answer| answer.header(name)).unwrap_or_default()
    }

    fn reason(&self) -> &str {
        self.header("x-auth-route-reason")
    }

    fn route(&self) -> Option<Side> {
        [Side::Legacy, Side::V2]
            .into_iter()
            .find(|side| side.as_str() == self.header("x-auth-route"))
    }

    fn is_good(&self, user: &User) -> bool {
        let Ok(answer) = &self.answer else { return false };
        if self.is_told_to_pay(user) {
            return true;
        }
        let denied = self.call == Call::Verify && answer.json().pointer("/data/valid") != Some(&json!(true));
        answer.status == 200 && !denied
    }

    /// The service knows the user, who has no tokens: who has proven no address gets no welcome tokens.
    fn is_told_to_pay(&self, user: &User) -> bool {
        self.call == Call::Service(Service::Assessment)
            && matches!(user.kind, Kind::Unseen | Kind::NoAddress)
            && self.answer.as_ref().is_ok_and(|answer| answer.status == 402)
    }

    /// An outage said as one.
    fn is_well_said(&self) -> bool {
        self.answer
            .as_ref()
            .is_ok_and(|answer| matches!(answer.status, 503 | 504) && answer.header("retry-after").is_some())
    }

    /// Without anything secret.
    fn words(&self, user: &User) -> String {
        let (status, code) = match &self.answer {
            Ok(answer) => {
                let body = answer.json();
                let code = body
                    .pointer("/error/code")
                    .or_else(|| body.pointer("/data/error"));
                (
                    answer.status.to_string(),
                    code.and_then(Value::as_str).unwrap_or_default().to_owned(),
                )
            }
            Err(silence) => (silence.clone(), String::new()),
        };
        format!(
            "{:?} of user {} ({:?}, by {:?}), token of {}: {status} {code}, {} {} in {} ms",
            self.call,
            user.number,
            user.kind,
            user.by,
            self.issuer.map_or("nobody", Side::as_str),
            self.header("x-auth-route"),
            self.reason(),
            self.ended.duration_since(self.began).as_millis(),
        )
    }
}

/// Judges and counts what was seen. Answers whether the user got what they wanted.
pub fn judge(stage: &Stage, user: &User, seen: &Seen) -> bool {
    let good = seen.is_good(user);
    let mut wrong = Vec::new();
    let mut turned_away = false;
    let cut_off = !good && is_cut_off(stage, seen);
    if good {
        if !is_right_side(stage, user, seen) || !is_same_user(user, seen) {
            wrong.push(Wrong::Side);
        }
        if seen.call == Call::SignIn && is_flip(stage, user, seen) {
            wrong.push(Wrong::Flip);
        }
    } else {
        if !cut_off && could_be_served(stage, user, seen) {
            wrong.push(match seen.call {
                Call::SignIn | Call::Refresh => Wrong::SignIn,
                Call::Verify | Call::Profile => Wrong::Call,
                Call::Service(_) => Wrong::Service,
            });
        } else {
            turned_away = !cut_off && seen.is_well_said();
        }
        // A service that is cut off says so in its own words.
        if !cut_off && !seen.is_well_said() {
            wrong.push(Wrong::Wording);
        }
    }
    let stepped_down = seen.reason() == SENT_BACK.1;
    let fallback = seen.reason().strip_prefix("fallback_").map(str::to_owned);
    stage.record(|row| {
        row.requests += 1;
        row.turned_away += u64::from(turned_away);
        if let Call::Service(_) = seen.call {
            row.services.made += 1;
            row.services.by_moved_users += u64::from(user.memory().token_before_move.is_some());
            row.services.turned_away += u64::from(turned_away);
            row.services.cut_off += u64::from(cut_off);
        }
        for wrong in wrong {
            row.note(wrong, &seen.words(user));
        }
        if stepped_down {
            row.stepped_down_at.get_or_insert(seen.ended);
        }
        if let Some(cause) = fallback {
            *row.fallbacks.entry(cause).or_default() += 1;
        }
    });
    good
}

/// The side that answered is the one the rules choose, or the other one with a cause that is true.
fn is_right_side(stage: &Stage, user: &User, seen: &Seen) -> bool {
    if let Call::Service(_) = seen.call {
        return seen.header("x-auth-route") == "edge" && seen.reason() == "app_service";
    }
    let Some(route) = seen.route() else { return false };
    let is_sign_in = matches!(seen.call, Call::SignIn | Call::Refresh);
    if is_sign_in && seen.issuer != Some(route) {
        return false;
    }
    let by_the_rules = expected(user, seen);
    let may_step_down = seen.call == Call::SignIn && stage.troubles.touched(Side::V2, seen.began, seen.ended);
    [Some(by_the_rules), may_step_down.then_some(SENT_BACK)]
        .into_iter()
        .flatten()
        .any(|(side, reason)| {
            if route == side {
                seen.reason() == reason
            } else {
                is_true_cause(stage, user, seen, side)
            }
        })
}

const SENT_BACK: (Side, &str) = (Side::Legacy, "stepped_down");

/// Whether the reason given for leaving `side` holds.
fn is_true_cause(stage: &Stage, user: &User, seen: &Seen, side: Side) -> bool {
    match seen.reason() {
        _ if side == Side::Legacy && only_v2_knows(user, seen) => true,
        "fallback_unreachable"
        | "fallback_timeout"
        | "fallback_server_error"
        | "fallback_breaker_open"
        | "fallback_denied_there" => stage.troubles.touched(side, seen.began, seen.ended),
        _ => false,
    }
}

/// The legacy service fails on users without a hash, and has never heard of those without a row.
fn only_v2_knows(user: &User, seen: &Seen) -> bool {
    matches!(user.kind, Kind::New | Kind::Unseen)
        && matches!(seen.reason(), "fallback_server_error" | "fallback_unknown_there")
}

/// The side by the rules, and the rule: the edge's own decision for sign-ins, else the token's issuer.
fn expected(user: &User, seen: &Seen) -> (Side, &'static str) {
    match seen.call {
        Call::Refresh => (Side::V2, "new_contract"),
        Call::SignIn => {
            let email = user.shown_email();
            let facts = Facts {
                purpose: Purpose::SignIn,
                email: email.as_ref(),
                id: None,
                cookie: None,
                stepped_down: false,
            };
            let decision = routing::decide(&facts, &seen.deployment.policy);
            (decision.side, decision.reason.as_str())
        }
        Call::Verify | Call::Profile => (seen.issuer.unwrap_or(Side::V2), "token_issuer"),
        Call::Service(_) => (Side::V2, "app_service"),
    }
}

/// Both sides, and both kinds of token, are about one user.
fn is_same_user(user: &User, seen: &Seen) -> bool {
    let body = seen.answer.as_ref().map(Answer::json).unwrap_or_default();
    let Some(id) = body.pointer("/data/user/id").and_then(Value::as_str) else {
        return seen.call == Call::Refresh || seen.is_told_to_pay(user);
    };
    if matches!(user.kind, Kind::Old | Kind::New | Kind::Migrated) && id != user.row_id() {
        return false;
    }
    user.memory().id.get_or_insert_with(|| id.to_owned()) == id
}

/// The side is another one than at the sign-in before, nothing was deployed in between, and nobody was in trouble.
fn is_flip(stage: &Stage, user: &User, seen: &Seen) -> bool {
    let Some(side) = seen.route() else { return false };
    let this = SignIn {
        side,
        deployment: seen.deployment.number,
        as_ever: expected(user, seen) == (side, seen.reason()) || only_v2_knows(user, seen),
        began: seen.began,
        ended: seen.ended,
    };
    let Some(before) = user.memory().signed_in.replace(this) else {
        return false;
    };
    let in_trouble = |sign_in: SignIn| {
        [Side::Legacy, Side::V2]
            .into_iter()
            .any(|side| stage.troubles.touched(side, sign_in.began, sign_in.ended))
    };
    before.side != side && before.deployment == this.deployment && !in_trouble(before) && !in_trouble(this)
}

/// Whether a service behind the edge failed because of the legacy service, which it asks itself: it cannot do better, and nor can the edge.
pub fn is_cut_off(stage: &Stage, seen: &Seen) -> bool {
    seen.call == Call::Service(Service::Assessment)
        && stage.troubles.touched(Side::Legacy, seen.began, seen.ended)
        && (seen.reason() == "app_service" || !stage.troubles.touched(Side::V2, seen.began, seen.ended))
}

/// Whether a side that can serve this was up all the time.
fn could_be_served(stage: &Stage, user: &User, seen: &Seen) -> bool {
    let by_legacy = match seen.call {
        Call::SignIn => user.legacy_knows(),
        Call::Refresh | Call::Service(_) => false,
        Call::Verify | Call::Profile => seen.issuer == Some(Side::Legacy),
    };
    let up = |side| !stage.troubles.touched(side, seen.began, seen.ended);
    up(Side::V2) || (by_legacy && up(Side::Legacy))
}

#[cfg(test)]
mod tests;
