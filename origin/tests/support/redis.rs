//! A Redis of the test's own, which it may stop. Without an installed Redis or Valkey there is none, and the test says so.
// Each test binary takes what it needs.
#![allow(dead_code)]

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use crate::wait::until;

/// A running server; dropping the value ends it.
pub struct Redis {
    program: &'static str,
    port: u16,
    child: Child,
}

impl Redis {
    /// A new server on a free port; `None` where none is installed.
    pub async fn start() -> Option<Self> {
        let program = ["redis-server", "valkey-server"].into_iter().find(|program| {
            let asked = Command::new(program)
                .arg("--version")
                .stdout(Stdio::null())
                .status();
            asked.is_ok_and(|status| status.success())
        });
        let Some(program) = program else {
            eprintln!(
                "neither redis-server nor valkey-server is installed: that replicas count together is not shown"
            );
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let redis = Self {
            program,
            port,
            child: serve(program, port),
        };
        redis.answers().await;
        Some(redis)
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it like a loss of its machine.
    pub fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, empty.
    pub async fn start_again(&mut self) {
        self.child = serve(self.program, self.port);
        self.answers().await;
    }

    /// Stops its answers without closing a connection.
    pub fn freeze(&self) {
        crate::wait::signal(self.child.id(), "STOP");
    }

    pub fn thaw(&self) {
        crate::wait::signal(self.child.id(), "CONT");
    }

    async fn answers(&self) {
        let port = self.port;
        until("Redis listens", async || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        })
        .await;
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn serve(program: &str, port: u16) -> Child {
    Command::new(program)
        .args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ])
        .current_dir(std::env::temp_dir())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}
