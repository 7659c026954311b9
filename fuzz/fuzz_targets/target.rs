//! The edge judges, seals and sends one path, however a client wrote the request target.
#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use edge::config::EdgeConfig;
use edge::request::Inbound;
use libfuzzer_sys::fuzz_target;
use shared::assertion::{Assertion, AssertionKeys, Expected};
use shared::base64url;
use shared::ids::RequestId;
use shared::time::{ClockSkew, UnixTime};
use url::Url;

const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);

static KEYS: LazyLock<AssertionKeys> = LazyLock::new(|| {
    AssertionKeys::parse(&format!("k:{}", base64url::encode(&[7; 32]))).expect("a key of 32 bytes")
});

static CONFIG: LazyLock<EdgeConfig> = LazyLock::new(|| {
    let keys = KEYS.reveal();
    let variables: BTreeMap<String, String> = [
        ("FIREBASE_PROJECT_ID", "crossfade-fuzz"),
        ("ORIGIN_URL", "https://origin.test/base"),
        ("ORIGIN_ASSERTION_KEYS", keys.as_str()),
        (
            "UPSTREAMS",
            r#"[{"prefix":"/api/keep","url":"https://keep.test/inner","auth":"none","strip_prefix":true},
                {"prefix":"/api/plain","url":"https://plain.test","auth":"none"}]"#,
        ),
    ]
    .iter()
    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
    .collect();
    EdgeConfig::read(&variables).expect("a good configuration")
});

fuzz_target!(|input: (u8, &str)| {
    let (which, written) = input;
    let prefix = ["", "/", "/api/keep", "/api/plain/", "/v1/", "/auth/"][usize::from(which) % 6];
    let description = format!("GET\nhttps://gw.test{prefix}{}", written.replace('\n', ""));
    let Some(inbound) = Inbound::parse(&description) else { return };
    if inbound.target_fault().is_some() {
        assert!(inbound.path().is_empty() && inbound.query().is_empty());
        return;
    }
    let judged = inbound.path();
    // A second reading finds nothing else.
    let again = format!("GET\nhttps://gw.test{judged}{}", inbound.query());
    let again = Inbound::parse(&again).expect("a description");
    assert_eq!((again.path(), again.query()), (judged, inbound.query()));

    let target = match CONFIG.app_services.find(judged) {
        None => CONFIG.origin.target(judged, inbound.query()),
        Some(service) => match service.target(judged, inbound.query()) {
            Some(target) => target,
            None => return,
        },
    };
    let sent = Url::parse(target.url()).expect("an address");
    let host = sent.host_str().expect("a host");
    let (base, inside) = match host {
        "origin.test" => ("/base", judged),
        "keep.test" => ("/inner", judged.strip_prefix("/api/keep").expect("below its prefix")),
        "plain.test" => ("", judged),
        _ => panic!("sent to {host}"),
    };
    let inside = if inside.is_empty() { "/" } else { inside };
    assert_eq!(sent.path(), format!("{base}{inside}"), "judged and sent");
    assert_eq!(target.path(), sent.path(), "sealed and sent");
    assert_eq!(sent.query(), inbound.query().strip_prefix('?'));
    assert_eq!(sent.fragment(), None);

    let request_id = RequestId::parse("r-1").expect("a name");
    let audience = "fuzz";
    let keys = KEYS.for_audience(audience);
    let assertion = Assertion {
        audience,
        method: "GET",
        path: target.path(),
        request_id: &request_id,
        client_ip: None,
        identity: None,
        user: None,
    };
    let sealed = keys.seal(&assertion, NOW).expect("a key");
    let expected = Expected { audience, method: "GET", path: sent.path() };
    assert!(keys.open(&sealed, &expected, NOW, ClockSkew::NONE).is_ok());
});
