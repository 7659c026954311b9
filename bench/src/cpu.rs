//! How much processor time workerd has used, from `/proc`.

use std::fs;
use std::time::Duration;

/// The kernel counts in hundredths of a second on every Linux that Rust runs on (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// The workerd process that descends from `ancestor`.
pub fn workerd_under(ancestor: u32) -> Option<u32> {
    let processes: Vec<(u32, u32, String)> = fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let (name, parent) =
                stat(pid).and_then(|(name, fields)| Some((name, fields.get(1)?.parse().ok()?)))?;
            Some((pid, parent, name))
        })
        .collect();
    let descends = |mut pid: u32| {
        while let Some((_, parent, _)) = processes.iter().find(|(known, ..)| *known == pid) {
            if *parent == ancestor {
                return true;
            }
            pid = *parent;
        }
        false
    };
    processes
        .iter()
        .find(|(pid, _, name)| name == "workerd" && descends(*pid))
        .map(|(pid, ..)| *pid)
}

/// Processor time that `pid` has used so far, in user and kernel mode.
pub fn used(pid: u32) -> Duration {
    let ticks =
        |fields: &[String], index: usize| fields.get(index).and_then(|field| field.parse::<u32>().ok());
    // utime and stime are fields 14 and 15 of proc_pid_stat(5); the name is the second, the state the first after it.
    stat(pid)
        .and_then(|(_, fields)| Some(TICK * (ticks(&fields, 11)? + ticks(&fields, 12)?)))
        .unwrap_or_default()
}

/// Processor time that the threads of `pid` have used so far, to the nanosecond. None of them may have ended in between.
pub fn used_by_threads(pid: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    threads
        .filter_map(|thread| {
            // The first number of sched-stats(5).
            let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
        })
        .sum()
}

/// Processor time that `pid` and everything it started have used so far, those that have ended included.
pub fn used_by_family(pid: u32) -> Duration {
    let children = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|child| {
            stat(*child)
                .is_some_and(|(_, fields)| fields.get(1).is_some_and(|parent| *parent == pid.to_string()))
        });
    // cutime and cstime, fields 16 and 17: children that were waited for.
    let ended = stat(pid).map_or(Duration::ZERO, |(_, fields)| {
        let ticks: u32 = [13, 14]
            .iter()
            .filter_map(|index| fields.get(*index)?.parse::<u32>().ok())
            .sum();
        TICK * ticks
    });
    children.map(used).sum::<Duration>() + used(pid) + ended
}

/// Memory of `pid` in kilobytes: what it holds now, and the most it ever held.
pub fn memory(pid: u32) -> Option<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().split(' ').next()?.parse().ok()
    };
    Some((field("VmRSS:")?, field("VmHWM:")?))
}

/// A process's name, and what follows it in its `stat` line.
fn stat(pid: u32) -> Option<(String, Vec<String>)> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, parentheses included; it ends at the last one.
    let (start, rest) = line.rsplit_once(')')?;
    let (_, name) = start.split_once('(')?;
    Some((
        name.to_owned(),
        rest.split_whitespace().map(str::to_owned).collect(),
    ))
}
