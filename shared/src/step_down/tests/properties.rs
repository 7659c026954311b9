//! Any reports in any order.

use proptest::prelude::*;

use super::*;

fn any_tally() -> impl Strategy<Value = (u32, u32)> {
    (0_u32..60).prop_flat_map(|requests| (Just(requests), 0..=requests))
}

proptest! {
    /// It goes down only at a moment when the figures break the rule, and back only after the hold or because legacy failed.
    #[test]
    fn no_change_without_its_reason(
        events in prop::collection::vec((0_i64..8, any::<bool>(), any_tally(), any_tally(), any::<bool>()), 1..80)
    ) {
        let rule = Rule::default();
        let mut step_down = StepDown::default();
        let mut now = START;
        for (pause, is_report, v2, legacy, good) in events {
            now = now.plus(pause);
            let was_down = step_down.is_down();
            let change = if is_report {
                step_down.report(seen(v2, legacy), &rule, now)
            } else {
                step_down.probed(good, &rule, now)
            };
            prop_assert_eq!(change.is_some(), was_down != step_down.is_down());
            match change {
                Some(Change::SteppedDown { figures, hold_seconds }) => {
                    prop_assert!(is_report && figures.v2.failed_callers >= FAILING_CALLERS);
                    prop_assert!((MIN_HOLD_SECONDS..=MAX_HOLD_SECONDS).contains(&hold_seconds));
                }
                Some(Change::Recovered { figures, down_seconds }) => {
                    prop_assert!(!is_report && good);
                    prop_assert!(down_seconds >= MIN_HOLD_SECONDS || figures.legacy.failed_callers >= FAILING_CALLERS);
                }
                None => {}
            }
        }
    }

    /// Reports may be split into batches: no split hides a failure that the sum shows.
    #[test]
    fn batches_hide_nothing(parts in prop::collection::vec((any_tally(), 0_u32..60), 1..8)) {
        let rule = Rule::default();
        let mut whole = Report::default();
        let mut in_parts = StepDown::default();
        for (second, (v2, legacy)) in (0..).step_by(2).zip(&parts) {
            whole.add(&seen(*v2, (*legacy, 0)));
            in_parts.report(seen(*v2, (*legacy, 0)), &rule, START.plus(second));
        }
        let mut at_once = StepDown::default();
        at_once.report(whole, &rule, START);
        // The parts may have tripped it earlier.
        prop_assert!(!at_once.is_down() || in_parts.is_down());
    }
}
