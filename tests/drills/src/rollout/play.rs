//! What a user does on a visit: they use the token that they hold, sign in again, have the new token verified, and call a service.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use shared::routing::Side;
use stack::http::Client;

use super::deployment::ADDRESS;
use super::judge::{self, Call, Seen};
use super::rehearsal::Routed;
use super::services::{self, Served};
use super::stage::Stage;
use super::users::{SignsInBy, Token, User};

/// Longer than any answer of the edge may take: it gives up on two sides after three seconds each.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many users are watched closely while things change.
const WATCHED: usize = 80;
/// How often a watched user comes by.
const PACE: Duration = Duration::from_millis(1_200);
/// How often somebody tries who comes by once.
const ATTEMPTS: usize = 5;

/// Everybody comes by once and signs in. Half of them, of every kind, also read their profiles with the token they hold, the other
/// half have the new one verified; in turns from one deployment to the next.
pub fn everybody(stage: &Stage) {
    let next = AtomicUsize::new(0);
    let (first, second) = if stage.deployment().number.is_multiple_of(2) {
        (Uses::New, Uses::Held)
    } else {
        (Uses::Held, Uses::New)
    };
    thread::scope(|scope| {
        for _ in 0..stage.at_once {
            scope.spawn(|| {
                let client = Client::new(PATIENCE);
                while let Some(user) = stage.users.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let uses = if user.number % 20 < 10 { first } else { second };
                    // Whoever is not served tries again, as anybody does.
                    for _ in 0..ATTEMPTS {
                        if stage.is_stopped() || visit(stage, &client, user, uses) {
                            break;
                        }
                        thread::sleep(PACE);
                    }
                }
            });
        }
    });
}

/// The users who are watched closely: the first ones, of every kind.
pub fn watched(stage: &Stage) -> &[User] {
    stage.users.get(..WATCHED).unwrap_or(&stage.users)
}

/// Watched users come by again and again for as long as `meanwhile` takes.
pub fn while_watching<T>(stage: &Stage, meanwhile: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    let users = watched(stage);
    let share = users.len().div_ceil(stage.at_once.max(1));
    thread::scope(|scope| {
        for users in users.chunks(share.max(1)) {
            let done = &done;
            scope.spawn(move || rounds(stage, users, done));
        }
        let result = meanwhile();
        done.store(true, Ordering::Relaxed);
        result
    })
}

fn rounds(stage: &Stage, users: &[User], done: &AtomicBool) {
    let client = Client::new(PATIENCE);
    while !done.load(Ordering::Relaxed) && !stage.is_stopped() {
        let round = Instant::now();
        for user in users {
            visit(stage, &client, user, Uses::Both);
        }
        thread::sleep(PACE.saturating_sub(round.elapsed()));
    }
}

/// What somebody does with their tokens, beside signing in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Uses {
    /// Reads the profile with the one held from before.
    Held,
    /// Has the new one verified.
    New,
    Both,
}

/// Whether everything worked.
fn visit(stage: &Stage, client: &Client, user: &User, uses: Uses) -> bool {
    let began = Instant::now();
    let held = user.memory().token.clone().filter(|_| uses != Uses::New);
    let mut well = true;
    if let Some(token) = held {
        well &= read_profile(stage, client, user, &token);
    }
    match sign_in(stage, client, user) {
        Some(_) if uses == Uses::Held => {}
        Some(token) => well &= verify(stage, client, user, &token),
        None => well = false,
    }
    let served = services::call(stage, client, user);
    well &= served != Served::No;
    let mut memory = user.memory();
    if !well {
        memory.out_since.get_or_insert(began);
        return false;
    }
    let now = Instant::now();
    if served == Served::Yes {
        memory.well_at = Some(now);
    }
    if let Some(since) = memory.out_since.take() {
        let outage = now.duration_since(since);
        stage.record(|row| row.longest_outage = row.longest_outage.max(outage));
    }
    true
}

fn read_profile(stage: &Stage, client: &Client, user: &User, token: &Token) -> bool {
    let deployment = stage.deployment();
    let began = Instant::now();
    let answer = client.get(
        &format!("{}/auth/profile", deployment.url),
        &deployment.headers(&[
            ("authorization", &format!("Bearer {}", token.text)),
            (ADDRESS, &user.address()),
        ]),
    );
    judge::judge(
        stage,
        user,
        &Seen::new(Call::Profile, Some(token.issuer), deployment, began, answer),
    )
}

fn verify(stage: &Stage, client: &Client, user: &User, token: &Token) -> bool {
    let deployment = stage.deployment();
    let began = Instant::now();
    let url = format!("{}/auth/verify-token", deployment.url);
    let address = user.address();
    let headers = deployment.headers(&[(ADDRESS, &address)]);
    let answer = client.post(&url, &headers, &json!({"token": token.text}));
    judge::judge(
        stage,
        user,
        &Seen::new(Call::Verify, Some(token.issuer), deployment, began, answer),
    )
}

/// The token, if there is one.
fn sign_in(stage: &Stage, client: &Client, user: &User) -> Option<Token> {
    let deployment = stage.deployment();
    let (path, body) = match user.by {
        SignsInBy::Address => (
            "/auth/login",
            json!({"email": user.email(), "password": user.password()}),
        ),
        SignsInBy::Username => (
            "/auth/login",
            json!({"username": user.username(), "password": user.password()}),
        ),
        SignsInBy::RefreshToken => (
            "/v1/auth/refresh",
            json!({"refreshToken": user.memory().refresh_token}),
        ),
    };
    let call = match user.by {
        SignsInBy::Address | SignsInBy::Username => Call::SignIn,
        SignsInBy::RefreshToken => Call::Refresh,
    };
    let began = Instant::now();
    let url = format!("{}{path}", deployment.url);
    let address = user.address();
    let name = stage.rehearsal.name();
    let headers = deployment.headers(&[(ADDRESS, &address), ("x-request-id", &name)]);
    let answer = client.post(&url, &headers, &body);
    if let (Call::SignIn, Ok(answer)) = (call, &answer) {
        stage
            .rehearsal
            .note(name, Routed::new(user, &deployment, began, answer));
    }
    let body = answer.as_ref().map(stack::http::Answer::json).unwrap_or_default();
    let text = body
        .pointer("/data/token")
        .or_else(|| body.pointer("/data/idToken"))
        .and_then(Value::as_str)
        .map(str::to_owned);
    let token = text.and_then(|text| {
        let issuer = issuer(&text)?;
        Some(Token { text, issuer })
    });
    let issuer = token.as_ref().map(|token| token.issuer);
    let well = judge::judge(stage, user, &Seen::new(call, issuer, deployment, began, answer));
    if well {
        let mut memory = user.memory();
        let before = std::mem::replace(&mut memory.token, token.clone());
        if before.as_ref().map(|before| before.issuer) != issuer {
            memory.token_before_move = before.or_else(|| memory.token_before_move.take());
        }
        if let Some(refresh_token) = body.pointer("/data/refreshToken").and_then(Value::as_str) {
            memory.refresh_token = Some(refresh_token.to_owned());
        }
    }
    token.filter(|_| well)
}

/// Who issued a token, by what it says itself.
fn issuer(token: &str) -> Option<Side> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    match claims.get("iss")?.as_str()? {
        "atma-auth-service" => Some(Side::Legacy),
        iss if iss.starts_with("https://securetoken.google.com/") => Some(Side::V2),
        // What the old contract answers.
        iss if iss.starts_with("https://session.firebase.google.com/") => Some(Side::V2),
        _ => None,
    }
}
