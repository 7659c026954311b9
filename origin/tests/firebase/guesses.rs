//! Limits on guesses and floods: which callers are slowed down, and which never are.

use std::time::{Duration, Instant};

use limits::Whose;
use serde_json::json;
use shared::assertion::{Assertion, ORIGIN_AUDIENCE};
use shared::ids::RequestId;
use shared::time::UnixTime;

use crate::google::{OTHER, PASSWORD, World};
use crate::support::{Answer, now, send, with_json};

/// `POST path` as the edge forwards it for a client at `address`.
async fn call_from(world: &World, address: &str, path: &str, body: &serde_json::Value) -> Answer {
    let assertion = Assertion {
        audience: ORIGIN_AUDIENCE,
        method: "POST",
        path,
        request_id: &RequestId::parse("edge-request-1").unwrap(),
        client_ip: Some(address),
        identity: None,
        user: None,
    };
    let keys = &world.app.app.config.assertion_keys;
    let sealed = keys.seal(&assertion, UnixTime::from_secs(now())).unwrap();
    let request = world
        .app
        .request("POST", path)
        .header("x-crossfade-assertion", sealed);
    send(with_json(request, body)).await
}

async fn log_in_from(world: &World, address: &str, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    call_from(world, address, "/v1/auth/login", &body).await
}

fn assert_slowed_down(answer: &Answer) {
    assert_eq!(
        (answer.status, answer.code()),
        (429, "RATE_LIMITED"),
        "{}",
        answer.body
    );
    let seconds: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=7200).contains(&seconds), "{seconds}");
}

const LIMITED: [(&str, &str); 1] = [("RATE_LIMITS", "login=100000/60")];

#[tokio::test]
async fn network_is_slowed_down_after_five_failures_and_the_owner_elsewhere_is_not() {
    let world = World::start_with(&LIMITED).await;
    world.local("ann@example.org", PASSWORD, 4).await;
    for attempt in 0..5 {
        // The /64 is one caller, in any spelling of its addresses.
        let address = format!("2001:db8:0:7::{attempt}");
        log_in_from(&world, &address, "ann@example.org", OTHER)
            .await
            .expect(401);
    }
    for email in ["ann@example.org", "Ann@Example.org "] {
        let refused = log_in_from(&world, "2001:DB8:0:7:ffff::1", email, PASSWORD).await;
        assert_slowed_down(&refused);
    }
    // Unknown accounts are counted alike: the answer does not reveal who has one.
    for _ in 0..5 {
        log_in_from(&world, "192.0.2.1", "nobody@example.org", OTHER)
            .await
            .expect(401);
    }
    assert_slowed_down(&log_in_from(&world, "::ffff:192.0.2.1", "nobody@example.org", OTHER).await);

    log_in_from(&world, "2001:db8:0:8::1", "ann@example.org", PASSWORD)
        .await
        .expect(200);
    // A success pays the caller's debt.
    for _ in 0..3 {
        log_in_from(&world, "192.0.2.2", "ann@example.org", OTHER)
            .await
            .expect(401);
        log_in_from(&world, "192.0.2.2", "ann@example.org", OTHER)
            .await
            .expect(401);
        log_in_from(&world, "192.0.2.2", "ann@example.org", PASSWORD)
            .await
            .expect(200);
    }
}

/// A thousand addresses at one account, one address at a thousand accounts, and the owner all the time.
#[tokio::test]
async fn strangers_never_keep_the_owner_out() {
    let world = World::start_with(&LIMITED).await;
    world.local("ann@example.org", PASSWORD, 4).await;
    let (mut guesses, mut slowed) = (0, 0);
    for round in 0..50 {
        let strangers = (0..20).map(|n| {
            let address = format!("10.0.{round}.{n}");
            let world = &world;
            async move {
                let one = log_in_from(world, &address, "ann@example.org", OTHER).await;
                let other = log_in_from(world, &address, "ann@example.org", "third-horse_3").await;
                let sprayed = format!("user{round}-{n}@example.org");
                let spray = log_in_from(world, "203.0.113.9", &sprayed, OTHER).await;
                [one.status, other.status, spray.status]
            }
        });
        for statuses in join_all(strangers).await {
            for status in statuses {
                match status {
                    401 => guesses += 1,
                    429 => slowed += 1,
                    other => panic!("{other}"),
                }
            }
        }
        // Each time from another network, moved or not.
        let from = format!("2001:db8:{round}::1");
        let owner = log_in_from(&world, &from, "ann@example.org", PASSWORD).await;
        assert_eq!(owner.status, 200, "round {round}: {}", owner.body);
    }
    // One guess of each address, some more before the account counts as under attack, 30 from the address at many accounts.
    assert!(guesses <= 1000 + 40 + 40, "{guesses} guesses");
    assert!(slowed >= 1900, "{slowed}");
}

