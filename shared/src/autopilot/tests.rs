mod kept;
#[cfg(not(target_arch = "wasm32"))]
mod properties;
mod sessions;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::callers::CallerMark;
use crate::fallback::Outcome as Attempt;
use crate::routing::Side;

const START: UnixTime = UnixTime::from_secs(1_800_000_000);

fn plan(text: &str) -> Plan {
    Plan::parse(text).unwrap().unwrap()
}

fn percent(text: &str) -> Percentage {
    Percentage::parse(text).unwrap()
}

fn caller(number: u32) -> CallerMark {
    CallerMark::of_name(&number.to_string())
}

/// A rollout played second by second, by the rule the object goes by.
struct Game {
    plan: Plan,
    pilot: Autopilot,
    situation: Situation,
    now: UnixTime,
    version: u64,
    callers: u32,
    records: Vec<Record>,
}

impl Game {
    /// Sessions are followed where `steps` says so.
    fn at(text: &str, steps: &str) -> Self {
        let plan = if steps.contains("session_seconds") {
            plan(steps)
        } else {
            plan(&format!("{steps}; session_seconds=0"))
        };
        Self {
            pilot: Autopilot::new(&plan, percent(text), START),
            plan,
            situation: Situation {
                percent: percent(text),
                held: None,
                outage: false,
                shadow: false,
                go: 0,
                ready: true,
                expires_at: None,
            },
            now: START,
            version: 0,
            callers: 0,
            records: Vec::new(),
        }
    }

    /// Two seconds in which so many callers, each another one, sign in at either side; `v2` says how it answers the n-th.
    fn play(&mut self, sign_ins: u32, v2: impl Fn(u32) -> Attempt) {
        let mut seen = Sightings::default();
        let moved = u32::from(self.situation.percent.basis_points()) * sign_ins / 10_000;
        for number in 0..sign_ins {
            self.callers += 1;
            let (side, attempt) = if number < moved {
                (Side::V2, v2(self.callers))
            } else {
                (Side::Legacy, Attempt::Status(200))
            };
            seen.sign_in(side, attempt, caller(self.callers), 100, self.plan.slow_ms);
        }
        self.hear(&seen);
    }

    fn hear(&mut self, seen: &Sightings) {
        self.now = self.now.plus(2);
        self.pilot.observe(&self.plan, seen, self.now);
        let Some(decision) = self.pilot.decide(&self.plan, &self.situation, self.now) else {
            return;
        };
        self.version += 1;
        self.situation.percent = decision.percent;
        let record = self.pilot.applied(&self.plan, &decision, self.version, self.now);
        self.records.push(record);
    }

    fn moves(&self) -> Vec<(Outcome, &str)> {
        let records = self.records.iter();
        records
            .map(|record| (record.outcome, record.to.as_str()))
            .collect()
    }
}

const fn well(_: u32) -> Attempt {
    Attempt::Status(200)
}

const fn fails(_: u32) -> Attempt {
    Attempt::Status(503)
}

#[test]
fn rollout_of_a_good_release_goes_to_the_end_and_says_why() {
    let mut game = Game::at("0", "10,50,100");
    for _ in 0..2_000 {
        game.play(200, well);
    }
    let moves = [
        (Outcome::Promote, "10"),
        (Outcome::Promote, "50"),
        (Outcome::Promote, "100"),
    ];
    assert_eq!(game.moves(), moves);
    let last = game.records.last().unwrap();
    assert_eq!((last.from.as_str(), last.version), ("50", 3));
    assert!(
        last.readings
            .iter()
            .all(|reading| reading.verdict == Verdict::Promote)
    );
    assert!(
        last.readings.iter().all(|reading| reading.v2.requests > 1_000),
        "{last:?}"
    );
}

#[test]
fn regression_is_rolled_back_once_until_a_person_says_go() {
    let mut game = Game::at("10", "10,50,100");
    let broken = |number: u32| Attempt::Status(if number.is_multiple_of(5) { 500 } else { 200 });
    for _ in 0..200 {
        game.play(200, broken);
    }
    assert_eq!(game.moves(), [(Outcome::RollBack, "0")]);
    assert!(game.pilot.waits_for_go());
    for _ in 0..500 {
        game.play(200, well);
    }
    assert_eq!(game.records.len(), 1, "nobody said go");
    // A go from before the roll-back is none.
    game.situation.go = game.version;
    game.play(200, well);
    assert_eq!(game.records.len(), 1);
    game.situation.go = game.version + 1;
    for _ in 0..500 {
        game.play(200, well);
    }
    assert_eq!(game.moves()[1], (Outcome::Promote, "10"));
}

