//! `cargo xtask rollout status URL` and `cargo xtask rollout evidence URL`: how a running rollout stands, what is missing for its next stage,
//! and what the autopilot decided and why.

use serde_json::Value;
use shared::autopilot::{Reading, Record, Shown};
use shared::guardrail::Verdict;
use shared::rollout::Percentage;
use shared::stage::Facts;
use shared::time::UnixTime;
use stack::fault::{Done, Fault, In as _};
use stack::http;

use super::STEP;

/// A running edge.
#[derive(clap::Args)]
pub struct Running {
    /// Where the edge answers.
    url: String,
    /// The key of an `:admin` service.
    #[arg(long, env = "SERVICE_KEY", hide_env_values = true)]
    service_key: String,
}

impl Running {
    /// What the edge answers at `path` with one of these statuses, which has a value at `pointer`.
    fn get(&self, path: &str, statuses: &[u16], pointer: &str) -> Done<Value> {
        let url = format!("{}{path}", self.url.trim_end_matches('/'));
        let answer = http::get(&url, &[("x-service-key", &self.service_key)])
            .map_err(|error| Fault::new(STEP, format!("{url} does not answer: {error}")))?;
        if !statuses.contains(&answer.status) {
            let reason = format!("{url} answered {}\n{}", answer.status, answer.text);
            return Err(Fault::new(STEP, reason));
        }
        let body = answer.json();
        if body.pointer(pointer).is_none() {
            let reason = format!("{url} answered {}, which is no answer of the edge", answer.status);
            return Err(Fault::new(STEP, reason));
        }
        Ok(body)
    }

    fn autopilot(&self) -> Done<(Value, Option<Shown>)> {
        let mut rollout = self.get("/v1/rollout", &[200], "/data/effective")?;
        let autopilot = serde_json::from_value(rollout["data"]["autopilot"].take()).in_step(STEP)?;
        Ok((rollout["data"].take(), autopilot))
    }
}

/// Prints the stage, and every condition of the next one.
pub fn status(running: &Running) -> Done {
    let (rollout, autopilot) = running.autopilot()?;
    let readiness = running.get("/readyz?verbose", &[200, 503], "/configuration")?;
    let facts = facts(&rollout, autopilot.as_ref(), &readiness);
    let stage = facts.stage();
    println!(
        "stage      {}, {} %",
        stage.as_str(),
        text(&rollout["effective"]["percent"])
    );
    if let Some(autopilot) = &autopilot {
        let next = autopilot.next.as_deref().unwrap_or("none");
        println!("autopilot  since {}, next step {next}", autopilot.since);
        if let Some(held) = &autopilot.held {
            println!("           held: {held}");
        }
        if autopilot.outage {
            println!("           a side is down: nothing counts");
        }
        readings(&autopilot.readings);
    }
    let Some(next) = stage.next() else {
        return Ok(());
    };
    println!("\nbefore {}:", next.as_str());
    for condition in facts.conditions() {
        let mark = match condition.met {
            Some(true) => "holds  ",
            Some(false) => "MISSING",
            None => "unknown",
        };
        println!("  {mark}  {}", condition.name);
    }
    Ok(())
}

/// Prints every decision with what it was made of, newest first.
pub fn evidence(running: &Running) -> Done {
    let (_, autopilot) = running.autopilot()?;
    let Some(autopilot) = autopilot else {
        println!("the autopilot is off (ROLLOUT_AUTOPILOT)");
        return Ok(());
    };
    if autopilot.evidence.is_empty() {
        println!("nothing has been decided yet");
    }
    for record in &autopilot.evidence {
        show(record);
    }
    Ok(())
}

fn show(record: &Record) {
    println!(
        "{}  {:?}  {} % -> {} %  after {} s, override {}\n  {}",
        record.at, record.outcome, record.from, record.to, record.step_seconds, record.version, record.rule
    );
    readings(&record.readings);
    println!();
}

fn readings(readings: &[Reading]) {
    for reading in readings {
        println!(
            "  {:<21} v2 {:>6} of {:>7}   legacy {:>6} of {:>7}   {:<19} evidence to roll back {:.1e} of {:.0}, to promote {:.1e} of {:.0}",
            reading.guardrail.as_str(),
            reading.v2.events,
            reading.v2.requests,
            reading.legacy.events,
            reading.legacy.requests,
            word(reading.verdict),
            reading.evidence_to_roll_back,
            reading.needed_to_roll_back,
            reading.evidence_to_promote,
            reading.needed_to_promote,
        );
    }
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Promote => "fine",
        Verdict::RollBack => "worse",
        Verdict::Inconclusive => "too little evidence",
    }
}

