//! A rehearsal says for each call to which side the edge really sends it.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::edges::edge;
use crate::puppet::Puppet;
use crate::stack;

const PERCENT: &str = "37.5";

/// Sign-ins, password mails and registrations, by address in any spelling and without one.
fn calls() -> Vec<(&'static str, Value)> {
    let by_address = |number: u32, path| {
        (
            path,
            json!({ "email": format!("user-{number}@example.com"), "password": "x" }),
        )
    };
    let mut calls: Vec<_> = (0..120)
        .flat_map(|number| {
            [
                by_address(number, "/auth/login"),
                by_address(number, "/api/auth/login"),
                by_address(number, "/auth/register"),
            ]
        })
        .collect();
    for body in [
        json!({ "email": " User-7@EXAMPLE.com ", "password": "x" }),
        json!({ "username": "user-7", "password": "x" }),
        json!({ "email": 7 }),
        json!({}),
    ] {
        calls.push(("/auth/login", body.clone()));
        calls.push(("/auth/forgot-password", body));
    }
    calls
}

#[tokio::test]
async fn rehearsal_predicts_the_side_and_the_reason_of_every_call() {
    let (v2, legacy) = (Puppet::start().await, Puppet::start().await);
    let edge = edge()
        .between(&v2, &legacy)
        .with("ROLLOUT_PERCENT", PERCENT)
        .start()
        .await;
    let (mut entries, mut answered) = (Vec::new(), Vec::new());
    for (path, body) in calls() {
        let answer = edge.api.post(path, &body).send().await.expect(200);
        let header = |name| answer.header(name).unwrap_or_default().to_owned();
        answered.push((header("x-auth-route"), header("x-auth-route-reason")));
        entries.push(json!({
            "startedDateTime": "2026-11-01T08:00:00Z",
            "request": {
                "method": "POST",
                "url": format!("https://api.example.com{path}"),
                "postData": { "text": body.to_string() },
            },
        }));
    }
    let file = std::env::temp_dir().join(format!("{}.har", Uuid::new_v4()));
    std::fs::write(&file, json!({ "log": { "entries": entries } }).to_string()).unwrap();
    let path = file.to_string_lossy();
    let options = ["--percent", PERCENT, "--each", "--env", "development"];
    let printed = stack::xtask(&[&["rollout", "rehearse", &*path], &options[..]].concat()).await;
    std::fs::remove_file(&file).unwrap();

    let mut predicted = 0;
    for line in printed.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let [number, side, reason] = *words else { continue };
        let Ok(number) = number.parse::<usize>() else {
            continue;
        };
        let (route, why) = &answered[number - 1];
        assert_eq!(
            (side, reason),
            (route.as_str(), why.as_str()),
            "{}",
            entries[number - 1]
        );
        predicted += 1;
    }
    assert_eq!(predicted, entries.len(), "{printed}");
    let at_v2 = answered.iter().filter(|(route, _)| route == "v2").count();
    assert!(at_v2 > 50 && at_v2 < entries.len() - 50, "{at_v2}");
    edge.end().await;
}
