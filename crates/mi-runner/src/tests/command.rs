//! Harness `command` with real programs, and the ways in which a session is stopped.

use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mi_core::time::Millis;
use mi_core::wire::agents::{CommandLine, HarnessKind};
use mi_core::wire::runner::{EndCause, EndSession, ItemKind, OrderAct, SessionGrant};
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

use super::fake::*;
use crate::life::{ExitReason, Parts};
use crate::process::Reach;

struct Room {
    folder: tempfile::TempDir,
    fake: Arc<Fake>,
    parts: Parts,
}

fn room(grant: SessionGrant) -> Room {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::new();
    fake.grant(grant);
    let parts = parts(&fake, folder.path(), Scripted::new([]));
    Room { folder, fake, parts }
}

impl Room {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Lives until the session has ended and gives its report.
    async fn end(&self) -> EndSession {
        assert_eq!(live(self.parts.clone()).await.unwrap(), ExitReason::Hibernate);
        self.fake.only_end()
    }

    /// Does something once the program has written `ready`.
    async fn end_after(&self, act: impl FnOnce(&Room)) -> EndSession {
        let running = tokio::spawn(live(self.parts.clone()));
        eventually_read(&self.path("ready")).await;
        act(self);
        running.await.unwrap().unwrap();
        self.fake.only_end()
    }
}

/// A process that has ended is gone or waits for its parent as a zombie.
fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

#[tokio::test]
async fn a_program_gets_context_environment_and_workspace() {
    let _alone = alone().await;
    let room = room(command("cat > context.json; env > env.txt; pwd > pwd.txt; echo hello; printf 'bad \\377' >&2"));
    room.fake.state().env.extend([("TOKEN_URL".into(), "a b".into()), ("MI_AGENT".into(), "eve".into())]);
    let end = room.end().await;
    assert_eq!((end.cause, end.exit, end.signal), (EndCause::Finished, Some(0), None));
    let context: serde_json::Value = serde_json::from_str(&room.read("context.json")).unwrap();
    assert_eq!(context["task"]["id"], 7);
    assert_eq!(context["files"][0]["name"], "main.go");
    let environment = room.read("env.txt");
    let has = |line: &str| environment.lines().any(|found| found == line);
    let workspace = room.folder.path().display();
    for line in [
        "MI_ENDPOINT=http://127.0.0.1:1",
        "MI_OFFICE=7f6b2a3c-1d2e-4f50-8a9b-0c1d2e3f4a5c",
        "MI_AGENT=ada",
        "MI_SESSION=41",
        "MI_TASK=7",
        "MI_ATTEMPT=1",
        "MI_CLAIM=41",
        "MI_API_KEY=mis_secret",
        "TOKEN_URL=a b",
        &format!("HOME={workspace}"),
    ] {
        assert!(has(line), "{line} is missing in {environment}");
    }
    for secret in ["mir_secret", "MI_TICKET", "CARGO"] {
        assert!(!environment.contains(secret), "{secret} in {environment}");
    }
    assert_eq!(room.read("pwd.txt").trim(), room.folder.path().canonicalize().unwrap().to_str().unwrap());
    let log = room.fake.texts(ItemKind::Log);
    assert!(log.contains(&"hello".to_owned()) && log.contains(&"bad \u{fffd}".to_owned()), "{log:?}");
    assert_eq!(end.last, room.fake.state().items.len() as i64);
}

#[tokio::test]
async fn a_failing_program_is_reported_with_its_last_line() {
    let _alone = alone().await;
    let end = room(command("echo first; echo 'no such input' >&2; exit 3")).end().await;
    assert_eq!((end.cause, end.exit), (EndCause::Failed, Some(3)));
    assert!(end.summary.starts_with("the command exited with 3; its last line: "), "{}", end.summary);
}