#[test]
fn one_caller_moves_nobody_whatever_they_send() {
    for attempt in [
        Attempt::Status(500),
        Attempt::Status(401),
        Attempt::Status(200),
        Attempt::Timeout,
    ] {
        let mut game = Game::at("50", "50,100");
        // A month.
        for _ in 0..850 {
            let mut seen = Sightings::default();
            for side in [Side::V2, Side::Legacy] {
                seen.sign_in(side, attempt, caller(7), 90_000, game.plan.slow_ms);
            }
            // Hours pass between them.
            game.now = game.now.plus(3_000);
            game.hear(&seen);
        }
        assert_eq!(game.moves(), [], "{attempt:?}");
    }
}

#[test]
fn three_callers_are_needed_to_roll_back() {
    for (callers, rolls_back) in [(CALLERS - 1, false), (CALLERS * 3, true)] {
        let mut game = Game::at("50", "50,100");
        for round in 0..200 {
            let mut seen = Sightings::default();
            seen.sign_in(Side::V2, Attempt::Status(503), caller(round % callers), 1, 1_000);
            seen.sign_in(
                Side::Legacy,
                Attempt::Status(200),
                caller(1_000 + round),
                1,
                1_000,
            );
            game.now = game.now.plus(90_000);
            game.hear(&seen);
        }
        assert_eq!(game.records.len() == 1, rolls_back, "{callers}");
    }
}

#[test]
fn outage_is_set_aside() {
    let mut game = Game::at("10", "10,50");
    for _ in 0..5 {
        for _ in 0..100 {
            game.play(100, well);
        }
        // Up to ten seconds pass before sign-ins are sent back.
        for _ in 0..5 {
            game.play(100, fails);
        }
        game.situation.outage = true;
        for probe in 0..10 {
            game.play(100, well);
            game.pilot.probed(probe > 5);
        }
        game.situation.outage = false;
    }
    assert!(
        !game.moves().contains(&(Outcome::RollBack, "0")),
        "{:?}",
        game.moves()
    );
}

#[test]
fn v2_that_fails_twice_while_it_calls_itself_ready_is_rolled_back() {
    let mut game = Game::at("10", "10,50");
    for round in 0..2 {
        assert!(game.moves().is_empty(), "{round}");
        game.situation.outage = true;
        game.play(0, well);
        game.pilot.probed(true);
        game.pilot.probed(true);
        game.situation.outage = false;
        game.play(0, well);
    }
    assert_eq!(game.moves(), [(Outcome::RollBack, "0")]);
}

#[test]
fn nothing_is_decided_while_something_forbids_it() {
    let mut game = Game::at("10", "10,50,100");
    game.situation.held = Some("kill_switch");
    for _ in 0..1_000 {
        game.play(200, fails);
    }
    assert_eq!(game.moves(), []);
}

#[test]
fn first_step_waits_for_v2_and_for_shadow_reads() {
    let mut game = Game::at("0", "10,50,100");
    game.situation.ready = false;
    game.play(200, well);
    assert_eq!(game.moves(), []);
    game.situation.shadow = true;
    for _ in 0..50 {
        let mut seen = Sightings::default();
        for _ in 0..10 {
            game.callers += 1;
            seen.shadow_read(caller(game.callers), true);
        }
        game.now = game.now.plus(4_000);
        game.hear(&seen);
    }
    game.situation.ready = true;
    game.play(200, well);
    assert_eq!(game.moves(), [], "v2 says otherwise than the legacy service");
    let readings = game.pilot.readings(&game.plan, true);
    assert_eq!(readings[3].verdict, Verdict::RollBack, "{readings:?}");
}

