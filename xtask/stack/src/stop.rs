//! When to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::fault::{Done, In as _};

/// Set when the user at the terminal, or the system, wants us to end.
pub fn on_signal() -> Done<Arc<AtomicBool>> {
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
            if flag.swap(true, Ordering::Relaxed) {
                // Asked twice: the guard ends what is left when we are gone.
                std::process::exit(128_i32.saturating_add(signal));
            }
        }
    });
    Ok(stop)
}
