//! States that earlier versions have kept.

use serde_json::{Value, json};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

/// The state as the first version that had an autopilot kept it: four guardrails, one error for both verdicts, three alternatives that are
/// better, no sessions.
fn of_the_first_version(percent: u16, rolled_back: Option<u64>) -> Value {
    let nobody = "A".repeat(10_923);
    let count = json!({ "requests": 900, "events": 9 });
    let guardrail = json!({
        "margins": { "tolerable_ratio": 1.2, "tolerable_rate": 0.001, "harmful_ratio": 2.0, "harmful_rate": 0.005, "error": 0.01 },
        "v2": count, "legacy": count,
        "worse_by_ratio": { "parts": [-1.4, -1.4, -1.4, -1.4] }, "worse_by_rate": { "parts": [-1.4, -1.4, -1.4, -1.4] },
        "fine_by_ratio": { "parts": [-1.1, -1.1, -1.1] }, "fine_by_rate": { "parts": [-1.1, -1.1, -1.1] },
    });
    let watched = ["failures", "wrong_passwords", "slow", "shadow_differences"]
        .map(|name| json!({ "name": name, "guardrail": guardrail, "callers": nobody, "seen_by": 2 }));
    json!({
        "percent": percent, "since": START, "rolled_back": rolled_back, "outage": null, "unexplained": 1,
        "step": { "watched": watched, "counted": [nobody, nobody, nobody], "counted_since": START },
    })
}

/// The present version's, changed by `change`.
fn changed(rolled_back: Option<u64>, change: impl Fn(&mut Value)) -> String {
    let pilot = Autopilot {
        rolled_back,
        ..Game::at("10", "10,50,100").pilot
    };
    let mut state = serde_json::to_value(&pilot).unwrap();
    change(&mut state);
    state.to_string()
}

fn record(outcome: &str, version: u64) -> Value {
    json!({
        "outcome": outcome, "at": START, "from": "10", "to": "0", "rule": "a rule of then", "step_seconds": 7, "version": version,
        // As the first version wrote it.
        "readings": [{
            "guardrail": "failures", "v2": { "requests": 9, "events": 1 }, "legacy": { "requests": 9, "events": 1 },
            "evidence_to_roll_back": 1.0, "evidence_to_promote": 1.0, "needed": 100.0, "verdict": "inconclusive",
        }],
    })
}

/// The rollout after a deployment that found this: it plays on, and says whether it waits for a go.
fn deployed(state: &str, records: &str) -> (Game, Kept) {
    let mut game = Game::at("10", "10,50,100");
    let (pilot, read) = Autopilot::from_kept((state, records), &game.plan, percent("10"), 7, START);
    game.pilot = pilot;
    (game, read)
}

fn moves_on(mut game: Game) -> bool {
    for _ in 0..2_000 {
        game.play(200, well);
    }
    game.moves().last() == Some(&(Outcome::Promote, "100"))
}

fn shapes(rolled_back: Option<u64>) -> Vec<(&'static str, String)> {
    vec![
        (
            "first version",
            of_the_first_version(1_000, rolled_back).to_string(),
        ),
        (
            "without the session guardrails",
            changed(rolled_back, |state| {
                state["step"]["watched"].as_array_mut().unwrap().truncate(4);
            }),
        ),
        (
            "other margins",
            changed(rolled_back, |state| {
                state["step"]["watched"][0]["guardrail"]["margins"]["tolerable_ratio"] = json!(1.5);
            }),
        ),
        (
            "other bets",
            changed(rolled_back, |state| {
                let bet = &mut state["step"]["watched"][2]["guardrail"]["fine_by_rate"]["parts"];
                *bet = json!([-1.1, -1.1, -1.1]);
            }),
        ),
        (
            "a guardrail of a later version",
            changed(rolled_back, |state| {
                state["step"]["watched"][0]["name"] = json!("moon");
            }),
        ),
        (
            "a step of a later version",
            changed(rolled_back, |state| state["step"] = json!(7)),
        ),
    ]
}

