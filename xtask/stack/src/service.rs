//! One running program of the stack.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::guard::{self, Guard};
use crate::fault::{Done, Fault, In as _};
use crate::{http, paths, run};

const POLL: Duration = Duration::from_millis(30);

/// A program in a process group of its own, ended when this is dropped.
#[derive(Debug)]
pub struct Service {
    pub name: &'static str,
    pub log: PathBuf,
    child: Child,
    group: Option<Pid>,
    guard: Arc<Guard>,
    stop_signal: Signal,
}

impl Service {
    /// Starts `command` with its output in the log `name`.
    pub fn start(guard: &Arc<Guard>, name: &'static str, command: &mut Command) -> Done<Self> {
        Self::start_logged(guard, name, name, command)
    }

    /// Starts `command` with its output in the log `log`, for a service that may run twice at once.
    pub fn start_logged(
        guard: &Arc<Guard>,
        name: &'static str,
        log: &str,
        command: &mut Command,
    ) -> Done<Self> {
        let log = paths::log(log);
        let file = run::open_log(name, &log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().in_step(name)?)
            .stderr(file)
            .process_group(0)
            .spawn()
            .map_err(|error| Fault::new(name, format!("cannot be started: {error}")))?;
        guard.watch(child.id())?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        Ok(Self {
            name,
            log,
            child,
            group,
            guard: Arc::clone(guard),
            stop_signal: Signal::TERM,
        })
    }

    /// Ends on `signal` instead of SIGTERM.
    pub fn stop_by(mut self, signal: Signal) -> Self {
        self.stop_signal = signal;
        self
    }

    /// Waits until `ready` says so.
    pub fn wait_until(&mut self, patience: Duration, mut ready: impl FnMut() -> bool) -> Done {
        let started = Instant::now();
        while !ready() {
            if let Some(status) = self.ended() {
                return Err(
                    Fault::new(self.name, format!("ended with {status} while starting")).log(&self.log),
                );
            }
            if started.elapsed() > patience {
                let reason = format!("is not ready after {} s", patience.as_secs());
                return Err(Fault::new(self.name, reason).log(&self.log));
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Waits until `url` answers 200.
    pub fn wait_for_http(&mut self, patience: Duration, url: &str) -> Done {
        self.wait_until(patience, || {
            http::get(url, &[]).is_ok_and(|answer| answer.status == 200)
        })
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// The number of its first process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it and everything it started.
    pub fn stop(&mut self) {
        let Some(group) = self.group.take() else { return };
        let _ = kill_process_group(group, self.stop_signal);
        // Reaped first: a group lives on as long as a dead member waits to be reaped.
        let started = Instant::now();
        while self.ended().is_none() && started.elapsed() < Duration::from_secs(8) {
            thread::sleep(POLL);
        }
        if self.ended().is_none() {
            let _ = kill_process_group(group, Signal::KILL);
            let _ = self.child.wait();
        }
        guard::end(group);
        let _ = self.guard.forget(self.child.id());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop();
    }
}