async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut waiting = false;
        for (future, output) in &mut futures {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => waiting = true,
                }
            }
        }
        if waiting {
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(())
        }
    })
    .await;
    futures.into_iter().filter_map(|(_, output)| output).collect()
}

#[tokio::test]
async fn each_network_has_a_quota_that_headers_state() {
    let world = World::start_with(&[("RATE_LIMITS", "refresh=2/600")]).await;
    let refresh = json!({"refreshToken": "x"});
    for _ in 0..2 {
        call_from(&world, "192.0.2.1", "/v1/auth/refresh", &refresh)
            .await
            .expect(401);
    }
    let refused = call_from(&world, "192.0.2.1", "/v1/auth/refresh", &refresh).await;
    assert_slowed_down(&refused);
    assert_eq!(refused.header("ratelimit-policy"), Some("\"refresh\";q=2;w=600"));
    assert!(
        refused
            .header("ratelimit")
            .unwrap()
            .starts_with("\"refresh\";r=0;t=")
    );
    call_from(&world, "192.0.2.2", "/v1/auth/refresh", &refresh)
        .await
        .expect(401);
    // Callers without a confirmed address are not one caller.
    for _ in 0..5 {
        world.post("refresh", &refresh).await.expect(401);
    }
}

/// A repeated registration with the right password signs the user in, which allows guesses.
#[tokio::test]
async fn registering_again_counts_as_a_guess() {
    let world = World::start_with(&[("RATE_LIMITS", "register=1000/60")]).await;
    world.registered("ann@example.org").await;
    for _ in 0..5 {
        let body = json!({"email": "ann@example.org", "password": OTHER});
        call_from(&world, "192.0.2.1", "/v1/auth/register", &body)
            .await
            .expect(409);
    }
    let body = json!({"email": "ann@example.org", "password": PASSWORD});
    assert_slowed_down(&call_from(&world, "192.0.2.1", "/v1/auth/register", &body).await);
    assert_slowed_down(&log_in_from(&world, "192.0.2.1", "ann@example.org", PASSWORD).await);
    call_from(&world, "192.0.2.2", "/v1/auth/register", &body)
        .await
        .expect(201);
}

#[tokio::test]
async fn outage_counts_as_no_failed_guess() {
    let world = World::start_with(&LIMITED).await;
    world.registered("ann@example.org").await;
    world.google_will(json!({"down": true}));
    for _ in 0..7 {
        log_in_from(&world, "192.0.2.1", "ann@example.org", PASSWORD)
            .await
            .expect(503);
    }
    world.google_will(json!({"down": false}));
    log_in_from(&world, "192.0.2.1", "ann@example.org", PASSWORD)
        .await
        .expect(200);
}

