//! Sessions: what follows a sign-in, on either side.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::guardrail::Count;

const STEPS: &str = "50,100; session_seconds=3600";

/// What users of one side do once they are signed in.
#[derive(Clone, Copy)]
struct Habit {
    /// So many of ten make a call soon after.
    call: u32,
    /// So many of ten use their session after an hour.
    stay: u32,
}

const USUAL: Habit = Habit { call: 9, stay: 4 };

/// Ten sign-ins of either side every half minute for so long, and the calls that follow them.
fn play(game: &mut Game, seconds: i64, v2: Habit, legacy: Habit) {
    let mut began: Vec<(UnixTime, u32, Side)> = Vec::new();
    let until = game.now.plus(seconds);
    while game.now < until && game.records.is_empty() {
        let mut seen = Sightings::default();
        for number in 0..20 {
            game.callers += 1;
            let side = if number % 2 == 0 { Side::V2 } else { Side::Legacy };
            let (caller, user) = (caller(game.callers), UserMark::from_bits(game.callers));
            seen.sign_in(side, Attempt::Status(200), caller, 40, 1_000);
            seen.session(side, Attempt::Status(200), caller, user);
            began.push((game.now, game.callers, side));
        }
        began.retain(|(began, ..)| game.now.since(*began) <= 3_900);
        for &(began, user, side) in &began {
            let age = game.now.since(began);
            let habit = if side == Side::V2 { v2 } else { legacy };
            let luck = user / 2 % 10;
            if age == 60 && luck < habit.call || age == 3_900 && luck < habit.stay {
                assert!(seen.sessions.used(UserMark::from_bits(user), age));
            }
        }
        game.now = game.now.plus(28);
        game.hear(&seen);
    }
}

fn verdict(game: &Game, name: Name) -> Verdict {
    let readings = game.pilot.readings(&game.plan, false);
    let reading = readings.iter().find(|reading| reading.guardrail == name);
    reading.unwrap().verdict
}

/// The guardrails that the only decision went by.
fn rolled_back_by(game: &Game) -> Vec<Name> {
    assert_eq!(game.moves(), [(Outcome::RollBack, "0")]);
    let readings = game.records[0].readings.iter();
    readings
        .filter(|reading| reading.verdict == Verdict::RollBack)
        .map(|reading| reading.guardrail)
        .collect()
}

#[test]
fn good_release_is_promoted_once_sessions_have_lasted() {
    let mut game = Game::at("50", STEPS);
    play(&mut game, 5_400, USUAL, USUAL);
    assert_eq!(game.moves(), [], "no session is over its time yet");
    assert_eq!(verdict(&game, Name::SessionsEnded), Verdict::Inconclusive);
    play(&mut game, 6 * 3_600, USUAL, USUAL);
    assert_eq!(game.moves(), [(Outcome::Promote, "100")]);
}

#[test]
fn tokens_that_nobody_can_use_roll_back() {
    let mut game = Game::at("50", STEPS);
    play(&mut game, 3_600, Habit { call: 0, stay: 0 }, USUAL);
    assert_eq!(rolled_back_by(&game), [Name::SignInsWithoutCall]);
}

#[test]
fn sessions_that_end_after_an_hour_roll_back() {
    let mut game = Game::at("50", STEPS);
    play(&mut game, 4 * 3_600, Habit { stay: 0, ..USUAL }, USUAL);
    assert_eq!(rolled_back_by(&game), [Name::SessionsEnded]);
    let reading = game.records[0].readings.last().unwrap();
    assert_eq!(reading.v2.events, reading.v2.requests, "all of v2's ended");
    assert!(reading.legacy.events < reading.legacy.requests, "{reading:?}");
}

#[test]
fn side_whose_users_stay_longer_is_not_rolled_back() {
    let mut game = Game::at("50", STEPS);
    play(&mut game, 6 * 3_600, Habit { call: 10, stay: 9 }, USUAL);
    assert_eq!(game.moves(), [(Outcome::Promote, "100")]);
}

#[test]
fn sites_whose_calls_do_not_pass_the_edge_are_not_held_up() {
    let never = Habit { call: 0, stay: 0 };
    let mut game = Game::at("50", STEPS);
    play(&mut game, 6 * 3_600, never, never);
    assert_eq!(game.moves(), [(Outcome::Promote, "100")]);
}

