//! Terminals with real programs: what they show, how they end, and that they leave sessions alone.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mi_client::Terminal;
use mi_core::terminal::{Frame, Size};
use mi_core::wire::agents::{CommandLine, HarnessKind};
use mi_core::wire::runner::{EndCause, SessionGrant};
use mi_core::wire::terminals::{TerminalPlan, TerminalProgram};

use super::fake::*;
use crate::clock::within;
use crate::life::Parts;

const LIMIT: Duration = Duration::from_secs(20);
/// How a shell's prompt begins.
const PROMPT: &str = "ada:~";

struct Room {
    folder: tempfile::TempDir,
    fake: Arc<Fake>,
    parts: Parts,
}

fn room() -> Room {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::new();
    let parts = parts(&fake, folder.path(), Scripted::new([]));
    Room { folder, fake, parts }
}

impl Room {
    async fn eventually(&self, name: &str) -> String {
        eventually_read(&self.folder.path().join(name)).await
    }

    /// Without a session: the runner is told with `next`, and goes to sleep while the terminal lives on.
    async fn visit(&self, program: TerminalProgram) -> Terminal {
        let mut terminal = self.fake.visit(1, OrderAt::Next);
        live(self.parts.clone()).await.unwrap();
        begin(&mut terminal, program).await;
        terminal
    }
}

fn command(line: &str) -> TerminalProgram {
    TerminalProgram::Command(CommandLine::Shell(line.into()))
}

fn shell() -> TerminalProgram {
    TerminalProgram::Shell { columns: 100, rows: 40, term: "xterm".into() }
}

async fn begin(terminal: &mut Terminal, program: TerminalProgram) {
    let variables = [
        ("COLOUR", "blue"),
        ("MI_API_KEY", "stolen"),
        ("PATH", "/nowhere"),
        ("PROMPT_COMMAND", "echo > prompted"),
        ("HISTFILE", "history"),
    ];
    let variables = variables.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let plan = serde_json::to_vec(&TerminalPlan { program, variables }).unwrap();
    terminal.says.say(&Frame::Plan(plan)).await.unwrap();
}

/// A shell that waits for its first line: what is typed before may meet one that still prepares its terminal.
async fn begin_shell(room: &Room) -> Terminal {
    let mut terminal = room.visit(shell()).await;
    until(&mut terminal, PROMPT).await;
    terminal
}

async fn say(terminal: &mut Terminal, text: &str) {
    terminal.says.say(&Frame::Input(text.as_bytes().to_vec())).await.unwrap();
}

/// Everything until the end: the two outputs, and the last frame.
async fn all(terminal: &mut Terminal) -> (String, String, Option<Frame>) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let hearing = async {
        loop {
            match terminal.hears.next().await.unwrap() {
                Some(Frame::Output(bytes)) => out.extend(bytes),
                Some(Frame::Errors(bytes)) => err.extend(bytes),
                last => return last,
            }
        }
    };
    let last = within(LIMIT, hearing).await.expect("the terminal ends in time");
    (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap(), last)
}

/// Reads until the output holds this text.
async fn until(terminal: &mut Terminal, wanted: &str) -> String {
    let mut seen = String::new();
    let hearing = async {
        while !seen.contains(wanted) {
            match terminal.hears.next().await.unwrap() {
                Some(Frame::Output(bytes)) => seen.push_str(&String::from_utf8_lossy(&bytes)),
                other => panic!("{other:?} after {seen}"),
            }
        }
    };
    within(LIMIT, hearing).await.unwrap_or(());
    assert!(seen.contains(wanted), "{wanted:?} in {seen:?}");
    seen
}

