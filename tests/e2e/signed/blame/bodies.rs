//! Callers with half a body, a slow one, none at all, or one too many. Each gets an answer of its own, and no other caller notices.

use std::time::{Duration, Instant};

use testkit::rude::{Act, RudeService};
use testkit::wire::Wire;
use tokio::task::JoinSet;

use super::{between, both_sides_serve, by, exchange, puppets, refused, shown};
use crate::edges::Edge;

/// How many callers come at once, first from one address, then each from an address of its own.
const AT_ONCE: usize = 40;

const PATHS: [&str; 5] = [
    "/auth/login",
    "/auth/register",
    "/auth/verify-token",
    "/v1/auth/login",
    "/api/open/x",
];

/// What a caller does with a connection.
#[derive(Debug, Clone, Copy)]
enum Caller {
    /// A GET with a JSON body.
    GetsWithBody,
    /// Ends its side in the middle of the body.
    EndsEarly,
    /// The same in the middle of a long upload.
    EndsUploadEarly,
    /// Announces chunks, and sends bytes that are no chunk.
    BreaksChunks,
    /// The same after as many bytes as the edge holds.
    BreaksUploadChunks,
    /// Leaves in the middle of the body.
    Leaves,
    /// Leaves in the middle of a long upload.
    LeavesUpload,
}

const ALL: [Caller; 7] = [
    Caller::GetsWithBody,
    Caller::EndsEarly,
    Caller::EndsUploadEarly,
    Caller::BreaksChunks,
    Caller::BreaksUploadChunks,
    Caller::Leaves,
    Caller::LeavesUpload,
];

/// The answer to the caller; `None` when the caller has left.
fn told(caller: Caller, path: &str) -> Option<(u16, &'static str)> {
    match caller {
        Caller::Leaves | Caller::LeavesUpload => None,
        // More than v2 takes, at whatever byte it ends.
        Caller::EndsUploadEarly | Caller::BreaksUploadChunks if path.starts_with("/v1/") => {
            Some((413, "PAYLOAD_TOO_LARGE"))
        }
        _ => Some((400, "VALIDATION_ERROR")),
    }
}

const JSON: &str = "content-type: application/json";
const BEGUN: &[u8] = br#"{"email":"ann@v2.example","pass"#;

async fn play(edge_direct: String, caller: Caller, path: &'static str, address: String) {
    let mut wire = Wire::connect(&edge_direct).await.unwrap();
    let chunked = "transfer-encoding: chunked";
    let long = vec![b'x'; 100_000];
    match caller {
        Caller::GetsWithBody => {
            let request = by(&address, "GET", path, &[JSON, "content-length: 2"]);
            wire.write(&[&request, b"{}".as_slice()].concat()).await.unwrap();
        }
        Caller::EndsEarly | Caller::Leaves => {
            let request = by(&address, "POST", path, &[JSON, "content-length: 500"]);
            wire.write(&[&request, BEGUN].concat()).await.unwrap();
        }
        Caller::EndsUploadEarly | Caller::LeavesUpload => {
            let request = by(&address, "POST", path, &[JSON, "content-length: 900000"]);
            wire.write(&[&request, long.as_slice()].concat()).await.unwrap();
        }
        Caller::BreaksChunks => {
            let request = by(&address, "POST", path, &[JSON, chunked]);
            let body = b"5\r\n{\"ema\r\nzz\r\n".as_slice();
            wire.write(&[&request, body].concat()).await.unwrap();
        }
        Caller::BreaksUploadChunks => {
            let request = by(&address, "POST", path, &[JSON, chunked]);
            let body = [b"186a0\r\n".as_slice(), &long, b"\r\nzz\r\n"].concat();
            wire.write(&[&request, body.as_slice()].concat()).await.unwrap();
        }
    }
    if matches!(caller, Caller::EndsEarly | Caller::EndsUploadEarly) {
        wire.finish().await.unwrap();
    }
    let Some((status, code)) = told(caller, path) else {
        return wire.leave().unwrap();
    };
    match wire.answer().await {
        Ok(answer) => refused(shown(answer, &format!("{caller:?} {path}")), status, code),
        Err(error) => panic!("{caller:?} {path}: {error}"),
    }
}

async fn all_at_once(edge: &Edge, caller: Caller, address: impl Fn(usize) -> String) {
    let mut playing = JoinSet::new();
    for (number, path) in (0..AT_ONCE).zip(PATHS.into_iter().cycle()) {
        playing.spawn(play(edge.direct.clone(), caller, path, address(number)));
    }
    playing.join_all().await;
}

#[tokio::test]
async fn broken_bodies_open_no_breaker_for_other_callers() {
    let (v2, legacy) = puppets().await;
    let edge = between(&v2.url, &legacy.url)
        .with("ROLLBACK_WINDOW_SECONDS", "5")
        .watched()
        .start()
        .await;
    both_sides_serve(&edge).await;
    for caller in ALL {
        all_at_once(&edge, caller, |_| "203.0.113.9".to_owned()).await;
        both_sides_serve(&edge).await;
        all_at_once(&edge, caller, |number| format!("203.0.113.{number}")).await;
        both_sides_serve(&edge).await;
    }
    // Longer than isolates take to report twice: these callers must not have sent any user back.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(5) {
        both_sides_serve(&edge).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    edge.end().await;
}

