//! Which port a service gets.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};

use crate::fault::{Done, Fault, In as _};

/// Hands out ports of this machine, none twice.
#[derive(Debug, Default)]
pub struct Ports {
    given: BTreeSet<u16>,
    fixed: bool,
}

impl Ports {
    /// The well-known port of each service where it is free, else the next free one.
    pub fn well_known() -> Self {
        Self {
            given: BTreeSet::new(),
            fixed: true,
        }
    }

    /// Whatever is free, so that several stacks can run side by side.
    pub fn any() -> Self {
        Self::default()
    }

    /// A port for `service`. Says so when it is not the well-known one.
    pub fn take(&mut self, service: &str, well_known: u16) -> Done<u16> {
        let port = if self.fixed {
            (well_known..well_known.saturating_add(200))
                .find(|port| !self.given.contains(port) && is_free(*port))
                .ok_or_else(|| Fault::new(service, format!("no free port from {well_known} on")))?
        } else {
            self.any_free(service)?
        };
        if self.fixed && port != well_known {
            println!("  ! port {well_known} is taken: {service} moves to {port}");
        }
        self.given.insert(port);
        Ok(port)
    }

    fn any_free(&self, service: &str) -> Done<u16> {
        // The system may offer a port again that was given away a moment ago and is not listened on yet.
        for _ in 0..100 {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).in_step(service)?;
            let port = listener.local_addr().in_step(service)?.port();
            if !self.given.contains(&port) {
                return Ok(port);
            }
        }
        Err(Fault::new(service, "no free port"))
    }
}

/// The address of what listens on `port` of this machine.
pub fn local(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