async fn until_gone(pid: &str) {
    let looking = async {
        loop {
            let stat = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
            if stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with('Z')) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(LIMIT, looking).await.unwrap_or_else(|| panic!("{pid} goes on"));
}

#[tokio::test]
async fn a_command_runs_with_the_agents_variables_and_no_credential() {
    let _alone = alone().await;
    let room = room();
    let line = "echo out $COLOUR; echo err >&2; pwd; echo $HOME; env | grep -c -e MI_API_KEY -e MI_CLAIM -e MI_SESSION; exit 3";
    let mut terminal = room.visit(command(line)).await;
    let (out, err, last) = all(&mut terminal).await;
    let here = room.folder.path().display();
    assert_eq!(out, format!("out blue\n{here}\n{here}\n0\n"));
    assert_eq!((err.as_str(), last), ("err\n", Some(Frame::Ended(3))));
    assert_eq!(terminal.hears.next().await.unwrap(), None, "then the runner hangs up");
}

#[tokio::test]
async fn ends_by_signals_and_programs_that_are_not_there_are_told() {
    let _alone = alone().await;
    let room_of_one = room();
    let mut terminal = room_of_one.visit(command("kill -TERM $$")).await;
    assert_eq!(all(&mut terminal).await.2, Some(Frame::Ended(143)));
    let room = room();
    let nothing = TerminalProgram::Command(CommandLine::Argv(vec!["/no/such/program".into()]));
    let mut terminal = room.visit(nothing).await;
    let Some(Frame::Refused(why)) = all(&mut terminal).await.2 else { panic!("it was started") };
    assert!(why.starts_with("/no/such/program: No such file"), "{why}");
}

#[tokio::test]
async fn a_command_that_closes_its_outputs_ends_when_it_ends() {
    let _alone = alone().await;
    let room = room();
    let mut terminal = room.visit(command("exec >&- 2>&-; sleep 0.2; exit 3")).await;
    assert_eq!(all(&mut terminal).await.2, Some(Frame::Ended(3)));
}

#[tokio::test]
async fn much_output_comes_whole_and_what_was_left_running_ends() {
    let _alone = alone().await;
    let room = room();
    let line = "sleep 1000 & echo $! > left; head -c 300000 /dev/zero | tr '\\0' x";
    let mut terminal = room.visit(command(line)).await;
    let (out, _, last) = all(&mut terminal).await;
    assert_eq!((out.len(), last), (300_000, Some(Frame::Ended(0))));
    until_gone(&room.eventually("left").await).await;
}

#[tokio::test]
async fn whoever_hangs_up_leaves_nothing_behind() {
    let _alone = alone().await;
    let room = room();
    let line = "setsid sh -c 'echo $$ > far; exec sleep 1000' & nohup sleep 1000 > /dev/null & echo $! > near; wait";
    let terminal = room.visit(command(line)).await;
    let (near, far) = (room.eventually("near").await, room.eventually("far").await);
    drop(terminal);
    until_gone(&near).await;
    until_gone(&far).await;
}

#[tokio::test]
async fn a_shell_has_a_terminal_of_the_persons_size() {
    let _alone = alone().await;
    let room = room();
    let mut terminal = begin_shell(&room).await;
    say(&mut terminal, "stty size; echo $TERM-$COLOUR\n").await;
    until(&mut terminal, "40 100").await;
    // While the shell may be preparing its terminal for the next line.
    terminal.says.say(&Frame::Resize(Size { columns: 50, rows: 20 })).await.unwrap();
    say(&mut terminal, "until stty size | grep '20 50'; do sleep 0.02; done; tty; test -t 0 && echo yes-$((40+2))\n")
        .await;
    let seen = until(&mut terminal, "yes-42").await;
    assert!(seen.contains("20 50\r\n") && seen.contains("/dev/pts/"), "{seen}");
    say(&mut terminal, "exit 7\n").await;
    assert_eq!(all(&mut terminal).await.2, Some(Frame::Ended(7)));
}

#[tokio::test]
async fn what_lies_in_the_workspace_changes_no_shell_and_learns_nothing_of_it() {
    let _alone = alone().await;
    let room = room();
    let path = |name: &str| room.folder.path().join(name);
    std::fs::write(path(".inputrc"), "\"%\": \"injected\"\n").unwrap();
    let mut terminal = begin_shell(&room).await;
    say(&mut terminal, "echo 100%-$((1+1))\n").await;
    until(&mut terminal, "100%-2").await;
    say(&mut terminal, "exit\n").await;
    all(&mut terminal).await;
    for name in [".bash_history", "history", "prompted"] {
        assert!(!path(name).exists(), "{name}");
    }
}

#[tokio::test]
async fn ctrl_c_ends_what_runs_in_a_shell_and_not_the_shell() {
    let _alone = alone().await;
    let room = room();
    let mut terminal = begin_shell(&room).await;
    say(&mut terminal, "sh -c 'echo begun-$((1+1)); exec sleep 1000'\n").await;
    until(&mut terminal, "begun-2").await;
    say(&mut terminal, "\u{3}").await;
    until(&mut terminal, PROMPT).await;
    say(&mut terminal, "echo still-$((1+2))\n").await;
    until(&mut terminal, "still-3").await;
    terminal.says.say(&Frame::InputEnd).await.unwrap();
    let last = all(&mut terminal).await.2;
    assert!(matches!(last, Some(Frame::Ended(_))), "{last:?}");
}

#[tokio::test]
async fn a_shell_that_is_hung_up_on_ends_with_all_that_runs_in_it() {
    let _alone = alone().await;
    let room = room();
    let mut terminal = begin_shell(&room).await;
    say(&mut terminal, "trap '' HUP; sleep 1000 & echo $! > behind; echo $$ > itself; sleep 1000\n").await;
    let (behind, itself) = (room.eventually("behind").await, room.eventually("itself").await);
    drop(terminal);
    until_gone(&behind).await;
    until_gone(&itself).await;
}

fn working(line: &str) -> SessionGrant {
    let command = Some(CommandLine::Shell(line.into()));
    SessionGrant { command, ..grant(HarnessKind::Command) }
}

#[tokio::test]
async fn a_terminal_and_a_session_leave_each_other_alone() {
    let _alone = alone().await;
    let room = room();
    // A child without any mark, and one that poses as a terminal's: both are the session's.
    let line = "env -i MI_TREE=2 setsid sleep 1000 & echo $! > posing; env -i setsid sleep 1000 & echo $! > ready; \
                until [ -e go ]; do sleep 0.02; done";
    room.fake.grant(working(line));
    let running = tokio::spawn(live(room.parts.clone()));
    let of_session = room.eventually("ready").await;

    let mut brief = room.fake.visit(1, OrderAt::Beat);
    begin(&mut brief, command("echo here")).await;
    assert_eq!(all(&mut brief).await, ("here\n".into(), String::new(), Some(Frame::Ended(0))));
    let alive = || std::fs::read_to_string(format!("/proc/{of_session}/stat")).is_ok_and(|stat| !stat.contains(") Z"));
    assert!(alive(), "the end of a terminal ended something of the session");

    let mut long = room.fake.visit(2, OrderAt::Beat);
    begin(&mut long, shell()).await;
    until(&mut long, PROMPT).await;
    say(&mut long, "echo open-$((1+1))\n").await;
    until(&mut long, "open-2").await;
    std::fs::write(room.folder.path().join("go"), "").unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(room.fake.only_end().cause, EndCause::Finished);
    until_gone(&of_session).await;
    until_gone(&room.eventually("posing").await).await;
    say(&mut long, "echo after-$((1+1)); exit\n").await;
    until(&mut long, "after-2").await;
    assert_eq!(all(&mut long).await.2, Some(Frame::Ended(0)));
}