#[tokio::test]
async fn what_it_was_given_in_confidence_stays_out_of_its_log() {
    let _alone = alone().await;
    let room = room(command("echo \"token $TOKEN\"; echo \"$MI_API_KEY\"; echo \"died of $TOKEN\" >&2; exit 3"));
    room.fake.state().env.insert("TOKEN".into(), "s3cret-value".into());
    let end = room.end().await;
    let log = room.fake.texts(ItemKind::Log);
    for line in ["token [TOKEN]", "[MI_API_KEY]", "died of [TOKEN]"] {
        assert!(log.contains(&line.to_owned()), "{line} is missing in {log:?}");
    }
    assert!(!log.concat().contains("s3cret") && !end.summary.contains("s3cret"), "{log:?} {}", end.summary);
}

#[tokio::test]
async fn a_program_that_isnt_there_is_a_missing_harness() {
    let _alone = alone().await;
    let words = CommandLine::Argv(vec!["no-such-program-here".into()]);
    let end = room(SessionGrant { command: Some(words), ..grant(HarnessKind::Command) }).end().await;
    assert_eq!(end.cause, EndCause::HarnessMissing);
    let end = room(SessionGrant { command: None, ..grant(HarnessKind::Command) }).end().await;
    assert_eq!((end.cause, end.summary.as_str()), (EndCause::HarnessMissing, "the agent has no command"));
}

#[tokio::test]
async fn arguments_are_passed_without_a_shell() {
    let _alone = alone().await;
    let words = ["/bin/echo", "$HOME", "a  b"].map(String::from).to_vec();
    let room = room(SessionGrant { command: Some(CommandLine::Argv(words)), ..grant(HarnessKind::Command) });
    room.end().await;
    assert_eq!(room.fake.texts(ItemKind::Log), ["$HOME a  b"]);
}

/// Leaves its session, its group and its parent, and ignores SIGHUP and SIGTERM.
const RUNAWAY: &str = "(setsid nohup sh -c 'trap \"\" TERM; echo $$ > runaway; exec sleep 1000' > /dev/null 2>&1 &); \
                       while ! [ -s runaway ]; do sleep 0.01; done";

#[tokio::test]
async fn a_grandchild_that_ran_away_is_dead_at_the_end() {
    let _alone = alone().await;
    for reach in [Reach::Everything, Reach::Marked] {
        let mut room = room(command(RUNAWAY));
        room.parts.reach = reach;
        assert_eq!(room.end().await.cause, EndCause::Finished);
        let pid = room.read("runaway");
        assert!(!is_alive(pid.trim()), "{reach:?}");
    }
}

#[tokio::test]
async fn a_session_of_the_same_number_under_another_runner_goes_on() {
    let _alone = alone().await;
    let marked = |line: &str| {
        let mut room = room(command(line));
        room.parts.reach = Reach::Marked;
        room
    };
    let going_on = marked("echo $$ > pid; until [ -e go ]; do sleep 0.02; done");
    let (folder, parts) = (going_on.folder.path().to_owned(), going_on.parts.clone());
    let running = tokio::spawn(live(parts));
    let pid = eventually_read(&folder.join("pid")).await;
    assert_eq!(marked("true").end().await.cause, EndCause::Finished);
    assert!(is_alive(&pid), "the end of one runner's session ended another runner's");
    std::fs::write(folder.join("go"), "").unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(going_on.fake.only_end().cause, EndCause::Finished);
}

#[tokio::test]
async fn one_that_even_cleared_its_environment_is_dead_too() {
    let _alone = alone().await;
    let room = room(command(&RUNAWAY.replace("setsid", "env -i /usr/bin/setsid")));
    room.end().await;
    assert!(!is_alive(room.read("runaway").trim()));
}

/// Eight that each fork the next and end at once, for as long as their folder is there. All hold the pipe open.
const CHAINS: &str = "exec 9> pipe; echo '[ -e pipe ] || exit 0; sh ./chain & exit 0' > chain; \
                      for _ in 1 2 3 4 5 6 7 8; do sh ./chain; done; exit 0";

#[tokio::test]
async fn a_chain_of_forks_ends_with_the_session() {
    let _alone = alone().await;
    let room = room(command(CHAINS));
    nix::unistd::mkfifo(&room.path("pipe"), Mode::S_IRWXU).unwrap();
    let flags = OFlag::O_NONBLOCK.bits();
    let mut pipe = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(room.path("pipe")).unwrap();
    assert_eq!(room.end().await.cause, EndCause::Finished);
    // The end of the pipe: nobody could write to it any more. A link that is alive would make this `WouldBlock`.
    assert_eq!(pipe.read(&mut [0]).unwrap(), 0);
}