fn facts(rollout: &Value, autopilot: Option<&Shown>, readiness: &Value) -> Facts {
    let basis_points = |value: &Value| Percentage::parse(text(value)).map_or(0, Percentage::basis_points);
    let configuration = &readiness["configuration"];
    let origin = &readiness["upstreams"]["origin"];
    let moment = |value: &Value| UnixTime::parse_rfc3339(text(value)).ok();
    let until = moment(&configuration["LEGACY_TOKENS_ACCEPTED_UNTIL"]);
    let reads = &readiness["shadow_reads"];
    Facts {
        percent: basis_points(&rollout["effective"]["percent"]),
        shadow_percent: basis_points(&configuration["SHADOW_PERCENT"]),
        has_legacy: configuration["LEGACY_AUTH_URL"].is_string(),
        edge_ready: readiness["status"] == "ready",
        v2_ready: Some(origin["status"] == 200),
        kill_switch: rollout["effective"]["kill_switch"] == true,
        stepped_down: readiness["stepped_down"] == true,
        shadow_reads: (
            reads["same"].as_u64().unwrap_or_default(),
            reads["different"].as_u64().unwrap_or_default(),
        ),
        guardrails_allow: autopilot.map(|autopilot| {
            let mut readings = autopilot.readings.iter();
            readings.all(|reading| reading.verdict == Verdict::Promote)
        }),
        waits_for_go: autopilot.is_some_and(|autopilot| autopilot.waits_for_go),
        legacy_tokens_ended: moment(&readiness["at"]).map(|now| until.is_some_and(|until| until <= now)),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use serde_json::json;
    use shared::stage::Stage;

    use super::{Running, evidence, facts, status};

    /// An edge that answers everything with `answer`.
    fn edge(answer: &'static str) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for mut connection in listener.incoming().flatten() {
                let _ = connection.read(&mut [0; 4_096]);
                let _ = connection.write_all(answer.as_bytes());
            }
        });
        Running {
            url,
            service_key: "key".to_owned(),
        }
    }

    #[test]
    fn what_is_no_edge_has_no_stage() {
        let nobody = Running {
            // Nobody may listen there.
            url: "http://127.0.0.1:1".to_owned(),
            service_key: "key".to_owned(),
        };
        let said =
            |running: &Running| [status(running), evidence(running)].map(|done| done.unwrap_err().reason);
        for reason in said(&nobody) {
            assert!(
                reason.contains("http://127.0.0.1:1/v1/rollout does not answer"),
                "{reason}"
            );
        }
        for answer in [
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 13\r\n\r\n<html></html>",
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
        ] {
            for reason in said(&edge(answer)) {
                assert!(reason.contains("which is no answer of the edge"), "{reason}");
            }
        }
        let refused = edge("HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}");
        for reason in said(&refused) {
            assert!(reason.contains("/v1/rollout answered 403"), "{reason}");
        }
    }

    #[test]
    fn facts_are_read_from_what_the_edge_answers() {
        let rollout = json!({ "effective": { "percent": "5", "kill_switch": true } });
        let readiness = json!({
            "status": "ready",
            "at": "2026-12-01T00:00:00Z",
            "stepped_down": true,
            "shadow_reads": { "same": 7, "different": 1, "unanswered": 0 },
            "upstreams": { "origin": { "answers": true, "status": 200 } },
            "configuration": {
                "LEGACY_AUTH_URL": "https://legacy.example",
                "SHADOW_PERCENT": "10",
                "LEGACY_TOKENS_ACCEPTED_UNTIL": "2026-01-01T00:00:00Z",
            },
        });
        let read = facts(&rollout, None, &readiness);
        assert_eq!(read.stage(), Stage::Canary);
        assert_eq!(
            (read.percent, read.shadow_percent, read.shadow_reads),
            (500, 1_000, (7, 1))
        );
        assert!(read.kill_switch && read.stepped_down && read.edge_ready);
        assert_eq!((read.v2_ready, read.guardrails_allow), (Some(true), None));
        assert_eq!(read.legacy_tokens_ended, Some(true));
        assert_eq!(facts(&rollout, None, &json!({})).stage(), Stage::LegacyOff);
    }
}
