//! A user with a second factor, all the while: whatever is deployed, gone or broken, the password alone signs them in nowhere.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use stack::Addresses;
use stack::fault::{Done, Fault, In as _};
use stack::http::Client;

use super::stage::Stage;

const STEP: &str = "second factor";
const PATIENCE: Duration = Duration::from_secs(10);
const PACE: Duration = Duration::from_millis(500);
const ADDRESS: &str = "203.0.113.77";

/// How often they tried, and how often a password was enough.
#[derive(Debug, Default)]
pub struct Tries {
    pub made: u64,
    pub let_in: u64,
}

/// Somebody who moved from the legacy service, then enrolled a telephone, and has signed in since: the body they sign in with.
pub fn enrolled(addresses: &Addresses) -> Done<Value> {
    let emulator = addresses
        .emulator
        .as_deref()
        .ok_or_else(|| Fault::new(STEP, "there is no Auth emulator"))?;
    let client = Client::new(PATIENCE);
    let user = json!({"email": "factor@example.com", "password": "old password 1"});
    let ask = |url: String, headers: &[(&str, &str)], body: &Value, wanted: u16| {
        let answer = client.post(&url, headers, body).in_step(STEP)?;
        if answer.status == wanted {
            Ok(answer.json())
        } else {
            Err(Fault::new(STEP, format!("{url} answered {}", answer.status)))
        }
    };
    let mut new = user.clone();
    new["username"] = "factor".into();
    ask(format!("{}/auth/register", addresses.legacy), &[], &new, 201)?;
    let log_in = format!("{}/v1/auth/login", addresses.origin);
    let session = ask(log_in.clone(), &[], &user, 200)?;
    let enrolment = json!({
        "localId": session["data"]["uid"], "emailVerified": true,
        "mfa": {"enrollments": [{"mfaEnrollmentId": "telephone", "phoneInfo": "+15555550101"}]},
    });
    let accounts = format!(
        "{emulator}/identitytoolkit.googleapis.com/v1/projects/{}/accounts:update",
        addresses.project
    );
    ask(accounts, &[("authorization", "Bearer owner")], &enrolment, 200)?;
    ask(log_in, &[], &user, 403)?;
    Ok(user)
}

/// Keeps `user` at it for as long as `meanwhile` takes. Returns what it returns, and what became of the tries.
pub fn at_it<T>(stage: &Stage, user: &Value, meanwhile: impl FnOnce() -> T) -> (T, Tries) {
    let (done, made, let_in) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            let client = Client::new(PATIENCE);
            while !done.load(Ordering::Relaxed) && !stage.is_stopped() {
                let deployment = stage.deployment();
                let url = format!("{}/auth/login", deployment.url);
                let headers = deployment.headers(&[("cf-connecting-ip", ADDRESS)]);
                if let Ok(answer) = client.post(&url, &headers, user) {
                    made.fetch_add(1, Ordering::Relaxed);
                    let_in.fetch_add(u64::from(answer.status == 200), Ordering::Relaxed);
                }
                thread::sleep(PACE);
            }
        });
        let result = meanwhile();
        done.store(true, Ordering::Relaxed);
        result
    });
    let tries = Tries {
        made: made.into_inner(),
        let_in: let_in.into_inner(),
    };
    (result, tries)
}