#[test]
fn rollout_goes_on_after_a_deployment_that_cannot_use_the_kept_evidence() {
    for (shape, state) in shapes(None) {
        let (game, read) = deployed(&state, "");
        assert_eq!(read, Kept::WithoutEvidence, "{shape}");
        assert!(!game.pilot.waits_for_go(), "{shape}");
        let readings = game.pilot.readings(&game.plan, true);
        assert!(
            readings.iter().all(|reading| reading.v2 == Default::default()),
            "{shape}"
        );
        assert!(moves_on(game), "{shape}");
    }
}

#[test]
fn roll_back_is_remembered_by_a_deployment_that_cannot_use_the_kept_evidence() {
    for (shape, state) in shapes(Some(5)) {
        let (mut game, read) = deployed(&state, "");
        assert_eq!(read, Kept::WithoutEvidence, "{shape}");
        game.situation.go = 5;
        for _ in 0..200 {
            game.play(200, well);
        }
        assert_eq!(game.moves(), [], "{shape}");
        assert!(game.pilot.waits_for_go(), "{shape}");
        game.situation.go = 6;
        assert!(moves_on(game), "{shape}");
    }
}

#[test]
fn sign_ins_that_were_sent_back_stay_counted_over_a_deployment() {
    let (game, _) = deployed(&of_the_first_version(1_000, None).to_string(), "");
    assert_eq!(game.pilot.unexplained, 1);
}

#[test]
fn state_beyond_reading_is_judged_by_the_last_decision() {
    let (renewed, promoted) = (record("renew", 6), record("promote", 5));
    let rolled_back = record("roll_back", 5);
    for state in [
        "not json",
        "{}",
        r#"{"percent":1000,"rolled_back":"yes"}"#,
        r#"{"percent":1000}"#,
    ] {
        for (records, waits, read) in [
            (String::new(), false, Kept::Records),
            (json!([promoted]).to_string(), false, Kept::Records),
            (
                json!([renewed, rolled_back, promoted]).to_string(),
                true,
                Kept::Records,
            ),
            (json!([promoted, rolled_back]).to_string(), false, Kept::Records),
            ("not json".to_owned(), true, Kept::Nothing),
            (json!([{ "outcome": "moon" }]).to_string(), true, Kept::Nothing),
        ] {
            let (game, found) = deployed(state, &records);
            assert_eq!(found, read, "{state} {records}");
            assert_eq!(game.pilot.waits_for_go(), waits, "{state} {records}");
        }
    }
}

#[test]
fn nothing_kept_and_a_whole_state_are_no_deployment_of_another_version() {
    let (game, read) = deployed("", "");
    assert_eq!((read, game.pilot.waits_for_go()), (Kept::Whole, false));
    let mut game = Game::at("10", "10,50,100");
    for _ in 0..30 {
        game.play(200, well);
    }
    let (read, found) = Autopilot::from_kept(
        (&serde_json::to_string(&game.pilot).unwrap(), ""),
        &game.plan,
        percent("10"),
        7,
        START,
    );
    assert_eq!(found, Kept::Whole);
    let seen = |pilot: &Autopilot| pilot.readings(&game.plan, true)[0].v2;
    assert!(seen(&read).requests > 0);
    assert_eq!(seen(&read), seen(&game.pilot));
    // Another plan's error probability is another claim.
    let stricter = plan("10,50,100; error_percent=2; session_seconds=0");
    let text = serde_json::to_string(&game.pilot).unwrap();
    let (_, found) = Autopilot::from_kept((&text, ""), &stricter, percent("10"), 7, START);
    assert_eq!(found, Kept::WithoutEvidence);
}

#[test]
fn records_of_earlier_versions_are_shown_and_others_left_out() {
    let records = json!([record("promote", 5), { "outcome": "moon" }, record("roll_back", 4)]);
    let read = read_records(&records.to_string());
    assert_eq!(
        read.iter().map(|record| record.version).collect::<Vec<_>>(),
        [5, 4]
    );
}
