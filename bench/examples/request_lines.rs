//! Writes request lines of the edge, of the very type that the edge logs: `request_lines LINES FILE`. Eight in ten are sign-ins and
//! registrations, at 25 %. Prints how many.
#![allow(missing_docs)]

use std::fs::File;
use std::io::{self, BufWriter, Write as _};

use edge::journal::Entry;
use shared::ids::NormalizedEmail;
use shared::rollout::{Bucket, Percentage, RolloutKey};
use shared::routing::{Reason, Side};

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(lines), Some(file)) = (
        arguments.next().and_then(|lines| lines.parse::<u32>().ok()),
        arguments.next(),
    ) else {
        return Err(io::Error::other("request_lines LINES FILE"));
    };
    let percentage = Percentage::parse("25").map_err(io::Error::other)?;
    let mut file = BufWriter::new(File::create(file)?);
    let mut sign_ins = 0_u32;
    for number in 0..lines {
        let (request_id, traceparent) = (
            format!("{:032x}", u128::from(number) * 0x9E37_79B9_7F4A_7C15),
            format!("00-{number:032x}-{number:016x}-00"),
        );
        // A user in three signs in more than once.
        let email = NormalizedEmail::parse(&format!("user-{}@example.com", number % (lines / 3 * 2).max(1)))
            .map_err(io::Error::other)?;
        let bucket = Bucket::of("auth-v2", RolloutKey::Email(&email));
        let (side, reason) = if bucket.is_within(percentage) {
            (Side::V2, Reason::InCohort)
        } else {
            (Side::Legacy, Reason::NotInCohort)
        };
        let sign_in = Entry {
            level: "info",
            request_id: &request_id,
            traceparent: &traceparent,
            method: "POST",
            path: Some("/auth/login"),
            status: 200,
            route: side.as_str(),
            reason: reason.as_str(),
            instead_of: None,
            token_kind: None,
            translated: false,
            service: None,
            code: None,
            limits_failed: false,
            bucket: Some(bucket.number()),
            duration_ms: u64::from(number % 400),
        };
        let entry = match number % 20 {
            0..=10 => sign_in,
            11 => Entry {
                status: 401,
                ..sign_in
            },
            12 => Entry {
                path: Some("/api/auth/login"),
                ..sign_in
            },
            13 => Entry {
                path: Some("/auth/register"),
                status: 201,
                ..sign_in
            },
            14 => Entry {
                route: Side::Legacy.as_str(),
                reason: Reason::Unidentified.as_str(),
                bucket: None,
                ..sign_in
            },
            15 => Entry {
                level: "warn",
                route: side.other().as_str(),
                reason: "fallback_timeout",
                instead_of: Some(side.as_str()),
                ..sign_in
            },
            16 => Entry {
                status: 429,
                route: "edge",
                reason: "limit_login",
                code: Some("RATE_LIMITED"),
                bucket: None,
                ..sign_in
            },
            _ => Entry {
                method: "GET",
                path: Some("/auth/profile"),
                reason: Reason::TokenIssuer.as_str(),
                token_kind: Some("firebase"),
                bucket: None,
                ..sign_in
            },
        };
        sign_ins += u32::from(number % 20 < 16);
        serde_json::to_writer(&mut file, &entry)?;
        writeln!(file)?;
    }
    file.flush()?;
    println!("{sign_ins}");
    Ok(())
}
