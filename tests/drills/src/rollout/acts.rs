//! What happens, in order.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::routing::Side;
use stack::fault::{Done, Fault, In as _};
use stack::{Stack, console, http};

use super::deployment::Deployment;
use super::play;
use super::stage::Stage;
use super::users::Memory;

const STEP: &str = "drill rollout";
/// How long something is broken.
const BROKEN: Duration = Duration::from_secs(5);
/// How often we look.
const LOOK: Duration = Duration::from_millis(100);
/// How long stepping down may take.
pub const STEP_DOWN: Duration = Duration::from_secs(10);
/// How long it may take until everybody is served again where the rules say: a breaker's longest pause, or the time sign-ins are
/// held back and two probes, and a round of the users.
const RECOVERY: Duration = Duration::from_secs(60);

/// Plays all acts.
pub fn play(stack: &mut Stack, stage: &Stage) -> Done {
    step_to(stack, stage, "0")?;
    step_to(stack, stage, "1")?;
    step_to(stack, stage, "10")?;
    for (what, faults) in [
        ("legacy refuses connections", json!({"refuse": true})),
        ("legacy hangs", json!({"hang": true})),
        ("legacy answers 503", json!({"status": 503})),
    ] {
        let control = stack.addresses.legacy_control.clone();
        broken(
            stage,
            what,
            &[Side::Legacy],
            || tell(&control, &faults),
            || tell(&control, &json!({})),
        )?;
    }
    step_to(stack, stage, "50")?;
    broken_stack(
        stack,
        stage,
        "origin is gone",
        &[Side::V2],
        Stack::stop_origin,
        Stack::start_origin,
    )?;
    step_to(stack, stage, "100")?;
    broken_stack(
        stack,
        stage,
        "PostgreSQL is gone",
        &[Side::Legacy, Side::V2],
        Stack::stop_database,
        Stack::start_database,
    )?;
    stack.let_variables_change();
    step_to(stack, stage, "0")?;
    // The same isolates from here on, as when Cloudflare is handed variables alone.
    change_to(stage, "variables: 100 %", "100", false)?;
    change_to(stage, "variables: kill switch", "100", true)?;
    change_to(stage, "variables: 0 %", "0", false)
}

/// Deploys variables alone while users are at it, then everybody comes by once.
fn change_to(stage: &Stage, name: &str, percent: &str, kill_switch: bool) -> Done {
    stage.begin(name);
    console::step(name, || {
        let next = stage.deployment().changed(percent, kill_switch)?;
        play::while_watching(stage, || stage.switch_to(next));
        play::everybody(stage);
        Ok(())
    })
}

/// Deploys the percentage while users are at it, then everybody comes by once.
fn step_to(stack: &mut Stack, stage: &Stage, percent: &'static str) -> Done {
    let now = stage.deployment();
    let first = stage.rows().is_empty();
    stage.begin(format!("{percent} %"));
    console::step(&format!("{percent} %"), || {
        if !first {
            let old = play::while_watching(stage, || {
                let old = stack.deploy(&[("ROLLOUT_PERCENT", percent.to_owned())])?;
                let new = Deployment::new(now.number.saturating_add(1), &stack.addresses.edge, percent)?;
                stage.rehearsal.add_log(stack.edge_log());
                stage.switch_to(new);
                Ok(old)
            })?;
            // Everybody has moved over.
            drop(old);
        }
        play::everybody(stage);
        Ok(())
    })
}

fn broken_stack(
    stack: &mut Stack,
    stage: &Stage,
    what: &str,
    sides: &[Side],
    breaks: impl FnOnce(&mut Stack) -> Done,
    mends: impl FnOnce(&mut Stack) -> Done,
) -> Done {
    let stack = std::cell::RefCell::new(stack);
    broken(
        stage,
        what,
        sides,
        || breaks(&mut stack.borrow_mut()),
        || mends(&mut stack.borrow_mut()),
    )
}

/// Breaks something while users are at it, mends it, and waits until everybody is served again.
fn broken(
    stage: &Stage,
    what: &str,
    sides: &[Side],
    breaks: impl FnOnce() -> Done,
    mends: impl FnOnce() -> Done,
) -> Done {
    stage.begin(what);
    console::step(what, || {
        play::while_watching(stage, || {
            for side in sides {
                stage.troubles.begin(*side);
            }
            let broke = Instant::now();
            stage.record(|row| {
                row.broken_at = Some(broke);
                row.must_step_down = *sides == [Side::V2];
            });
            breaks()?;
            while broke.elapsed() < BROKEN || (broke.elapsed() < STEP_DOWN && is_to_step_down(stage)) {
                thread::sleep(LOOK);
            }
            mends()?;
            let mended = Instant::now();
            let served = until(stage, mended, |memory| {
                memory.well_at.is_some_and(|at| at > mended)
            })?;
            let back = until(stage, mended, |memory| {
                memory
                    .signed_in
                    .is_none_or(|last| last.began > mended && last.as_ever)
            })?;
            stage.troubles.end();
            Ok(format!(
                "everybody served again {:.1} s after it was mended, by the rules after {:.1} s",
                served.as_secs_f32(),
                back.as_secs_f32()
            ))
        })
    })
    .map(drop)
}

fn is_to_step_down(stage: &Stage) -> bool {
    stage
        .rows()
        .last()
        .is_some_and(|row| row.must_step_down && row.stepped_down_at.is_none())
}

/// Waits until `holds` for everybody who is watched, and says how long that took from `since` on.
fn until(stage: &Stage, since: Instant, holds: impl Fn(&Memory) -> bool) -> Done<Duration> {
    while !stage.is_stopped() {
        if play::watched(stage).iter().all(|user| holds(&user.memory())) {
            return Ok(since.elapsed());
        }
        if since.elapsed() > RECOVERY {
            let reason = format!(
                "somebody is not served {} s after it was mended",
                RECOVERY.as_secs()
            );
            return Err(Fault::new(STEP, reason));
        }
        thread::sleep(LOOK);
    }
    Ok(since.elapsed())
}

pub fn tell(control: &str, faults: &Value) -> Done {
    let answer = http::post(&format!("{control}/control"), &[], faults).in_step(STEP)?;
    if answer.status == 200 {
        Ok(())
    } else {
        Err(Fault::new(STEP, answer.text))
    }
}
