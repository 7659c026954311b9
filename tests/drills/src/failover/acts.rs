//! What is lost, in order.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use stack::fault::{Done, Fault, In as _};
use stack::{console, http};

use super::load::{EARNERS, Load, Seen, now};
use super::report::Row;
use super::site::Site;

const STEP: &str = "drill failover";
/// How long all is well before and after.
const WELL: Duration = Duration::from_secs(3);

/// One act: its name, what it does, and whether the switch must fail no read.
type Act = (&'static str, fn(&mut Site, Duration) -> Done<Option<Instant>>);

/// Makes the standby the primary, and the old primary a standby after `away`. Answers when writes were possible again.
fn fail_over(site: &mut Site, away: Duration) -> Done<Option<Instant>> {
    site.promote()?;
    let promoted = Instant::now();
    thread::sleep(away);
    site.attach()?;
    Ok(Some(promoted))
}

const ACTS: [Act; 13] = [
    ("nothing", |_, away| {
        thread::sleep(away);
        Ok(None)
    }),
    ("connections forgotten", |site, away| {
        site.proxies[site.primary].tell("swallow")?;
        thread::sleep(away);
        Ok(None)
    }),
    ("network cut", |site, away| {
        for proxy in &site.proxies {
            proxy.tell("silence")?;
            proxy.tell("swallow")?;
        }
        thread::sleep(away);
        for proxy in &site.proxies {
            proxy.tell("carry")?;
            proxy.tell("cut")?;
        }
        Ok(Some(Instant::now()))
    }),
    ("primary killed", |site, away| {
        site.nodes[site.primary].stop(Signal::QUIT);
        thread::sleep(WELL);
        fail_over(site, away)
    }),
    ("host lost", |site, away| {
        let lost = site.primary;
        site.proxies[lost].tell("silence")?;
        site.proxies[lost].tell("swallow")?;
        thread::sleep(WELL);
        fail_over(site, away)
    }),
    ("planned switch-over", |site, away| {
        site.nodes[site.primary].stop(Signal::INT);
        fail_over(site, away)
    }),
    ("read-only for a minute", |site, away| {
        let primary = &site.nodes[site.primary];
        primary.sql("ALTER SYSTEM SET default_transaction_read_only = on")?;
        primary.sql("SELECT pg_reload_conf()")?;
        // A minute where the others take ten seconds.
        thread::sleep(away * 6);
        primary.sql("ALTER SYSTEM RESET default_transaction_read_only")?;
        primary.sql("SELECT pg_reload_conf()")?;
        Ok(Some(Instant::now()))
    }),
    ("pooler restarted", |site, _| {
        site.stop_pooler();
        thread::sleep(Duration::from_secs(1));
        site.start_pooler()?;
        Ok(Some(Instant::now()))
    }),
    ("database balancer restarted", |site, _| {
        site.stop_database_balancer();
        thread::sleep(Duration::from_secs(1));
        site.start_database_balancer()?;
        Ok(Some(Instant::now()))
    }),
    ("standby lost", |site, away| {
        let standby = site.standby();
        site.nodes[standby].stop(Signal::QUIT);
        thread::sleep(away);
        let primary = &site.nodes[site.primary];
        primary.sql("ALTER SYSTEM SET synchronous_standby_names = ''")?;
        primary.sql("SELECT pg_reload_conf()")?;
        let released = Instant::now();
        thread::sleep(WELL);
        site.attach()?;
        Ok(Some(released))
    }),
    ("column widened", |site, _| {
        let primary = &site.nodes[site.primary];
        // Not the address: a column that a trigger names keeps its type.
        for width in [120, 140, 100] {
            primary.sql(&format!(
                "SET lock_timeout = '2s'; ALTER TABLE auth.users ALTER COLUMN username TYPE varchar({width})"
            ))?;
            thread::sleep(Duration::from_secs(1));
        }
        Ok(None)
    }),
    ("origin killed", |site, _| {
        site.stop_origin(1, Signal::KILL);
        thread::sleep(WELL);
        site.start_origin(1)?;
        Ok(None)
    }),
    ("origins rolled", |site, _| {
        for number in 0..site.origins() {
            site.stop_origin(number, Signal::TERM);
            site.start_origin(number)?;
            thread::sleep(Duration::from_secs(1));
        }
        Ok(None)
    }),
];

/// The users who earn, who also read, and those who sign in.
pub fn seed(site: &mut Site, load: &mut Load) -> Done {
    for earner in 0..EARNERS {
        let bearer = format!("Bearer {}", load.token(&format!("earner-{earner}"), now() - 5));
        let answer = http::get(
            &format!("{}/v1/auth/me", site.front),
            &[("authorization", &bearer)],
        )
        .in_step(STEP)?;
        let id = answer.json()["data"]["user"]["id"].as_str().map(str::to_owned);
        load.ids
            .push(id.ok_or_else(|| Fault::new(STEP, format!("no user: {} {}", answer.status, answer.text)))?);
    }
    load.accounts = site.google.accounts()?;
    Ok(())
}

/// Plays all acts, each between two times in which all is well.
pub fn play(site: &mut Site, load: &Load, away: Duration, only: Option<&str>) -> Done<Vec<Row>> {
    let mut rows = Vec::new();
    for (name, act) in ACTS {
        if only.is_some_and(|only| !name.contains(only)) {
            continue;
        }
        console::step(name, || {
            load.resume();
            thread::sleep(WELL);
            let mended = act(site, away)?;
            thread::sleep(WELL);
            if !load.rest() {
                return Err(Fault::new(STEP, format!("{name}: somebody is still waiting")));
            }
            rows.push(judge(name, site, load, mended)?);
            Ok(())
        })?;
    }
    Ok(rows)
}

/// What became of everything that was acknowledged so far.
fn judge(name: &'static str, site: &Site, load: &Load, mended: Option<Instant>) -> Done<Row> {
    let primary = &site.nodes[site.primary];
    let seen = std::mem::take(&mut *load.lock());
    let (mut lost, mut doubled, mut misdirected) = (0, 0, seen.misdirected);
    let rows = primary.sql(
        "SELECT user_id, count(*), count(*) FILTER (WHERE reason = 'strange'), string_agg(DISTINCT reason, ',') \
         FROM auth.token_transfers WHERE reason LIKE 'earner-%' GROUP BY user_id",
    )?;
    let rows: BTreeMap<&str, (u64, &str)> = rows
        .lines()
        .filter_map(|line| {
            let mut columns = line.split('|');
            let (id, count) = (columns.next()?, columns.next()?.parse().ok()?);
            Some((id, (count, columns.nth(1)?)))
        })
        .collect();
    for (earner, id) in load.ids.iter().enumerate() {
        let acknowledged = load
            .earned
            .get(earner)
            .map_or(0, |count| count.load(Ordering::SeqCst)) as u64;
        let (found, reasons) = rows.get(id.as_str()).copied().unwrap_or((0, ""));
        lost += acknowledged.saturating_sub(found);
        doubled += found.saturating_sub(acknowledged);
        misdirected += u64::from(found > 0 && reasons != format!("earner-{earner}"));
    }
    let differences: u64 = primary
        .sql("SELECT count(*) FROM auth.ledger_differences")?
        .parse()
        .in_step(STEP)?;
    let arrived = load
        .arrived
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if !arrived.is_empty() {
        let names: Vec<String> = arrived.iter().map(|uid| format!("'{uid}'")).collect();
        for names in names.chunks(500) {
            let sql = format!(
                "SELECT count(*) FROM auth.users WHERE firebase_uid IN ({})",
                names.join(",")
            );
            let found: u64 = primary.sql(&sql)?.parse().in_step(STEP)?;
            lost += (names.len() as u64).saturating_sub(found);
        }
    }
    Ok(Row {
        name,
        lost,
        doubled: doubled + differences,
        misdirected,
        writes_again: writes_again(&seen, mended),
        seen,
    })
}

fn writes_again(seen: &Seen, mended: Option<Instant>) -> Option<Duration> {
    let mended = mended?;
    seen.writes.iter().find(|at| **at > mended).map(|at| *at - mended)
}
