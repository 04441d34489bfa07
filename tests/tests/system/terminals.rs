//! Commands and shells in real pods: what they reach, how they end, what they leave behind.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use nix::pty::{OpenptyResult, Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::Pid;
use serde_json::json;
use tests::{House, LONG, Office, SHORT, Server, Start, until};

/// What an agent does while people look around in its pod.
const AT_WORK: &str = "tq log begun; until [ -e /workspace/go ]; do sleep 0.1; done; tq done worked";

/// What the shell shows when it waits for a line.
const PROMPT: &str = "ada:~$";
/// About two seconds.
const LOOKS_PER_PRESS: u32 = 80;

/// The ways to raise walls that this machine knows.
fn backends() -> Vec<&'static str> {
    let has_bwrap = std::path::Path::new("/usr/bin/bwrap").exists();
    ["namespaces", "bwrap"].into_iter().filter(|way| *way == "namespaces" || has_bwrap).collect()
}

fn command(server: &Server<'_>, office: &Office<'_>, words: &[&str]) -> Command {
    let mut command = server.house.command(server.house.path("bin/mi"));
    command.args(words).args(["--colony", office.id()]).env("MI_ENDPOINT", &server.endpoint).env("TERM", "xterm");
    command
}

fn debug(office: &Office<'_>, line: &str) -> tests::Said {
    office.server.mi(&["agents", "debug", "ada", "--colony", office.id(), "--", line])
}

#[test]
fn commands_run_in_the_pod_whatever_the_agent_is_at() {
    for backend in backends() {
        let house = House::new();
        let server = Server::start_with(&house, &Start::default().with_env("MI_POD_BACKEND", backend));
        let office = Office::create(&server, "debug");
        office.hire("ada", AT_WORK);
        office.await_idle("ada", SHORT);
        idle(&office);
        busy(&server, &office);
        // The test that a session's own processes are whole is that it finishes.
        debug(&office, "touch /workspace/go ").ok();
        office.await_status(1, "done", LONG);
        let told = office.mi(&["tasks", "session", "1", "-f"]).ok().stdout;
        assert!(told.contains("attempt 1") && told.contains("ended: done") && told.contains("tokens"), "{told}");
        assert!(server.stop().success());
    }
}

fn idle(office: &Office<'_>) {
    let said = debug(office, "echo $MI_AGENT; pwd; echo oh >&2; ls /home /root; exit 3");
    assert_eq!((said.code, said.stdout.as_str()), (Some(3), "ada\n/workspace\n"), "{said:?}");
    assert!(said.stderr.starts_with("oh\n"), "{said:?}");
    let said = debug(office, "env | grep -e API_KEY -e mis_ -e mir_; id -u; grep ^NoNewPrivs /proc/self/status");
    assert!(said.stdout.ends_with("NoNewPrivs:\t1\n") && !said.stdout.contains("mi"), "{said:?}");
    debug(office, "nosuchprogram").fails(2, &["nosuchprogram"]);
    office.mi(&["agents", "debug", "bob"]).code.filter(|code| *code == 2).unwrap();
    let slow =
        office.server.mi(&["agents", "debug", "ada", "--timeout", "1s", "-c", office.id(), "--", "sleep", "100"]);
    assert_eq!(slow.code, Some(137), "{slow:?}");
    assert!(slow.stderr.contains("time was over"), "{slow:?}");
    until(SHORT, "the end of what ran too long", || is_quiet(office, "sleep 100").then_some(()));
}

/// Whether nothing of the pod has these words in its command line.
fn is_quiet(office: &Office<'_>, words: &str) -> bool {
    let seen = debug(office, "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; echo; done").ok().stdout;
    !seen.contains(words)
}

