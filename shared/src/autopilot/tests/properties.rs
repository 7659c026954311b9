//! Whatever isolates report, and whatever happens meanwhile.

use proptest::prelude::*;

use super::*;

fn any_situation() -> impl Strategy<Value = (bool, bool, bool, u64)> {
    (any::<bool>(), any::<bool>(), any::<bool>(), 0_u64..4)
}

proptest! {
    /// A decision always has its reason: a step is left upwards only on unanimous guardrails, downwards only to nobody, and never while
    /// something forbids it or an operator has to say go.
    #[test]
    fn no_decision_without_its_reason(
        events in prop::collection::vec((0_i64..4_000, any_situation(), "[A-Za-z0-9_-]{0,64}"), 1..60)
    ) {
        let mut game = Game::at("10", "10,50,100; error_percent=50");
        for (pause, (held, outage, shadow, go), text) in events {
            game.now = game.now.plus(pause);
            game.situation.held = held.then_some("kill_switch");
            game.situation.outage = outage;
            game.situation.shadow = shadow;
            game.situation.go = go;
            let (before, waited) = (game.records.len(), game.pilot.waits_for_go());
            game.pilot.probed(pause % 2 == 0);
            game.hear(&Sightings::from_texts(&text, ""));
            let Some(record) = game.records.get(before) else { continue };
            prop_assert!(!held);
            match record.outcome {
                Outcome::Promote if record.from != "0" => {
                    prop_assert!(record.readings.iter().all(|reading| reading.verdict == Verdict::Promote));
                }
                Outcome::Promote => prop_assert!(!waited || go > 0),
                Outcome::RollBack => prop_assert!(record.to == "0" && game.pilot.waits_for_go()),
                Outcome::Renew => {}
            }
        }
    }
}
