//! `cargo xtask dev`: the whole stack on this machine, until Ctrl-C.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use stack::fault::Done;
use stack::{Addresses, Database, Issuer, Plan, Stack, paths, running};

/// Options of `cargo xtask dev`.
#[derive(clap::Args)]
pub struct Options {
    /// Start over with an empty database.
    #[arg(long)]
    fresh: bool,
    /// Use this Firebase project instead of the emulator.
    #[arg(long, value_name = "PROJECT")]
    firebase: Option<String>,
    /// The share of users that signs in on the new side, 0 to 100.
    #[arg(long, value_name = "PERCENT", default_value = "50")]
    percent: String,
}

/// Brings the stack up, prints its addresses, waits for Ctrl-C.
pub fn run(options: &Options) -> Done {
    let started = Instant::now();
    let up = Arc::new(AtomicBool::new(false));
    let stop = stack::stop_signal_once(Arc::clone(&up))?;
    let database = match std::env::var("DATABASE_URL") {
        Ok(url) if !url.is_empty() => Database::Yours(url),
        _ => Database::Kept { fresh: options.fresh },
    };
    let plan = Plan {
        issuer: options.firebase.clone().map_or(Issuer::Emulator, Issuer::Project),
        database,
        well_known_ports: true,
        edge: vec![("ROLLOUT_PERCENT", options.percent.clone())],
        step_down: true,
        page: true,
        ..Plan::throw_away(Issuer::Emulator)
    };
    println!(
        "Crossfade, starting (logs in {}):",
        paths::working("logs").display()
    );
    let mut stack = Stack::up(&plan)?;
    up.store(true, Ordering::Relaxed);
    running::remember(&stack.addresses, &running::file())?;
    println!("\nUp in {:.1} s.\n", started.elapsed().as_secs_f32());
    table(&stack.addresses);
    commands(&stack.addresses);
    println!("\nCtrl-C ends everything.");
    let watched = stack.watch(&stop);
    println!("\nEnding …");
    drop(stack);
    let _ = fs::remove_file(running::file());
    println!("Everything has ended.");
    watched
}

fn table(addresses: &Addresses) {
    let mut rows = vec![
        (
            "edge",
            addresses.edge.clone(),
            "what browsers and services call; open it in one",
        ),
        ("origin", addresses.origin.clone(), "users and ledger"),
        ("legacy service", addresses.legacy.clone(), "the stand-in"),
        (
            "legacy control",
            format!("{}/control", addresses.legacy_control),
            "how the stand-in is to misbehave",
        ),
    ];
    if let Some(emulator) = &addresses.emulator {
        rows.push((
            "Auth emulator",
            emulator.clone(),
            "Firebase, project demo-crossfade",
        ));
    }
    rows.push(("PostgreSQL", addresses.database.clone(), "all rows"));
    rows.push((
        "service key",
        addresses.service_key.clone(),
        "X-Service-Key of an internal service",
    ));
    // Addresses last: some are far longer than a line.
    for (name, address, what) in rows {
        println!("  {name:<15} {what:<48} {address}");
    }
}

fn commands(addresses: &Addresses) {
    let Some(emulator) = &addresses.emulator else {
        println!("\nSign in with your project's web SDK, then paste the ID token:\n");
        println!(
            "  curl -s {}/v1/auth/me -H \"Authorization: Bearer $TOKEN\"",
            addresses.edge
        );
        return;
    };
    println!("\nPaste these into another terminal: sign a user up, ask who they are, see their row.\n");
    println!(
        "  TOKEN=$(curl -s '{emulator}/identitytoolkit.googleapis.com/v1/accounts:signUp?key=dev' -H 'Content-Type: application/json' \
         -d '{{\"email\":\"ada-'$RANDOM'@example.com\",\"password\":\"correct horse 1\",\"returnSecureToken\":true}}' | sed -E 's/.*\"idToken\":\"([^\"]+)\".*/\\1/')"
    );
    println!(
        "  curl -si {}/v1/auth/me -H \"Authorization: Bearer $TOKEN\"",
        addresses.edge
    );
    println!(
        "  cargo xtask sql \"SELECT id, email, firebase_uid, token_balance FROM auth.users ORDER BY created_at DESC LIMIT 3\""
    );
}