#[tokio::test]
async fn busy_password_checks_answer_every_user_alike() {
    let world = World::start_with(&LIMITED).await;
    world.local("local@example.org", PASSWORD, 4).await;
    world.local("moved@example.org", PASSWORD, 4).await;
    world.log_in("moved@example.org", PASSWORD).await.expect(200);
    world.registered("registered@example.org").await;

    let accounts = &world.app.app.accounts;
    let (full, mut filled) = tokio::sync::mpsc::unbounded_channel();
    let waiting: Vec<_> = (0..200)
        .map(|n| {
            let (passwords, full) = (accounts.passwords.clone(), full.clone());
            let account = accounts.limits.account(&format!("filler{n}"));
            tokio::spawn(async move {
                match passwords.turn(Whose::Anybody(account)).await {
                    // Held until the test ends.
                    Ok(_turn) => std::future::pending().await,
                    Err(_busy) => full.send(()).unwrap(),
                }
            })
        })
        .collect();
    filled.recv().await.unwrap();
    let mut answers = Vec::new();
    for email in [
        "local@example.org",
        "moved@example.org",
        "registered@example.org",
        "unknown@example.org",
    ] {
        for password in [PASSWORD, OTHER] {
            let asked = Instant::now();
            let mut answer = log_in_from(&world, "192.0.2.1", email, password).await;
            assert_slowed_down(&answer);
            assert!(
                asked.elapsed() < Duration::from_secs(2),
                "{email}: {:?}",
                asked.elapsed()
            );
            let fields = answer.body.as_object_mut().unwrap();
            fields.remove("timestamp");
            fields.remove("request_id");
            answers.push(answer.body);
        }
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn too_costly_hash_is_left_to_the_legacy_service_at_once() {
    let world = World::start_with(&LIMITED).await;
    let digest = "N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
    for cost in [15, 31] {
        let email = format!("cost{cost}@example.org");
        world
            .local_with_hash(&email, &format!("$2b${cost}${digest}"))
            .await;
        // 409: the edge then asks the legacy service, which has this hash.
        world.log_in(&email, PASSWORD).await.expect(409);
        let body = json!({"email": email, "password": PASSWORD});
        world.app.call("POST", "/auth/login", &body).await.expect(409);
    }
    world.local("ann@example.org", PASSWORD, 4).await;
    world.log_in("ann@example.org", PASSWORD).await.expect(200);
}

/// Wrong codes from many networks, each for another SMS, and the owner's right one from elsewhere.
#[tokio::test]
async fn guesses_of_a_factors_code_count_against_the_account() {
    let world = World::start_with(&LIMITED).await;
    let email = "ann@example.org";
    world.local(email, PASSWORD, 4).await;
    world.log_in(email, PASSWORD).await.expect(200);
    world.google_will(json!({"factors": {email: [{"id": "app"}, {"id": "sms", "phone": "+4915112340101"}]}}));
    let challenged = world.log_in(email, PASSWORD).await.expect(403);
    let pending = &challenged.body["error"]["details"]["mfaPendingCredential"];
    let start = json!({"mfaPendingCredential": pending, "mfaEnrollmentId": "sms", "recaptchaToken": "proof"});
    let finish = |answer: serde_json::Value| {
        let mut body = answer;
        body["mfaPendingCredential"] = pending.clone();
        body
    };
    // One network has five attempts, also if it requests other codes in between.
    for tried in 0..6 {
        let sent = call_from(&world, "192.0.2.1", "/v1/auth/mfa/start", &start)
            .await
            .expect(200);
        let guess = finish(json!({"sessionInfo": sent.body["data"]["sessionInfo"], "code": "000000"}));
        let refused = call_from(&world, "192.0.2.1", "/v1/auth/mfa/finish", &guess).await;
        if tried < 5 {
            assert_eq!((refused.status, refused.code()), (400, "VALIDATION_ERROR"));
        } else {
            assert_slowed_down(&refused);
        }
    }
    let mut refused = 0;
    for network in 0..40 {
        let guess = finish(json!({"mfaEnrollmentId": "app", "code": "000000"}));
        for _ in 0..2 {
            let address = format!("198.51.100.{network}");
            let answer = call_from(&world, &address, "/v1/auth/mfa/finish", &guess).await;
            refused += usize::from(answer.status == 429);
        }
    }
    assert!(
        refused >= 20,
        "{refused}: each network has one guess once the account is guessed at"
    );
    let right = finish(json!({"mfaEnrollmentId": "app", "code": testkit::identity_toolkit::TOTP_CODE}));
    call_from(&world, "203.0.113.77", "/v1/auth/mfa/finish", &right)
        .await
        .expect(200);
}
