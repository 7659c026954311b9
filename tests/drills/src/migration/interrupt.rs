//! `origin users migrate`, killed at every moment there is.

use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use stack::accounts::AccountStack;
use stack::fault::{Done, Fault, In as _};
use stack::http::Client;
use stack::{console, paths, run};

use super::users;

const STEP: &str = "origin users migrate";
/// Calls to Google a second: the stand-in has no quota.
const RATE: &str = "500";
/// The shortest and the longest life of a run, in milliseconds. Between them lie the start of the program, the look at both sides,
/// claiming, importing, and linking.
const LIVES: std::ops::Range<u64> = 40..900;
/// How long is waited for an import to kill a run in.
const IMPORT_PATIENCE: Duration = Duration::from_secs(5);
/// The whole migration may take this long before the drill gives up.
const PATIENCE: Duration = Duration::from_secs(300);

/// What became of it.
#[derive(Debug, Clone, Copy)]
pub struct Migrated {
    /// From the first start to the last end, in seconds.
    pub seconds: f32,
    /// Runs that were killed while they worked.
    pub kills: u32,
    /// Those of them that left accounts at Google whose rows were not linked yet.
    pub amid_import: u32,
}

/// Migrates everybody, killing the command `kills` times (SIGKILL) on the way: every other time by the clock, wherever the run may be,
/// else as soon as Google has an account more, which is before its row is linked. Every run, the first and the last too, is started
/// with `--resume`: whatever the one before was killed in, it goes on from there.
pub fn migrate(stack: &AccountStack, users: u32, kills: u32) -> Done<Migrated> {
    println!("  … bringing {users} users, killing the command {kills} times");
    let started = Instant::now();
    let mut migrated = Migrated {
        seconds: 0.0,
        kills: 0,
        amid_import: 0,
    };
    let google = Google::of(stack);
    // However fast the machine is, half of the users are still to be brought when the last kill is done.
    let limit = (users / kills.saturating_mul(2).max(1)).max(1).to_string();
    let (mut lives, mut longest) = (lives(), Duration::from_millis(LIVES.end));
    let mut before = google.ahead_of(stack)?;
    while migrated.kills < kills {
        let begun = Instant::now();
        let mut child = start(stack, Some(&limit))?;
        let ended = if before.queued && migrated.kills % 2 == 1 {
            let imported = || Ok(google.accounts()? > before.accounts);
            ends_before(&mut child, IMPORT_PATIENCE, imported)?
        } else {
            let life = Duration::from_millis(lives.next().unwrap_or(LIVES.start)).min(longest);
            ends_before(&mut child, life, || Ok(false))?
        };
        if ended {
            // Runs are shorter here: so are lives from now on.
            longest = begun.elapsed().mul_f32(0.9);
        } else {
            child.kill().in_step(STEP)?;
            child.wait().in_step(STEP)?;
        }
        let after = google.ahead_of(stack)?;
        if !ended {
            migrated.kills = migrated.kills.saturating_add(1);
            let amid_import = after.unlinked() > before.unlinked();
            migrated.amid_import = migrated.amid_import.saturating_add(u32::from(amid_import));
        }
        before = after;
        if started.elapsed() > PATIENCE {
            return Err(Fault::new(STEP, "gets nowhere").log(&paths::log("users-migrate")));
        }
    }
    let mut last = start(stack, None)?;
    if !ends_before(&mut last, PATIENCE, || Ok(false))? {
        last.kill().in_step(STEP)?;
        return Err(Fault::new(STEP, "does not end").log(&paths::log("users-migrate")));
    }
    let status = last.wait().in_step(STEP)?;
    migrated.seconds = started.elapsed().as_secs_f32();
    println!("  ✔ brought  ({:.1} s)", migrated.seconds);
    if status.success() {
        Ok(migrated)
    } else {
        Err(Fault::new(STEP, format!("ended with {status}")).log(&paths::log("users-migrate")))
    }
}

fn start(stack: &AccountStack, limit: Option<&str>) -> Done<Child> {
    let mut words = vec!["users", "migrate", "--resume", "--rate", RATE, "--actor", "drill"];
    if let Some(limit) = limit {
        words.extend(["--limit", limit]);
    }
    let log = run::open_log(STEP, &paths::log("users-migrate"))?;
    stack
        .command(&words)
        .stdin(Stdio::null())
        .stdout(log.try_clone().in_step(STEP)?)
        .stderr(log)
        .spawn()
        .in_step(STEP)
}

/// Where both sides are.
struct Standing {
    /// Accounts at Google.
    accounts: u64,
    /// Rows that know of theirs.
    linked: u64,
    /// Whether there is a queue that a run can go on with.
    queued: bool,
}

impl Standing {
    fn unlinked(&self) -> u64 {
        self.accounts.saturating_sub(self.linked)
    }
}

struct Google {
    client: Client,
    control: String,
}

impl Google {
    fn of(stack: &AccountStack) -> Self {
        Self {
            client: Client::new(Duration::from_secs(10)),
            control: format!("{}/control", stack.google),
        }
    }

    fn accounts(&self) -> Done<u64> {
        let shown = self.client.get(&self.control, &[]).in_step(STEP)?.json();
        Ok(shown.get("accounts").and_then(Value::as_u64).unwrap_or(0))
    }

    fn ahead_of(&self, stack: &AccountStack) -> Done<Standing> {
        let row = users::query(
            stack,
            "SELECT (SELECT count(*) FROM auth.users WHERE firebase_uid IS NOT NULL) AS linked, \
                    EXISTS (SELECT FROM auth.user_migrations WHERE state = 'pending') AS queued",
        )?;
        Ok(Standing {
            accounts: self.accounts()?,
            linked: row.get("linked").and_then(Value::as_u64).unwrap_or(0),
            queued: row.get("queued").and_then(Value::as_bool).unwrap_or(false),
        })
    }
}

/// Whether it ends by itself before `patience` is over or `now` says so.
fn ends_before(child: &mut Child, patience: Duration, mut now: impl FnMut() -> Done<bool>) -> Done<bool> {
    let deadline = Instant::now().checked_add(patience);
    while deadline.is_some_and(|deadline| Instant::now() < deadline) {
        if child.try_wait().in_step(STEP)?.is_some() {
            return Ok(true);
        }
        if now()? {
            break;
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(false)
}

/// Lives of all lengths, the same in every drill: multiples of the golden ratio's fraction fill a range evenly.
fn lives() -> impl Iterator<Item = u64> {
    const GOLDEN: u64 = 618;
    let span = LIVES.end.saturating_sub(LIVES.start);
    (1_u64..).map(move |n| LIVES.start + n.wrapping_mul(GOLDEN) % 1_000 * span / 1_000)
}

impl console::StepResult for Migrated {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_are_of_all_lengths() {
        let lives: Vec<u64> = lives().take(20).collect();
        assert!(lives.iter().all(|life| LIVES.contains(life)), "{lives:?}");
        for tenth in 0..10 {
            let (from, to) = (40 + tenth * 86, 40 + (tenth + 1) * 86);
            assert!(
                lives.iter().any(|life| (from..to).contains(life)),
                "none from {from} to {to}: {lives:?}"
            );
        }
    }
}
