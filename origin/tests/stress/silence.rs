//! Connections with no request or an incomplete one.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::database::TestDatabase;
use crate::service::Service;

const PATIENCE: Duration = Duration::from_secs(30);

async fn connect(service: &Service) -> TcpStream {
    TcpStream::connect(format!("127.0.0.1:{}", service.port()))
        .await
        .unwrap()
}

/// The bytes until the peer closes.
async fn heard(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    // A close with unread data is a reset: the connection is closed all the same.
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut all)).await;
    let _reset = read.expect("the connection stays open");
    all
}

#[tokio::test]
async fn silent_connection_is_closed_and_one_in_use_is_not() {
    let database = TestDatabase::with_connections(1).await;
    let service = Service::start(database.url(), &[("KEEP_ALIVE_SECONDS", "2")]).await;
    for said in [
        &b""[..],
        b"G",
        b"GET /livez HTTP/1.1\r\nHost: a\r\n",
        b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Long: ",
    ] {
        let mut stream = connect(&service).await;
        stream.write_all(said).await.unwrap();
        let since = Instant::now();
        heard(&mut stream).await;
        assert!(
            since.elapsed() >= Duration::from_millis(1_500),
            "{said:?}: closed at once"
        );
    }
    // Used again within the time, then silent.
    let mut stream = connect(&service).await;
    for _ in 0..3 {
        let request = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        let mut rest = vec![0; 4096];
        assert!(stream.read(&mut rest).await.unwrap() > 0);
    }
    heard(&mut stream).await;
}

#[tokio::test]
async fn silent_connections_do_not_prolong_the_drain() {
    let database = TestDatabase::with_connections(1).await;
    let variables = [("KEEP_ALIVE_SECONDS", "600"), ("DRAIN_SECONDS", "600")];
    let mut service = Service::start(database.url(), &variables).await;
    let mut silent = Vec::new();
    for said in [
        &b""[..],
        b"GET /li",
        b"POST /v1/auth/login HTTP/1.1\r\nHost: a\r\n",
    ] {
        let mut stream = connect(&service).await;
        stream.write_all(said).await.unwrap();
        silent.push(stream);
    }
    // Connections are accepted in order: this one is answered after the silent ones.
    service.caller().get("/livez").await.unwrap();
    service.terminate();
    assert_eq!(service.ended().await, Some(0));
    for mut stream in silent {
        heard(&mut stream).await;
    }
}