/// One sign-in at v2, then what `seen` says, an hour and more later: sign-ins and how many of them no call followed.
fn followed(then: impl Fn(&mut Sightings), after: i64) -> Count {
    let mut game = Game::at("50", STEPS);
    for number in 1..=2 {
        let mut seen = Sightings::default();
        let side = if number == 1 { Side::V2 } else { Side::Legacy };
        seen.session(
            side,
            Attempt::Status(200),
            caller(number),
            UserMark::from_bits(number),
        );
        game.hear(&seen);
    }
    let mut seen = Sightings::default();
    then(&mut seen);
    game.now = game.now.plus(after);
    game.hear(&seen);
    for _ in 0..3 {
        game.now = game.now.plus(3_700);
        game.hear(&Sightings::default());
    }
    game.pilot.readings(&game.plan, false)[3].v2
}

#[test]
fn call_counts_for_its_own_session_alone() {
    let count = |events| Count { requests: 1, events };
    let used =
        |user, age| move |seen: &mut Sightings| assert!(seen.sessions.used(UserMark::from_bits(user), age));
    assert_eq!(followed(|_| (), 60), count(1));
    assert_eq!(followed(used(1, 64), 60), count(0));
    assert_eq!(followed(used(2, 64), 60), count(1), "another user's");
    assert_eq!(
        followed(used(1, 3_700), 60),
        count(1),
        "of another device, for an hour"
    );
    assert_eq!(followed(used(1, 0), 300), count(1), "of a later sign-in");
    assert_eq!(followed(used(1, 700), 700), count(1), "too late");
    assert_eq!(followed(used(1, -9), 1), count(0), "the issuer's clock is ahead");
}

#[test]
fn one_caller_is_one_trial_however_many_accounts_they_have() {
    let mut game = Game::at("50", STEPS);
    for round in 0..100 {
        let mut seen = Sightings::default();
        for (side, address) in [(Side::V2, 1), (Side::Legacy, 2)] {
            let user = UserMark::from_bits(round * 2 + address);
            seen.session(side, Attempt::Status(200), caller(address), user);
        }
        game.now = game.now.plus(200);
        game.hear(&seen);
    }
    let reading = &game.pilot.readings(&game.plan, false)[3];
    assert!(reading.v2.requests <= 1, "{reading:?}");
}

#[test]
fn outage_ends_what_is_followed() {
    let mut game = Game::at("50", STEPS);
    let dead = Habit { call: 0, stay: 0 };
    for _ in 0..30 {
        play(&mut game, 300, dead, USUAL);
        game.situation.outage = true;
        game.hear(&Sightings::default());
        game.pilot.probed(false);
        game.situation.outage = false;
        game.hear(&Sightings::default());
    }
    assert_eq!(game.moves(), []);
}

#[test]
fn what_is_followed_survives_storage() {
    let mut game = Game::at("50", STEPS);
    play(&mut game, 4_000, USUAL, USUAL);
    let kept = serde_json::to_string(&game.pilot).unwrap();
    let read: Autopilot = serde_json::from_str(&kept).unwrap();
    let again = serde_json::to_value(&read).unwrap();
    let followed = &serde_json::from_str::<serde_json::Value>(&kept).unwrap()["step"]["trials"];
    assert!(followed["open"].as_str().is_some_and(|open| open.len() > 10_000));
    assert!(again["step"]["trials"] == *followed, "something was lost");
    assert!(kept.len() < 1_000_000, "a row holds 2 MB");
}

#[test]
fn sessions_travel_and_nonsense_is_nothing() {
    let mut seen = Sightings::default();
    seen.session(
        Side::V2,
        Attempt::Status(200),
        caller(1),
        UserMark::from_bits(0xFF12_3456),
    );
    seen.session(
        Side::Legacy,
        Attempt::Status(401),
        caller(2),
        UserMark::from_bits(2),
    );
    assert!(seen.sessions.used(UserMark::from_bits(7), 90_000));
    let told = Sightings::from_texts("", &seen.sessions.to_text());
    assert_eq!(told, seen);
    let sessions: Vec<_> = told.sessions.iter().collect();
    assert_eq!(
        sessions,
        [
            Session::Began {
                user: UserMark::from_bits(0x0012_3456),
                side: Side::V2,
                caller: caller(1).short(),
            },
            Session::Used {
                user: UserMark::from_bits(7),
                age: u16::MAX,
            },
        ],
        "who was refused has no session"
    );
    while seen.sessions.used(UserMark::from_bits(8), 1) {}
    assert_eq!(seen.sessions.iter().count(), MOST_SESSIONS);
    assert_eq!(Sightings::from_texts("", &seen.sessions.to_text()), seen);
    for nonsense in ["A", "AAAA", "not base64url!", &"A".repeat(8 * MOST_SESSIONS + 8)] {
        assert_eq!(
            Sightings::from_texts("", nonsense).sessions.iter().count(),
            0,
            "{nonsense}"
        );
    }
}
