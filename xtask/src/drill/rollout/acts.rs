//! What happens, in order.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::routing::Side;

use super::play;
use super::stage::{Deployment, Stage};
use crate::fault::{Done, Fault, In as _};
use crate::stack::Stack;
use crate::{console, http};

const STEP: &str = "drill rollout";
/// How long something is broken.
const BROKEN: Duration = Duration::from_secs(5);
/// How long everybody may take to be served again: a breaker's longest pause, and a round of the people.
const RECOVERY: Duration = Duration::from_secs(25);

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
    step_to(stack, stage, "0")
}

/// Deploys the percentage while people are at it, then everybody comes by once.
fn step_to(stack: &mut Stack, stage: &Stage, percent: &'static str) -> Done {
    let now = stage.deployment();
    let first = stage.rows().is_empty();
    stage.begin(format!("{percent} %"));
    console::step(&format!("{percent} %"), || {
        if !first {
            let old = play::while_watching(stage, || {
                let old = stack.deploy(&[("ROLLOUT_PERCENT", percent.to_owned())])?;
                let new = Deployment::new(now.number.saturating_add(1), &stack.addresses.edge, percent)?;
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

/// Breaks something while people are at it, mends it, and waits until everybody is served again.
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
            breaks()?;
            thread::sleep(BROKEN.saturating_sub(broke.elapsed()));
            mends()?;
            let mended = Instant::now();
            until_everybody_is_well(stage, mended)?;
            stage.troubles.end();
            Ok(format!(
                "served again {:.1} s after it was mended",
                mended.elapsed().as_secs_f32()
            ))
        })
    })
    .map(drop)
}

fn until_everybody_is_well(stage: &Stage, since: Instant) -> Done {
    while since.elapsed() < RECOVERY && !stage.is_stopped() {
        let well = play::watched(stage)
            .iter()
            .all(|person| person.memory().well_at.is_some_and(|at| at > since));
        if well {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(100));
    }
    let reason = format!(
        "somebody is not served {} s after it was mended",
        RECOVERY.as_secs()
    );
    Err(Fault::new(STEP, reason))
}

fn tell(control: &str, faults: &Value) -> Done {
    let answer = http::post(&format!("{control}/control"), &[], faults).in_step(STEP)?;
    if answer.status == 200 {
        Ok(())
    } else {
        Err(Fault::new(STEP, answer.text))
    }
}
