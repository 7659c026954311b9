//! `cargo xtask smoke`: one user's way through a stack of its own, a line a step.

use std::collections::BTreeSet;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use stack::fault::{Done, Fault};
use stack::http::{self, Answer};
use stack::{Addresses, Issuer, Plan, Stack, console, paths, run};

const AT_ONCE: usize = 100;

/// Options of `cargo xtask smoke`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Signed tokens and a key server instead of the emulator: the production path.
    #[arg(long)]
    pub rs256: bool,
}

/// Brings up a stack on free ports and plays the user.
pub fn run(options: &Options) -> Done {
    // Registered so that Ctrl-C runs our cleaning up.
    let _stop = stack::stop_signal()?;
    let issuer = if options.rs256 {
        Issuer::KeyServer
    } else {
        Issuer::Emulator
    };
    let mut stack = Stack::up(&Plan::throw_away(issuer))?;
    println!();
    let played = play(&mut stack);
    drop(stack);
    played?;
    println!("\nAll ok.");
    Ok(())
}

/// Plays the user; stops and starts the stack's database on the way.
pub fn play(stack: &mut Stack) -> Done {
    let addresses = stack.addresses.clone();
    let me = format!("{}/v1/auth/me", addresses.edge);

    let token = console::step("sign up", || sign_up(&addresses, "ada"))?.0;
    let id = console::step("first call makes the row", || {
        let answer = ask(&me, &token)?;
        expect(&answer, 200, None)?;
        let body = answer.json();
        let id = text(&body, "/data/user/id")?;
        equal(
            "token_balance",
            body.pointer("/data/user/token_balance"),
            // Welcome tokens come with a proven address. The emulator's sign-up proves none.
            &json!(if addresses.emulator.is_some() { 0 } else { 3 }),
        )?;
        equal("rows", Some(&rows(&addresses, "ada")?), &json!(1))?;
        Ok(Quiet(id))
    })?
    .0;
    console::step("second call: same user, no second row", || {
        let answer = ask(&me, &token)?;
        expect(&answer, 200, None)?;
        equal("id", answer.json().pointer("/data/user/id"), &json!(id))?;
        equal("rows", Some(&rows(&addresses, "ada")?), &json!(1))
    })?;
    console::step("verify-token answers for services", || {
        let answer = http::post(
            &format!("{}/v1/auth/verify-token", addresses.edge),
            &[],
            &json!({ "token": token }),
        )
        .map_err(silent)?;
        expect(&answer, 200, None)?;
        equal("valid", answer.json().pointer("/data/valid"), &json!(true))?;
        equal("id", answer.json().pointer("/data/user/id"), &json!(id))
    })?;
    console::step("a legacy token names the same kind of user", || {
        legacy(&addresses)
    })?;
    console::step("a tampered token is refused by its code", || {
        let signed = addresses.key_server.is_some();
        let answer = ask(&me, &tampered(&token, if signed { "email" } else { "sub" })?)?;
        let code = if signed {
            "TOKEN_SIGNATURE_INVALID"
        } else {
            "TOKEN_SUBJECT"
        };
        expect(&answer, 401, Some(code))?;
        match answer.header("www-authenticate") {
            Some(challenge) if challenge.starts_with("Bearer error=\"invalid_token\"") => Ok(()),
            other => Err(wrong(format!("WWW-Authenticate is {other:?}"))),
        }
    })?;
    console::step(&format!("{AT_ONCE} first calls at once: one row, one id"), || {
        crowd(&addresses, &me)
    })?;
    console::step("database stopped: 503, not 401", || {
        stack.stop_database()?;
        let answer = ask(&me, &token)?;
        expect(&answer, 503, Some("DATABASE_UNAVAILABLE"))?;
        answer
            .header("retry-after")
            .map(drop)
            .ok_or_else(|| wrong("no Retry-After"))
    })?;
    console::step("database started: 200 again", || {
        stack.start_database()?;
        let started = Instant::now();
        loop {
            let answer = ask(&me, &token)?;
            if answer.status == 200 {
                return equal("id", answer.json().pointer("/data/user/id"), &json!(id));
            }
            if started.elapsed() > Duration::from_secs(20) {
                return expect(&answer, 200, None);
            }
            thread::sleep(Duration::from_millis(100));
        }
    })
}

/// A value that is not worth showing.
struct Quiet(String);

impl console::StepResult for Quiet {}

