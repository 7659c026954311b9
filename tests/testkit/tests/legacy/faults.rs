//! Faults on demand.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::legacy::Faults;

use crate::support::{Stand, members, refused};

fn health(stand: &Stand) -> Result<u16, ureq::Error> {
    let asked = stand.try_call("GET", "/health/live", &[], &Value::Null);
    asked.map(|answer| answer.status)
}

#[test]
fn answers_come_late_or_fail() {
    let stand = Stand::start();
    let set = |faults: Value| stand.post("/control", None, &faults);
    assert_eq!(set(json!({"latency_ms": 300})).status, 200);
    let asked = Instant::now();
    assert_eq!(health(&stand).unwrap(), 200);
    assert!(asked.elapsed() >= Duration::from_millis(300));

    set(json!({"status": 502, "routes": ["/auth/"]}));
    refused(&stand.get("/auth/profile", None), 502, "INTERNAL_ERROR");
    assert_eq!(health(&stand).unwrap(), 200, "another route");
    assert_eq!(
        members(&stand.get("/control", None).body),
        "hang latency_ms refuse routes status"
    );

    set(json!({}));
    refused(&stand.get("/auth/profile", None), 401, "UNAUTHORIZED");
    for bad in [
        json!({"status": 404}),
        json!({"latency_ms": 60_001}),
        json!({"colour": 1}),
    ] {
        assert!((400..500).contains(&set(bad.clone()).status), "{bad}");
    }
}

#[test]
fn hanging_service_answers_nothing() {
    let stand = Stand::start();
    stand.post("/control", None, &json!({"hang": true}));
    assert!(matches!(health(&stand), Err(ureq::Error::Timeout(_))));
    stand.post("/control", None, &json!({}));
    assert_eq!(health(&stand).unwrap(), 200);
}

#[test]
fn the_port_is_given_up_and_taken_again() {
    let stand = Stand::start();
    let faults = Faults {
        refuse: true,
        ..Faults::default()
    };
    stand.control.set(faults).unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    let refused = loop {
        match health(&stand) {
            Err(ureq::Error::Io(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                break true;
            }
            _ if Instant::now() > deadline => break false,
            _ => std::thread::yield_now(),
        }
    };
    assert!(refused, "connecting is refused");
    stand.control.set(Faults::default()).unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    while health(&stand).is_err() {
        assert!(Instant::now() < deadline, "the port is not back");
    }
}
