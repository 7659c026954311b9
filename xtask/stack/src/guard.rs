//! Nothing we start outlives us. Each service runs in a process group of its own; a guard process holds the list and ends every group
//! when the pipe to us closes, which the system does for us however we end.

use std::fs::File;
use std::io::{self, BufRead as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use crate::fault::{Done, In as _};

const STEP: &str = "process guard";
/// What this program is started with to be the guard.
pub const WORD: &str = "guard";
/// How long a group may take to end by itself.
const GRACE: Duration = Duration::from_secs(8);
const POLL: Duration = Duration::from_millis(20);

/// The guard process and the pipe to it. Dropping the pipe ends whatever is still on the list.
#[derive(Debug)]
pub struct Guard {
    pipe: Mutex<ChildStdin>,
    process: Mutex<Child>,
}

impl Guard {
    /// Starts the guard process, out of reach of the terminal's Ctrl-C. It has `lock` open until everything has ended.
    pub fn start(lock: Option<File>) -> Done<Self> {
        let mut child = Command::new(std::env::current_exe().in_step(STEP)?)
            .arg(WORD)
            .stdin(Stdio::piped())
            // It prints nothing.
            .stdout(lock.map_or_else(Stdio::null, Stdio::from))
            .process_group(0)
            .spawn()
            .in_step(STEP)?;
        let pipe = child.stdin.take().ok_or("no pipe").in_step(STEP)?;
        // It ends when the pipe closes; whoever waits for us reaps it.
        Ok(Self {
            pipe: Mutex::new(pipe),
            process: Mutex::new(child),
        })
    }

    /// Whether it has ended before us: from then on nothing would clean up after us.
    pub fn ended(&self) -> bool {
        match self.process.lock() {
            Ok(mut process) => !matches!(process.try_wait(), Ok(None)),
            Err(_) => true,
        }
    }

    /// Puts a group on the list.
    pub fn watch(&self, group: u32) -> Done {
        self.tell(&format!("+{group}\n"))
    }

    /// Takes a group that has ended off the list, before its number is given to somebody else.
    pub fn forget(&self, group: u32) -> Done {
        self.tell(&format!("-{group}\n"))
    }

    fn tell(&self, line: &str) -> Done {
        let mut pipe = self.pipe.lock().map_err(|_| "poisoned").in_step(STEP)?;
        pipe.write_all(line.as_bytes()).in_step(STEP)
    }
}

/// The guard process: reads the list until the pipe closes, then ends what is left on it.
pub fn watch() -> Done {
    let mut groups: Vec<Pid> = Vec::new();
    for line in io::stdin().lock().lines() {
        let line = line.in_step(STEP)?;
        let (sign, number) = line.split_at_checked(1).unwrap_or(("", ""));
        let Some(group) = number.parse().ok().and_then(Pid::from_raw) else {
            continue;
        };
        groups.retain(|known| *known != group);
        if sign == "+" {
            groups.push(group);
        }
    }
    // Both: PostgreSQL waits for its clients after the first, and ends them after the second.
    for signal in [Signal::TERM, Signal::INT] {
        for group in &groups {
            let _ = kill_process_group(*group, signal);
        }
    }
    for group in groups {
        end(group);
    }
    Ok(())
}

/// Waits until `group` is empty, and kills it after [`GRACE`].
pub fn end(group: Pid) {
    let started = Instant::now();
    while test_kill_process_group(group).is_ok() {
        if started.elapsed() > GRACE {
            let _ = kill_process_group(group, Signal::KILL);
            return;
        }
        thread::sleep(POLL);
    }
}
