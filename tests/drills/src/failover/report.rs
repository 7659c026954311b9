//! The table, and whether it is as it must be.

use std::time::Duration;

use stack::fault::{Done, Fault};

use super::load::Seen;

/// How soon the database must be written to after it could be again.
const WRITES_AGAIN: Duration = Duration::from_secs(3);
/// Acts in which no read may fail, and no write that has an idempotency key and is retried once.
const NOTHING_FAILS: [&str; 5] = [
    "nothing",
    "planned switch-over",
    "pooler restarted",
    "column widened",
    "origins rolled",
];
/// An act in which no read may fail. No write can succeed: PostgreSQL acknowledges no commit without the synchronous standby.
const STANDBY_LOST: &str = "standby lost";

/// An act.
pub struct Row {
    pub name: &'static str,
    pub lost: u64,
    pub doubled: u64,
    pub misdirected: u64,
    /// From the moment the database took writes again to the first one that was acknowledged.
    pub writes_again: Option<Duration>,
    pub seen: Seen,
}

pub fn print(rows: &[Row]) {
    println!(
        "\n| act | acknowledged | signed in | lost | doubled | misdirected | without a write | a reader failed | a sign-in failed | writes again | answers |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for row in rows {
        let answers: Vec<String> = row
            .seen
            .statuses
            .iter()
            .map(|(status, count)| format!("{status}: {count}"))
            .collect();
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            row.name,
            row.seen.acknowledged,
            row.seen.signed_in,
            row.lost,
            row.doubled,
            row.misdirected,
            seconds(row.seen.without_a_write),
            seconds(row.seen.reader_failed),
            seconds(row.seen.sign_in_failed),
            row.writes_again.map_or_else(|| "–".to_owned(), seconds),
            answers.join(", ")
        );
        for strange in &row.seen.strange {
            println!("  ! {}: {strange}", row.name);
        }
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f32())
}

pub fn verdict(rows: &[Row]) -> Done {
    let mut wrong = Vec::new();
    for row in rows {
        for (what, count) in [
            ("lost", row.lost),
            ("doubled", row.doubled),
            ("misdirected", row.misdirected),
        ] {
            if count > 0 {
                wrong.push(format!("{}: {count} {what}", row.name));
            }
        }
        for status in [400, 401, 403, 404, 409, 422, 500] {
            if let Some(count) = row.seen.statuses.get(&status) {
                wrong.push(format!("{}: {count} answers {status}", row.name));
            }
        }
        if row.seen.acknowledged == 0 {
            wrong.push(format!("{}: nothing was acknowledged", row.name));
        }
        if row.writes_again.is_some_and(|time| time > WRITES_AGAIN) {
            wrong.push(format!(
                "{}: no write for more than {} s after it could be",
                row.name,
                WRITES_AGAIN.as_secs()
            ));
        }
        let nothing_fails = NOTHING_FAILS.contains(&row.name);
        if (nothing_fails || row.name == STANDBY_LOST) && row.seen.reader_failed > Duration::ZERO {
            wrong.push(format!("{}: a read failed", row.name));
        }
        if nothing_fails && row.seen.failed_twice > 0 {
            let count = row.seen.failed_twice;
            wrong.push(format!("{}: {count} writes failed though retried", row.name));
        }
        if row.seen.signed_in == 0 {
            wrong.push(format!("{}: nobody signed in", row.name));
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Fault::new("drill failover", wrong.join("; ")))
    }
}