#[test]
fn slow_release_is_rolled_back() {
    let mut game = Game::at("50", "50,100");
    for _ in 0..60 {
        let mut seen = Sightings::default();
        for number in 0..50 {
            game.callers += 1;
            let side = if number % 2 == 0 { Side::V2 } else { Side::Legacy };
            let took_ms = if side == Side::V2 { 1_500 } else { 40 };
            seen.sign_in(
                side,
                Attempt::Status(200),
                caller(game.callers),
                took_ms,
                game.plan.slow_ms,
            );
        }
        game.hear(&seen);
    }
    assert_eq!(game.moves(), [(Outcome::RollBack, "0")]);
}

#[test]
fn evidence_begins_again_where_a_person_moves_the_percentage() {
    let mut game = Game::at("10", "10,50,100");
    for _ in 0..20 {
        game.play(200, well);
    }
    assert!(game.pilot.readings(&game.plan, false)[0].v2.requests > 0);
    game.situation.percent = percent("20");
    game.play(0, well);
    assert_eq!(game.pilot.readings(&game.plan, false)[0].v2.requests, 0);
    assert_eq!(game.pilot.since, game.now);
}

#[test]
fn own_override_is_renewed_before_it_expires() {
    let mut game = Game::at("10", "10,50,100");
    game.situation.expires_at = Some(START.plus(8 * 86_400));
    game.play(1, well);
    assert_eq!(game.moves(), []);
    game.now = game.now.plus(2 * 86_400);
    game.play(1, well);
    assert_eq!(game.moves(), [(Outcome::Renew, "10")]);
}

#[test]
fn sightings_travel_and_nonsense_is_nothing() {
    let mut seen = Sightings::default();
    seen.sign_in(Side::V2, Attempt::Status(401), caller(1), 2_000, 1_000);
    seen.sign_in(Side::V2, Attempt::Timeout, caller(1), 2_000, 1_000);
    seen.sign_in(Side::Legacy, Attempt::Timeout, caller(1), 2_000, 1_000);
    seen.shadow_read(caller(2), true);
    // A body that broke says nothing about either side.
    seen.sign_in(Side::V2, Attempt::Interrupted, caller(3), 1, 1_000);
    assert_eq!(seen.iter().count(), 3, "the first of a caller's counts");
    let first = seen.iter().next().unwrap();
    assert!(first.wrong_password && first.slow && !first.failed);
    assert_eq!(Sightings::from_texts(&seen.to_text(), ""), seen);
    for number in 0..2_000 {
        seen.shadow_read(caller(number), false);
    }
    assert_eq!(seen.iter().count(), MOST);
    assert_eq!(Sightings::from_texts(&seen.to_text(), ""), seen);
    for nonsense in ["", "A", "AAAAA", "not base64url!", &"A".repeat(4 * MOST + 4)] {
        assert_eq!(
            Sightings::from_texts(nonsense, nonsense).iter().count(),
            0,
            "{nonsense}"
        );
    }
    // Bits that an isolate of a later version may set.
    assert_eq!(Sightings::from_texts("_____", "").iter().count(), 0);
}

#[test]
fn plan_is_read() {
    assert_eq!(Plan::parse("off"), Ok(None));
    let usual = plan("on");
    let mut steps = vec![Percentage::NOBODY];
    while let Some(next) = usual.after(*steps.last().unwrap()) {
        steps.push(next);
    }
    assert_eq!(steps, ["0", "1", "5", "10", "25", "50", "80", "100"].map(percent));
    assert_eq!((usual.slow_ms, usual.error_percent), (1_000, 1));
    assert_eq!(
        (usual.session_seconds, plan("on; session_seconds=0").follows()),
        (3_600, None)
    );
    let own = plan("0.5, 20 ; slow_ms=2500; error_percent=5");
    assert_eq!(own.after(percent("0.5")), Some(percent("20")));
    assert_eq!(own.after(percent("20")), None);
    assert_eq!((own.slow_ms, own.error_percent), (2_500, 5));
    assert!((own.error() - 0.05).abs() < 1e-9);
    assert_eq!(own.steps(), 3);
    for bad in [
        "",
        "yes",
        "0,10",
        "10,10",
        "20,10",
        "101",
        "on; slow=1",
        "on; slow_ms=9",
        "on; error_percent=0",
        "on; session_seconds=9",
        "on; session_seconds=43201",
        "on;",
    ] {
        assert!(Plan::parse(bad).is_err(), "{bad}");
    }
}
