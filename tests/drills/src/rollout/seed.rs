//! Puts everybody where they are at first: rows by SQL, accounts by the emulator's bulk import.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use stack::fault::{Done, Fault, In as _};
use stack::http::Client;
use stack::{Addresses, console, paths, run};

use super::users::{Kind, User};

const STEP: &str = "seed";
/// A statement is one argument of a program, which holds 128 KiB.
const ROWS_AT_ONCE: usize = 500;
/// What Firebase takes at once.
const ACCOUNTS_AT_ONCE: usize = 1_000;

/// Makes `number` users.
pub fn seed(addresses: &Addresses, number: u32) -> Done<Vec<User>> {
    let users: Vec<User> = (0..number).map(User::new).collect();
    console::step(&format!("{number} users"), || {
        rows(&addresses.database, &users)?;
        accounts(addresses, &users)
    })?;
    Ok(users)
}

fn rows(database: &str, users: &[User]) -> Done {
    sql(database, "CREATE EXTENSION IF NOT EXISTS pgcrypto")?;
    let with_rows: Vec<Value> = users
        .iter()
        .filter(|user| matches!(user.kind, Kind::Old | Kind::New | Kind::Migrated))
        .map(|user| {
            json!({
                "id": user.row_id(),
                "username": user.username(),
                "email": user.email(),
                "password": user.legacy_knows().then(|| user.password()),
                "uid": user.firebase_uid(),
                "provider": match user.kind {
                    Kind::Old => "local",
                    Kind::Migrated => "hybrid",
                    Kind::New | Kind::Unseen | Kind::NoAddress => "firebase",
                },
            })
        })
        .collect();
    for part in with_rows.chunks(ROWS_AT_ONCE) {
        // pgcrypto's `$2a$` and the legacy service's `$2b$` are one algorithm. Cost 4: this is not about the price of a hash.
        let statement = format!(
            "INSERT INTO auth.users (id, username, email, password_hash, token_balance, auth_provider, firebase_uid) \
             SELECT id, username, email, '$2b$' || substr(crypt(password, gen_salt('bf', 4)), 5), 3, provider, uid \
             FROM json_to_recordset('{}') \
             AS person (id uuid, username text, email text, password text, uid text, provider text)",
            Value::from(part)
        );
        sql(database, &statement)?;
    }
    Ok(())
}

fn accounts(addresses: &Addresses, users: &[User]) -> Done {
    let emulator = addresses
        .emulator
        .as_deref()
        .ok_or_else(|| Fault::new(STEP, "there is no Auth emulator"))?;
    let base = format!("{emulator}/identitytoolkit.googleapis.com/v1");
    let client = Client::new(Duration::from_secs(30));
    let with_accounts: Vec<Value> = users
        .iter()
        .filter_map(|user| {
            let uid = user.firebase_uid()?;
            Some(json!({"localId": uid, "email": user.email(), "rawPassword": user.password()}))
        })
        .collect();
    for part in with_accounts.chunks(ACCOUNTS_AT_ONCE) {
        let url = format!("{base}/projects/{}/accounts:batchCreate", addresses.project);
        let answer = client
            .post(
                &url,
                &[("authorization", "Bearer owner")],
                &json!({"users": part}),
            )
            .in_step(STEP)?;
        let refused = answer
            .json()
            .get("error")
            .and_then(Value::as_array)
            .map_or(0, Vec::len);
        if answer.status != 200 || refused > 0 {
            return Err(Fault::new(STEP, format!("batchCreate: {}", answer.text)));
        }
    }
    for user in users.iter().filter(|user| user.kind == Kind::NoAddress) {
        let url = format!("{base}/accounts:signUp?key=drill");
        let answer = client
            .post(&url, &[], &json!({"returnSecureToken": true}))
            .in_step(STEP)?;
        let answer = answer.json();
        let refresh_token = answer.get("refreshToken").and_then(Value::as_str);
        user.memory().refresh_token = refresh_token.map(str::to_owned);
    }
    Ok(())
}

fn sql(database: &str, statement: &str) -> Done {
    run::logged(
        STEP,
        "seed",
        Command::new(paths::debug_binary("sql"))
            .arg(statement)
            .env("DATABASE_URL", database),
    )
}