/// A new user's ID token.
fn sign_up(addresses: &Addresses, name: &str) -> Done<Quiet> {
    let email = format!("{name}@example.com");
    let answer = match (&addresses.emulator, &addresses.key_server) {
        (Some(emulator), _) => http::post(
            &format!("{emulator}/identitytoolkit.googleapis.com/v1/accounts:signUp?key=smoke"),
            &[],
            &json!({ "email": email, "password": "correct horse 1", "returnSecureToken": true }),
        ),
        (None, Some(server)) => http::post(
            &format!("{server}/mint"),
            &[],
            &json!({ "kind": "firebase", "project": addresses.project, "uid": format!("uid-{name}"), "email": email }),
        ),
        (None, None) => return Err(wrong("nobody issues tokens")),
    }
    .map_err(silent)?;
    expect(&answer, 200, None)?;
    let field = if addresses.emulator.is_some() {
        "/idToken"
    } else {
        "/token"
    };
    text(&answer.json(), field).map(Quiet)
}

fn legacy(addresses: &Addresses) -> Done {
    let user = json!({ "username": "grace", "email": "grace@example.com", "password": "old password 1" });
    let answer = http::post(&format!("{}/auth/register", addresses.legacy), &[], &user).map_err(silent)?;
    expect(&answer, 201, None)?;
    let token = text(&answer.json(), "/data/token")?;
    let id = text(&answer.json(), "/data/user/id")?;
    let through_edge = ask(&format!("{}/v1/auth/me", addresses.edge), &token)?;
    expect(&through_edge, 200, None)?;
    equal("id", through_edge.json().pointer("/data/user/id"), &json!(id))?;
    let profile = ask(&format!("{}/auth/profile", addresses.edge), &token)?;
    expect(&profile, 200, None)?;
    match profile.header("x-auth-route") {
        Some("legacy") => Ok(()),
        other => Err(wrong(format!("a legacy token went to {other:?}"))),
    }
}

fn crowd(addresses: &Addresses, me: &str) -> Done {
    let token = sign_up(addresses, "crowd")?.0;
    let answers: Vec<Done<Answer>> = thread::scope(|scope| {
        let callers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(|| ask(me, &token))).collect();
        callers
            .into_iter()
            .map(|caller| caller.join().unwrap_or_else(|_| Err(wrong("a caller panicked"))))
            .collect()
    });
    let mut ids = BTreeSet::new();
    for answer in answers {
        let answer = answer?;
        expect(&answer, 200, None)?;
        ids.insert(text(&answer.json(), "/data/user/id")?);
    }
    equal("ids", Some(&json!(ids.len())), &json!(1))?;
    equal("rows", Some(&rows(addresses, "crowd")?), &json!(1))
}

/// The token with another value in `claim`: breaks the signature, or, where there is none, makes `sub` and `user_id` differ.
fn tampered(token: &str, claim: &str) -> Done<String> {
    let mut parts: Vec<&str> = token.split('.').collect();
    let payload = parts
        .get_mut(1)
        .ok_or_else(|| wrong("the token has no payload"))?;
    let decoded = URL_SAFE_NO_PAD.decode(&payload).map_err(wrong)?;
    let changed = String::from_utf8_lossy(&decoded).replacen(
        &format!("\"{claim}\":\""),
        &format!("\"{claim}\":\"x"),
        1,
    );
    let changed = URL_SAFE_NO_PAD.encode(changed);
    *payload = &changed;
    Ok(parts.join("."))
}

fn rows(addresses: &Addresses, name: &str) -> Done<Value> {
    let statement = format!("SELECT count(*) AS n FROM auth.users WHERE email = '{name}@example.com'");
    let mut command = Command::new(paths::debug_binary("sql"));
    command.arg(statement).env("DATABASE_URL", &addresses.database);
    let text = run::output(&mut command).ok_or_else(|| wrong("the database does not answer"))?;
    let row: Value = serde_json::from_str(&text).map_err(wrong)?;
    row.get("n").cloned().ok_or_else(|| wrong(text))
}

fn ask(url: &str, token: &str) -> Done<Answer> {
    http::get(url, &[("authorization", &format!("Bearer {token}"))]).map_err(silent)
}

fn expect(answer: &Answer, status: u16, code: Option<&str>) -> Done {
    let found = answer.json();
    let found_code = found.pointer("/error/code").and_then(Value::as_str);
    if answer.status == status && (code.is_none() || found_code == code) {
        Ok(())
    } else {
        let code = code.map(|code| format!(" {code}")).unwrap_or_default();
        Err(wrong(format!(
            "expected {status}{code}, got {}: {}",
            answer.status, answer.text
        )))
    }
}

fn equal(name: &str, found: Option<&Value>, expected: &Value) -> Done {
    if found == Some(expected) {
        Ok(())
    } else {
        Err(wrong(format!("{name} is {found:?}, expected {expected}")))
    }
}

fn text(body: &Value, pointer: &str) -> Done<String> {
    body.pointer(pointer)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| wrong(format!("no {pointer} in {body}")))
}

fn wrong(reason: impl std::fmt::Display) -> Fault {
    Fault::new("smoke", reason).hint(format!(
        "the services' logs are in {}",
        paths::working("logs").display()
    ))
}

fn silent(reason: impl std::fmt::Display) -> Fault {
    wrong(format!("no answer: {reason}"))
}
