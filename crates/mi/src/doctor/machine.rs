//! What the system allows: open files, namespaces, a clock that runs evenly.

use std::fs;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mi_core::time::Time;
use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::geteuid;

use super::finding::{Finding, Section};

const SECTION: Section = Section::Machine;
/// Each agent, each parked call and each follower holds a file open.
const OPEN_FILES_GOOD: u64 = 4_096;
const OPEN_FILES_MIN: u64 = 256;
/// The wall clock may be slewed a little while we look, not more.
const CLOCK_STEP_MAX: Duration = Duration::from_millis(500);
/// Before this program was written it can't be now: 2026-01-01.
const NOT_BEFORE: Time = Time(1_767_225_600_000);
/// Switches by which ordinary users are kept from making namespaces, and the value that keeps them.
const NAMESPACE_SWITCHES: [(&str, &str, &str); 3] = [
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
    ("/proc/sys/user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=10000"),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
    ),
];

pub fn look(clock: &ClockWatch) -> Vec<Finding> {
    let mut out = vec![system(), clock.finding()];
    out.extend(open_files());
    out.push(namespaces(geteuid().is_root(), |path| fs::read_to_string(path).ok()));
    out
}

/// A clock before 1970 shows 1970.
pub fn wall_clock() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The wall clock and the monotonic one, watched for as long as everything else is looked at.
pub struct ClockWatch {
    wall: SystemTime,
    monotonic: Instant,
}

impl ClockWatch {
    pub fn start() -> Self {
        Self { wall: SystemTime::now(), monotonic: Instant::now() }
    }

    fn finding(&self) -> Finding {
        let fix = "set the clock: timedatectl set-ntp true";
        if wall_clock() < NOT_BEFORE {
            return Finding::wrong(SECTION, "clock", format!("it is {} here, which can't be", wall_clock()), fix);
        }
        let (ran, shown) = (self.monotonic.elapsed(), self.wall.elapsed().unwrap_or_default());
        if ran.abs_diff(shown) > CLOCK_STEP_MAX {
            let detail = format!("the wall clock moved by {shown:.1?} while {ran:.1?} passed");
            return Finding::less(SECTION, "clock", detail, fix);
        }
        Finding::ok(SECTION, "clock", format!("{} UTC, running evenly", shown_moment(wall_clock())))
    }
}

fn shown_moment(time: Time) -> String {
    const SECONDS_END: usize = 19;
    let text = time.to_string();
    text.get(..SECONDS_END).unwrap_or(&text).replace('T', " ")
}

fn system() -> Finding {
    let names = nix::sys::utsname::uname().ok();
    let text = |part: &std::ffi::OsStr| part.to_string_lossy().into_owned();
    let detail = names.map_or_else(
        || "unknown".to_owned(),
        |names| format!("{} {} ({})", text(names.sysname()), text(names.release()), text(names.machine())),
    );
    let user = if geteuid().is_root() { "as root" } else { "as an ordinary user" };
    Finding::ok(SECTION, "system", format!("{detail}, {user}"))
}

fn open_files() -> Option<Finding> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    let detail = format!("{soft} at once (up to {hard})");
    let fix = format!("ulimit -n {}, or LimitNOFILE= in the service", OPEN_FILES_GOOD.max(soft));
    Some(match soft {
        0..OPEN_FILES_MIN => Finding::wrong(SECTION, "open files", detail, fix),
        OPEN_FILES_MIN..OPEN_FILES_GOOD => Finding::less(SECTION, "open files", detail, fix),
        OPEN_FILES_GOOD.. => Finding::ok(SECTION, "open files", detail),
    })
}

/// Whether walls stand is proven elsewhere; this says which switch is the reason when they don't.
fn namespaces(is_root: bool, read: impl Fn(&str) -> Option<String>) -> Finding {
    let name = "namespaces";
    let closed = NAMESPACE_SWITCHES.iter().find(|(path, bad, _)| read(path).is_some_and(|value| value.trim() == *bad));
    match closed {
        Some((path, bad, fix)) if !is_root => {
            Finding::less(SECTION, name, format!("ordinary users may make none: {path} is {bad}"), *fix)
        }
        Some((path, bad, _)) => Finding::ok(SECTION, name, format!("root may make them; for others {path} is {bad}")),
        None => Finding::ok(SECTION, name, "anybody may make them"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::*;

    #[test]
    fn the_switch_that_forbids_namespaces_is_named() {
        let open = |_: &str| Some("1000\n".to_owned());
        assert_eq!(namespaces(false, open).detail, "anybody may make them");
        let closed = |path: &str| path.ends_with("userns_clone").then(|| "0\n".to_owned());
        let found = namespaces(false, closed);
        assert_eq!(
            (found.state, found.fix.as_deref()),
            (State::Less, Some("sysctl kernel.unprivileged_userns_clone=1"))
        );
        assert_eq!(namespaces(true, closed).state, State::Ok);
    }
}