#[tokio::test]
async fn stalled_body_is_408_and_affects_no_other_caller() {
    let (v2, legacy) = puppets().await;
    let edge = between(&v2.url, &legacy.url).start().await;
    let mut waiting = JoinSet::new();
    for (path, length, sent) in [
        ("/auth/login", "500", BEGUN.to_vec()),
        ("/v1/auth/login", "500", Vec::new()),
        ("/api/open/x", "900000", Vec::new()),
        // More than the edge holds: the service already has a part of it.
        ("/api/open/x", "900000", vec![b'x'; 100_000]),
    ] {
        let direct = edge.direct.clone();
        waiting.spawn(async move {
            let length = format!("content-length: {length}");
            let request = by("203.0.113.9", "POST", path, &[JSON, &length]);
            let mut wire = Wire::connect(&direct).await.unwrap();
            wire.write(&[request, sent].concat()).await.unwrap();
            let answer = wire.answer().await.unwrap();
            refused(shown(answer, path), 408, "REQUEST_TIMEOUT");
        });
    }
    waiting.join_all().await;
    both_sides_serve(&edge).await;
    edge.end().await;
}

#[tokio::test]
async fn slow_upload_arrives_whole() {
    let recorder = testkit::recorder::Recorder::start().await.unwrap();
    let edge = between(&recorder.url, &recorder.url).start().await;
    // Ten kilobytes a second, three times as long as the time limit of the service.
    for (path, parts) in [
        ("/auth/login", 6),
        ("/api/open/upload", 6),
        ("/api/open/upload", 9),
    ] {
        let length = format!("content-length: {}", parts * 10_000);
        let mut wire = Wire::connect(&edge.direct).await.unwrap();
        wire.write(&by("203.0.113.9", "POST", path, &[JSON, &length]))
            .await
            .unwrap();
        for _ in 0..parts {
            wire.write(&[b'x'; 10_000]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let answer = shown(wire.answer().await.unwrap(), path).expect(200);
        assert_eq!(answer.at("/body_bytes"), parts * 10_000, "{answer}");
    }
    edge.end().await;
}

#[tokio::test]
async fn early_refusal_of_an_upload_is_no_failure() {
    let rude = RudeService::start(|asked| match asked.target.as_str() {
        "/api/open/early" => vec![Act::answer(413, "{}"), Act::End],
        "/api/open/hangs-up" => vec![Act::Reset],
        _ => vec![Act::ReadBody, Act::answer(200, r#"{"data":{}}"#)],
    })
    .await
    .unwrap();
    let edge = between(&rude.url, &rude.url).start().await;
    let mut playing = JoinSet::new();
    for number in 0..AT_ONCE {
        let direct = edge.direct.clone();
        let path = if number % 2 == 0 {
            "/api/open/early"
        } else {
            "/api/open/hangs-up"
        };
        playing.spawn(async move {
            let address = format!("203.0.113.{number}");
            let request = by(&address, "POST", path, &["content-length: 3000000"]);
            let mut wire = Wire::connect(&direct).await.unwrap();
            // The edge may answer and close before all of it is written.
            let _ = wire.write(&[request, vec![b'x'; 3_000_000]].concat()).await;
            // Unread bytes may end the connection before the answer arrives.
            if let Ok(answer) = wire.answer().await {
                assert!(
                    matches!(answer.status, 413 | 503 | 504),
                    "{path}: {}",
                    answer.status
                );
            }
        });
    }
    playing.join_all().await;
    let request = by("203.0.113.200", "POST", "/api/open/x", &["content-length: 2"]);
    exchange(&edge, &[request, b"{}".to_vec()].concat())
        .await
        .expect(200);
    edge.end().await;
}

/// The most memory that the edge's runtime has held so far, in KiB. Its process is the one that listens at `edge.direct`.
#[cfg(target_os = "linux")]
fn peak_memory(edge: &Edge) -> u64 {
    let port: u16 = edge.direct.rsplit(':').next().unwrap().parse().unwrap();
    let listens = format!("0100007F:{port:04X} 00000000:0000 0A");
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let line = sockets.lines().find(|line| line.contains(&listens)).unwrap();
    let socket = format!("socket:[{}]", line.split_whitespace().nth(9).unwrap());
    let holds = |process: &std::path::PathBuf| {
        let files = std::fs::read_dir(process.join("fd")).into_iter().flatten();
        let mut links = files
            .flatten()
            .filter_map(|file| std::fs::read_link(file.path()).ok());
        links.any(|link| link.as_os_str() == socket.as_str())
    };
    let mut processes = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    let status = std::fs::read_to_string(processes.find(holds).unwrap().join("status")).unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A Worker may use 128 MB. A stranger needs no token for this, and a byte in a part of its own costs the stranger six.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn body_in_small_parts_takes_no_more_memory_than_a_short_body() {
    const BYTES: usize = 30_000;
    let recorder = testkit::recorder::Recorder::start().await.unwrap();
    let edge = between(&recorder.url, &recorder.url).start().await;
    exchange(&edge, &by("203.0.113.1", "GET", "/api/open/x", &[]))
        .await
        .expect(200);
    let before = peak_memory(&edge);
    for path in ["/api/open/x", "/auth/login", "/v1/auth/refresh"] {
        let mut wire = Wire::connect(&edge.direct).await.unwrap();
        wire.write(&by(
            "203.0.113.9",
            "POST",
            path,
            &[JSON, "transfer-encoding: chunked"],
        ))
        .await
        .unwrap();
        wire.write(&b"1\r\nx\r\n".repeat(BYTES)).await.unwrap();
        wire.write(b"0\r\n\r\n").await.unwrap();
        let answer = shown(wire.answer().await.unwrap(), path).expect(200);
        assert_eq!(answer.at("/body_bytes"), BYTES, "{answer}");
    }
    let grown = peak_memory(&edge).saturating_sub(before);
    assert!(
        grown < 100_000,
        "{grown} KiB more for {} KiB of bodies",
        3 * BYTES / 1024
    );
    edge.end().await;
}