#[tokio::test]
async fn cancelling_asks_first() {
    let _alone = alone().await;
    let line = "trap 'echo asked to go; exit 5' TERM; echo > ready; while :; do sleep 0.05; done";
    let end = room(command(line)).end_after(|room| room.fake.order(OrderAct::Cancel, 10)).await;
    assert_eq!((end.cause, end.exit, end.summary.as_str()), (EndCause::Killed, Some(5), "cancelled: because"));
}

#[tokio::test]
async fn a_program_deaf_to_sigterm_is_killed_after_its_grace() {
    let _alone = alone().await;
    let room = room(command(&format!("trap '' TERM; {RUNAWAY}; echo > ready; while :; do sleep 0.05; done")));
    let end = room.end_after(|room| room.fake.order(OrderAct::Stop, 0)).await;
    assert_eq!((end.cause, end.exit, end.signal), (EndCause::Stopped, None, Some(9)));
    assert!(!is_alive(room.read("runaway").trim()));
}

const PATIENT: &str = "echo > ready; exec sleep 1000";

#[tokio::test]
async fn a_stale_claim_stops_the_work() {
    let _alone = alone().await;
    let room = room(command(PATIENT));
    let end = room.end_after(|room| room.fake.break_beats(stale())).await;
    assert_eq!((end.cause, end.signal), (EndCause::Stale, Some(15)));
    assert_eq!(room.fake.texts(ItemKind::Log), Vec::<String>::new(), "why it is over, the server says");
}

#[tokio::test]
async fn a_silent_server_stops_the_work_before_the_lease_ends() {
    let _alone = alone().await;
    let lease_expires_at = NOW + Millis(5_400);
    let room = room(SessionGrant { lease_expires_at, ..command(PATIENT) });
    room.fake.break_beats(lost());
    let since = Instant::now();
    let end = room.end().await;
    assert_eq!((end.cause, end.signal), (EndCause::Stale, Some(15)));
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    assert_eq!(end.summary, "the server did not answer before the lease ran out");
}

#[tokio::test]
async fn the_deadline_is_the_runners() {
    let _alone = alone().await;
    let end = room(SessionGrant { deadline_at: NOW + Millis(200), ..command("exec sleep 1000") }).end().await;
    assert_eq!((end.cause, end.signal), (EndCause::Deadline, Some(15)));
}

#[tokio::test]
async fn draining_ends_the_session_uncounted() {
    let _alone = alone().await;
    let room = room(command(PATIENT));
    let end = room.end_after(|room| room.parts.drain.cancel()).await;
    assert_eq!((end.cause, end.signal), (EndCause::Drain, Some(15)));
    assert_eq!(room.fake.state().polls, [1]);
}

#[tokio::test]
async fn a_newer_runner_makes_this_one_go_without_a_report() {
    let _alone = alone().await;
    let room = room(command(PATIENT));
    let running = tokio::spawn(live(room.parts.clone()));
    eventually_read(&room.path("ready")).await;
    room.fake.break_beats(crate::ControlError::refused(409, "superseded", "a newer runner is there"));
    assert_eq!(running.await.unwrap().unwrap(), ExitReason::Superseded);
    assert!(room.fake.state().ends.is_empty());
}

#[tokio::test]
async fn a_flood_of_output_arrives_without_holes() {
    let _alone = alone().await;
    let room = room(command("seq 1 20000; head -c 20000 /dev/zero | tr '\\0' x"));
    room.fake.state().event_faults.push_back(lost());
    let end = room.end().await;
    assert_eq!(end.cause, EndCause::Finished);
    let log = room.fake.texts(ItemKind::Log);
    let lines: Vec<&String> = log.iter().filter(|line| !line.contains("dropped")).collect();
    assert!(lines.iter().all(|line| line.len() <= 8 * 1024));
    assert_eq!(lines.last().unwrap().len(), 20000 - 2 * 8 * 1024);
    assert_eq!(end.last, room.fake.state().items.len() as i64);
}