fn busy(server: &Server<'_>, office: &Office<'_>) {
    office.task("Work", &["--assigned-agent", "ada"]);
    office.await_status(1, "running", SHORT);
    assert_eq!(debug(office, "echo here && ls").ok().stdout.lines().next(), Some("here"));
    let words = ["agents", "debug", "ada", "--timeout", "10m"];
    let mut asked = command(server, office, &words);
    let mut asked =
        asked.args(["--", "sleep 1234 & sleep 1235"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = || office.mi(&["agents", "activity", "ada"]).ok().stdout.contains("sleep 1234").then_some(());
    until(SHORT, "the command's begin", begun);
    debug(office, "true").fails(5, &["somebody has a terminal"]);
    asked.kill().unwrap();
    asked.wait().unwrap();
    until(SHORT, "room for the next terminal", || debug(office, "true").code.filter(|code| *code == 0));
    until(SHORT, "the end of what its caller left", || is_quiet(office, "sleep 123").then_some(()));
    let activity = office.mi(&["agents", "activity", "ada", "--category", "terminal"]).ok().stdout;
    assert!(activity.contains("owner runs a command") && activity.contains("ended: left"), "{activity}");
}

/// A person at a terminal, in which `mi agents shell` runs.
struct Person {
    child: Child,
    keys: File,
    /// Keeps the terminal's own side open, to look at its settings.
    own: OwnedFd,
    seen: Arc<Mutex<String>>,
}

impl Person {
    fn sits_down(server: &Server<'_>, office: &Office<'_>) -> Self {
        let size = Winsize { ws_row: 33, ws_col: 111, ws_xpixel: 0, ws_ypixel: 0 };
        let OpenptyResult { master, slave } = openpty(&size, None).unwrap();
        let mut command = command(server, office, &["agents", "shell", "ada"]);
        let end = || Stdio::from(slave.try_clone().unwrap());
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        let seen: Arc<Mutex<String>> = Arc::default();
        let (mut screen, kept) = (File::from(master.try_clone().unwrap()), seen.clone());
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count) = screen.read(&mut chunk) {
                if count == 0 {
                    return;
                }
                kept.lock().unwrap().push_str(&String::from_utf8_lossy(&chunk[..count]));
            }
        });
        Self { child, keys: File::from(master), own: slave, seen }
    }

    fn types(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).unwrap();
    }

    fn sees(&self, text: &str) {
        let is_seen = || self.seen.lock().unwrap().contains(text).then_some(());
        until(SHORT, &format!("{text:?} on the screen"), is_seen);
    }

    /// Ctrl-C, as people do it: once more while nothing happens, and nothing else before the shell asks for it.
    fn interrupts(&mut self) {
        let prompts = |seen: &Mutex<String>| seen.lock().unwrap().matches(PROMPT).count();
        let before = prompts(&self.seen);
        let mut looks = 0;
        until(SHORT, "a prompt after Ctrl-C", || {
            if looks % LOOKS_PER_PRESS == 0 {
                self.types("\u{3}");
            }
            looks += 1;
            (prompts(&self.seen) > before).then_some(())
        });
    }

    fn leaves(&mut self) -> Option<i32> {
        let child = &mut self.child;
        until(SHORT, "the end of mi agents shell", || child.try_wait().unwrap()).code()
    }

    /// Lines are edited and echoed by the terminal itself: nobody left it in raw mode.
    fn terminal_is_as_before(&self) -> bool {
        let flags = tcgetattr(&self.own).unwrap().local_flags;
        flags.contains(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG)
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("--- the screen\n{}", self.seen.lock().unwrap());
        }
        if self.child.kill().is_ok() {
            self.child.wait().ok();
        }
    }
}

#[test]
fn a_person_has_a_shell_in_the_pod_and_gets_their_terminal_back() {
    for backend in backends() {
        let house = House::new();
        let server = Server::start_with(&house, &Start::default().with_env("MI_POD_BACKEND", backend));
        let office = Office::create(&server, "shell");
        office.hire("ada", AT_WORK);
        office.await_idle("ada", SHORT);

        let mut person = Person::sits_down(&server, &office);
        person.sees(PROMPT);
        assert!(!person.terminal_is_as_before(), "every key goes to the shell");
        person.types("stty size; id -un; tty; echo $((40+2))-done\r");
        person.sees("42-done");
        person.sees("33 111");
        person.sees("agent");
        person.types("sh -c 'echo $((20+2))-sleeps; exec sleep 1000'\r");
        person.sees("22-sleeps");
        debug(&office, "true").fails(5, &["somebody has a terminal"]);
        person.interrupts();
        person.types("echo $((50+5))-still\r");
        person.sees("55-still");
        person.types("exit 9\r");
        assert_eq!(person.leaves(), Some(9));
        assert!(person.terminal_is_as_before());

        // Told to end, it gives the terminal back first; what ran in it ends.
        let mut person = Person::sits_down(&server, &office);
        person.sees(PROMPT);
        person.types("nohup sleep 4321 & echo $((60+6))-begun\r");
        person.sees("66-begun");
        kill(Pid::from_raw(i32::try_from(person.child.id()).unwrap()), Signal::SIGTERM).unwrap();
        assert_eq!(person.leaves(), Some(143));
        assert!(person.terminal_is_as_before());
        until(SHORT, "room for the next terminal", || debug(&office, "true").code.filter(|code| *code == 0));
        until(SHORT, "the end of what ran in the shell", || is_quiet(&office, "sleep 4321").then_some(()));

        // The pod ends under it.
        let mut person = Person::sits_down(&server, &office);
        person.sees(PROMPT);
        office.mi(&["stop", "ada"]).ok();
        assert_eq!(person.leaves(), Some(1));
        assert!(person.terminal_is_as_before());
        person.sees("the connection to the pod is gone");
        office.mi(&["agents", "shell", "ada"]).fails(5, &["pod doesn't run", "mi start ada"]);
        let events = office.read("/employees/ada/activity?category=terminal");
        let ends: Vec<_> = events.as_array().unwrap().iter().filter(|e| e["type"] == "terminals.end").collect();
        assert_eq!(ends.last().unwrap()["metadata"]["exit"], json!(9), "{events:#}");
        assert!(server.stop().success());
    }
}
