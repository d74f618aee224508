//! The end of the process that started us.
//!
//! An editor that dies without closing our stdin (a fork may hold it open) must not leave a server behind.
//! Knows process ids only.

use std::time::Duration;

/// How often the parent is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Resolves when the process is gone; never for an id that cannot be watched.
pub async fn gone(process_id: u32) {
    let mut clock = tokio::time::interval(LOOK_EVERY);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        if !alive(process_id) {
            return;
        }
    }
}

#[cfg(unix)]
fn alive(process_id: u32) -> bool {
    use rustix::process::{Pid, test_kill_process};
    let Some(pid) = i32::try_from(process_id).ok().and_then(Pid::from_raw) else { return true };
    // Another user's process is alive too (EPERM).
    test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}

#[cfg(not(unix))]
fn alive(_process_id: u32) -> bool {
    true
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_alive_until_it_is_reaped() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert!(alive(child.id()) && alive(std::process::id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!alive(child.id()));
        assert!(alive(0) && alive(u32::MAX), "ids that name no single process are not watched");
    }
}
