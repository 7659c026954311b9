//! Sends shadow reads after the answer has gone out, and logs and counts their results.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::{Array, Uint8Array};
use serde::Serialize;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Request, Response};
use worker::Context;

use super::console::Console;
use super::watch::Watch;
use super::{glue, task};
use crate::shadow::{self, Answered, Difference, MAX_ANSWER_BYTES, ShadowRead};

/// How many shadow reads this isolate made, by result.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Counts {
    same: u32,
    different: u32,
    /// v2 did not answer, or one of the answers was too long to compare.
    unanswered: u32,
}

/// The counts of one isolate.
#[derive(Default)]
pub(super) struct Shadows(Cell<Counts>);

impl Shadows {
    /// The counts so far.
    pub fn counts(&self) -> Counts {
        self.0.get()
    }

    fn count(&self, line: &Line<'_>) {
        let mut counts = self.0.get();
        let counter = match line.outcome {
            "same" => &mut counts.same,
            "different" => &mut counts.different,
            _ => &mut counts.unanswered,
        };
        *counter = counter.saturating_add(1);
        self.0.set(counts);
    }
}

/// A line of the log about one shadow read.
#[derive(Serialize)]
struct Line<'a> {
    level: &'static str,
    event: &'static str,
    outcome: &'static str,
    request_id: &'a str,
    path: &'a str,
    #[serde(flatten)]
    difference: Difference,
}

/// A read to repeat, with everything that this needs.
pub(super) struct Shadow {
    pub request: Request,
    /// What `hold` made of the request's own body.
    pub body: JsValue,
    pub read: ShadowRead,
    pub request_id: String,
    pub path: String,
    pub console: Console,
    /// The counter of results.
    pub shadows: Rc<Shadows>,
    /// The autopilot's counter of results, if there is an autopilot.
    pub sightings: Option<Rc<Watch>>,
}

impl Shadow {
    /// Repeats the read when `answer` has gone out.
    ///
    /// # Errors
    /// An exception of the runtime when the answer cannot be copied; it always can before it is read.
    pub fn start(self, answer: &Response, context: &Context) -> Result<(), JsValue> {
        let copy = glue::copy(answer)?;
        task::run_beside(context, async move { self.run(&copy).await });
        Ok(())
    }

    async fn run(&self, answer: &Response) {
        let answered = glue::shadow(
            &self.request,
            answer,
            &self.read.changes.behind(&self.read.url),
            &self.body,
            self.read.timeout_ms,
            MAX_ANSWER_BYTES,
        )
        .await
        .ok()
        .filter(|answered| !answered.is_undefined());
        let difference = answered.map(|answered| difference(answer.status(), &answered.unchecked_into()));
        if let (Some(difference), Some(watch)) = (&difference, &self.sightings) {
            let mut tallies = watch.tallies.borrow_mut();
            tallies
                .sightings
                .shadow_read(self.read.caller, !difference.is_none());
        }
        let (level, outcome) = match &difference {
            Some(difference) if difference.is_none() => ("info", "same"),
            Some(_) => ("warn", "different"),
            None => ("warn", "unanswered"),
        };
        let line = Line {
            level,
            event: "shadow_read",
            outcome,
            request_id: &self.request_id,
            path: &self.path,
            difference: difference.unwrap_or_default(),
        };
        self.shadows.count(&line);
        self.console.line(level, &line);
    }
}

fn difference(legacy_status: u16, answered: &Array) -> Difference {
    let legacy = answered.get(0).unchecked_into::<Uint8Array>().to_vec();
    let v2 = answered.get(2).unchecked_into::<Uint8Array>().to_vec();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the runtime's statuses are 200 to 599"
    )]
    let v2_status = answered.get(1).as_f64().unwrap_or_default() as u16;
    shadow::compare(
        Answered {
            status: legacy_status,
            body: &legacy,
        },
        Answered {
            status: v2_status,
            body: &v2,
        },
    )
}
