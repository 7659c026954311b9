//! When to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::fault::{Done, In as _};

/// Set when the user at the terminal, or the system, wants us to end.
pub fn on_signal() -> Done<Arc<AtomicBool>> {
    on_signal_once(Arc::new(AtomicBool::new(true)))
}

/// As [`on_signal`] once `up` is set. Before, we end at once: a start that goes on to its end seems to have heard nothing.
pub fn on_signal_once(up: Arc<AtomicBool>) -> Done<Arc<AtomicBool>> {
    const STEP: &str = "signals";
    let mut signals = signal_hook::iterator::Signals::new([
        signal_hook::consts::SIGINT,
        signal_hook::consts::SIGTERM,
        signal_hook::consts::SIGHUP,
    ])
    .in_step(STEP)?;
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    thread::spawn(move || {
        for signal in signals.forever() {
            if flag.swap(true, Ordering::Relaxed) || !up.load(Ordering::Relaxed) {
                // The guard ends what is left when we are gone.
                eprintln!("\nInterrupted; what was started is being ended.");
                std::process::exit(128_i32.saturating_add(signal));
            }
        }
    });
    Ok(stop)
}
