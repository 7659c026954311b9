//! The table, and whether the targets are met.

use stack::fault::{Done, Fault};

use super::interrupt::Migrated;
use super::sign_in::{FirstSignIns, SignedIn};
use super::slow::Registrations;
use super::users::Count;

/// The migration of ten thousand users may take this long, in seconds, kills included.
const LONGEST_SECONDS: f32 = 60.0;
/// 95 of 100 registrations take less, in milliseconds.
const LONGEST_P95_MS: u128 = 2_000;

/// Everything that was measured.
pub struct Figures {
    pub users: u32,
    pub kills: u32,
    pub migrated: Migrated,
    pub counted: Count,
    pub signed_in: SignedIn,
    pub first: FirstSignIns,
    pub registration: Registrations,
}

struct Line {
    name: &'static str,
    measured: String,
    target: String,
    met: bool,
}

impl Figures {
    fn lines(&self) -> Vec<Line> {
        let Count {
            linked,
            local,
            accounts,
            addresses,
            alike,
        } = self.counted;
        let users = u64::from(self.users);
        let doubled = accounts.saturating_sub(addresses) + addresses.saturating_sub(users);
        let line = |name, measured: String, target: String, met| Line {
            name,
            measured,
            target,
            met,
        };
        let count = |name, measured: u64, target: u64| {
            line(name, measured.to_string(), target.to_string(), measured == target)
        };
        let failed = u64::from(self.users.saturating_sub(self.signed_in.succeeded));
        let (first, registration) = (self.first, self.registration);
        vec![
            count(
                "killed while working",
                self.migrated.kills.into(),
                self.kills.into(),
            ),
            count("migrated", linked, users),
            count("lost", local.max(users.saturating_sub(addresses)), 0),
            count("doubled", doubled, 0),
            line(
                "both sides alike (origin users verify)",
                yes_or_no(alike),
                yes_or_no(true),
                alike,
            ),
            line(
                "seconds, kills and their leases included",
                format!("{:.1}", self.migrated.seconds),
                format!("< {LONGEST_SECONDS:.0}"),
                self.migrated.seconds < LONGEST_SECONDS,
            ),
            count("failed sign-ins with the old password", failed, 0),
            line(
                "first sign-ins of one user at once",
                format!(
                    "{} sessions, {} renewed, {} account, {} row",
                    first.sessions, first.renewed, first.accounts, first.rows
                ),
                format!("{0}, {0}, 1, 1", first.of),
                usize::try_from(first.of).is_ok_and(|of| first.sessions == of && first.renewed == of)
                    && (first.accounts, first.rows) == (1, 1),
            ),
            line(
                "registration, 250 ms latency, p95 ms",
                registration.p95_ms.to_string(),
                format!("< {LONGEST_P95_MS}"),
                registration.p95_ms < LONGEST_P95_MS,
            ),
        ]
    }

    /// Prints the table.
    pub fn print(&self) {
        println!("\n{} users with bcrypt hashes of cost 4\n", self.users);
        for line in self.lines() {
            let mark = if line.met { '✔' } else { '✘' };
            println!(
                "  {mark} {:<42} {:>44}   target {}",
                line.name, line.measured, line.target
            );
        }
        println!(
            "\n  {} of the kills left accounts at Google whose rows were not linked yet.\n  The sign-ins took {:.0} s, {:.0} a second; \
             {} people registered.",
            self.migrated.amid_import,
            self.signed_in.seconds,
            f64::from(self.signed_in.succeeded) / f64::from(self.signed_in.seconds.max(0.001)),
            self.registration.number,
        );
        for failure in self.signed_in.failures.iter().take(5) {
            println!("  {failure}");
        }
    }

    /// Every target is met.
    pub fn verdict(&self) -> Done {
        let missed: Vec<&str> = self
            .lines()
            .iter()
            .filter(|line| !line.met)
            .map(|line| line.name)
            .collect();
        if missed.is_empty() {
            println!("\nAll targets met.");
            Ok(())
        } else {
            Err(Fault::new(
                "drill migration",
                format!("targets missed: {}", missed.join(", ")),
            ))
        }
    }
}

fn yes_or_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}
