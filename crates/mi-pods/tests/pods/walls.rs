//! What a sandboxed pod can and can't reach, and what is left when it ends; by every backend, as root and as anybody.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use crate::house::{
    self, DONE, House, LIMIT, OFFICE_UID, StandIn, TICKET, again, assert_all_gone, backends, play_server, plays,
    wait_at,
};
use mi_pods::{
    Backend, Driver, FindingState, HarnessRoot, Limit, Limits, LocalConfig, LocalDriver, PodError, PodStatus, Quota,
    Strictness, marked_processes,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

const NOBODY: &str = "65534";

#[test]
fn wall_nothing_of_the_host_is_within_reach() {
    let house = House::new();
    let other = house.spec("bob", "").workspace;
    fs::write(other.join("diary"), "dear diary").unwrap();
    let data = house.path("server-data");
    let script = format!(
        "for path in /root /home /etc/shadow /sys /boot {} {} /proc/1/root/root; do
           if ls $path/ >/dev/null 2>&1 || cat $path >/dev/null 2>&1; then echo reached $path; fi
         done
         for path in /proc/sys/kernel/hostname /proc/sys/user/max_user_namespaces /proc/sysrq-trigger /etc/passwd /usr/x /x /run/mi/x /opt/mi/bin/x; do
           if (echo x >$path) 2>/dev/null; then echo wrote $path; fi
         done
         cat /proc/[0-9]*/status | grep -c ^Name | {{ read count; [ $count -le 6 ] || echo $count processes; }}
         kill -9 1; exit 0",
        other.display(),
        data.display()
    );
    for backend in backends() {
        let (status, seen) = house.run(&house.local(backend), "ada", &script);
        assert_eq!((status, seen.as_str()), (DONE, ""), "{backend}");
    }
}

#[test]
fn wall_both_backends_show_the_same() {
    let script = r"ls -l / | awk 'NR > 1 { print $1, $3, $4, $NF }'; ls /dev /etc /opt/mi/* /run
        find / -xdev -type d -not -path '/proc/*' -not -path '/usr/*' -exec stat -c '%n %a %F' {} + | sort
        stat -c '%n %a %F' /tmp /run /dev/* /workspace; id; hostname; pwd; umask; env | grep -v MI_POD_ID | sort
        awk 'NR > 2 { print $1 }' /proc/net/dev; ls /proc/self/fd | wc -l
        awk '{ split($4, flag, /,/); print $2, flag[1] }' /proc/mounts | sort -u
        grep -v nosuid /proc/mounts | cut -d' ' -f2; cat /etc/passwd /etc/hosts; grep -E 'NoNewPrivs|Cap(Eff|Prm|Inh|Amb)' /proc/self/status
        tq -c 'echo tq is $0'; cat /proc/1/comm; ulimit -c";
    let seen: Vec<String> = backends()
        .into_iter()
        .map(|backend| {
            let house = House::new();
            let (status, seen) = house.run(&house.local(backend), "ada", script);
            assert_eq!(status, DONE, "{seen}");
            seen
        })
        .collect();
    println!("{}", seen[0]);
    for other in &seen[1..] {
        assert_eq!(&seen[0], other);
    }
    let uid = if geteuid().is_root() { OFFICE_UID } else { geteuid().as_raw() };
    assert!(seen[0].contains(&format!("uid={uid}(agent)")) && seen[0].contains("tq is tq"));
}

/// The socket is bound anew after the pod has started, as a restarted listener does.
#[test]
fn wall_network_is_loopback_and_the_servers_socket() {
    let house = House::new();
    for backend in backends() {
        let dial = "perl -MIO::Socket::UNIX -e 'print IO::Socket::UNIX->new(q(/run/mi/s.sock))->getline'";
        let script = format!("awk 'NR > 2 {{ print $1 }}' /proc/net/dev; echo up >~/signpost; cat ~/signpost; {dial}");
        let spec = house.spec("ada", &script);
        let (signpost, log, door) =
            (house.signpost(&spec), spec.log.clone(), spec.socket_dir.clone().unwrap().join("s.sock"));
        drop(UnixListener::bind(&door).unwrap());
        let pod = house.start(&house.local(backend), spec);
        wait_at(&signpost);
        fs::remove_file(&door).unwrap();
        let listener = UnixListener::bind(&door).unwrap();
        fs::set_permissions(&door, fs::Permissions::from_mode(0o666)).unwrap();
        fs::write(&signpost, "go\n").unwrap();
        let (mut caller, _) = listener.accept().unwrap();
        caller.write_all(b"hello\n").unwrap();
        assert_eq!(pod.wait_timeout(LIMIT), DONE);
        assert_eq!(fs::read_to_string(&log).unwrap(), "lo:\ngo\nhello\n", "{backend}");
        for file in [log, door, signpost] {
            fs::remove_file(file).unwrap();
        }
    }
}

#[test]
fn wall_workspace_and_drive_persist() {
    let house = House::new();
    let harness = house.path("tool");
    fs::create_dir(&harness).unwrap();
    fs::write(harness.join("version"), "7").unwrap();
    for backend in backends() {
        let script = format!("echo {backend} >~/mine && cp $MI_TOOL /shared/files/ours && cat ~/mine");
        let mut spec = house.spec("ada", &script);
        spec.harnesses = vec![HarnessRoot {
            name: "tool".into(),
            root: harness.clone(),
            entry: "version".into(),
            variable: "MI_TOOL".into(),
        }];
        let mine = spec.workspace.join("mine");
        assert_eq!(house.start(&house.local(backend), spec).wait_timeout(LIMIT), DONE);
        assert_eq!(fs::read_to_string(mine).unwrap(), format!("{backend}\n"));
        assert_eq!(fs::read_to_string(house.path("drive/ours")).unwrap(), "7");
        fs::remove_file(house.path("drive/ours")).unwrap();
    }
}

#[test]
fn wall_ticket_is_on_its_pipe_and_nowhere_else() {
    let house = House::new();
    for backend in backends() {
        let script = "cat <&$MI_TICKET_FD >~/ticket; exec 3<&-; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'; ls /proc/1/fd 2>&1";
        let (status, seen) = house.run(&house.local(backend), "ada", script);
        assert_eq!(fs::read_to_string(house.path("work-ada/ticket")).unwrap(), TICKET, "{backend} {status:?}");
        assert!(!seen.contains(TICKET) && seen.contains("MI_TICKET_FD=3"), "{backend}: {seen}");
        assert!(seen.contains("Permission denied"), "the first process can be looked into: {seen}");
    }
}

/// The one thing that a check may do to the drive is read it; it can't reach the server, nor leave anything behind.
#[test]
fn wall_a_check_only_looks_at_the_drive() {
    let house = House::new();
    let script = "exec 3<&-; cd $MI_DRIVE && pwd && cat report
        for act in 'touch x' 'rm report' 'chmod 777 report' 'mkdir y' 'mv report z' 'ln report l' 'truncate -s 0 report'; do
          if $act 2>/dev/null; then echo DID $act; fi
        done
        if (echo x >>report) 2>/dev/null || (echo x >/shared/files/sub/x) 2>/dev/null; then echo WROTE; fi
        echo mine >~/mine && cat ~/mine; ls -A ~; echo x >/tmp/x && cat /tmp/x
        ls /run/mi 2>/dev/null; which mi tq; env | grep -E 'TICKET|SOCKET|ENDPOINT'; ls /proc/self/fd | wc -l
        awk 'NR > 2 { print $1 }' /proc/net/dev; grep -E 'NoNewPrivs|CapEff|Seccomp:' /proc/self/status | tr -d '\t 0'
        unshare --user true 2>/dev/null && echo UNSHARED; exit 3";
    for backend in backends() {
        let spec = house.check_spec(script);
        for place in ["drive/sub", "drive"] {
            fs::create_dir_all(house.path(place)).unwrap();
        }
        fs::write(house.path("drive/report"), "all is well\n").unwrap();
        let (log, workspace) = (spec.log.clone(), spec.workspace.clone());
        let pod = house.start(&house.local(backend), spec);
        assert_eq!(pod.wait_timeout(LIMIT), PodStatus::Exited { code: Some(3), signal: None });
        let seen = fs::read_to_string(&log).unwrap();
        let expected = "/shared/files\nall is well\nmine\nmine\nx\n4\nlo:\nCapEff:\nNoNewPrivs:1\nSeccomp:2\n";
        assert_eq!(seen, expected, "{backend}");
        assert_eq!(fs::read_to_string(house.path("drive/report")).unwrap(), "all is well\n");
        assert!(fs::read_dir(workspace).unwrap().next().is_none(), "its home was no folder of the host");
        fs::remove_file(log).unwrap();
    }
}

/// The mounts alone would let it: `/run` is memory of the pod's own user.
#[test]
fn wall_landlock_stands_beside_the_mounts() {
    let house = House::new();
    for backend in backends() {
        let driver = house.local(backend);
        let findings = driver.readiness().findings;
        let landlock = findings.iter().find(|finding| finding.name == "landlock").unwrap();
        if landlock.state != FindingState::Raised {
            println!("skipped: {}", landlock.why);
            return;
        }
        let script = "[ -O /run ] && echo mine; touch /run/x 2>&1; echo x >/tmp/x && mv /tmp/x ~/x && echo moved";
        let (status, seen) = house.run(&driver, "ada", script);
        assert_eq!(status, DONE, "{seen}");
        assert_eq!(seen, "mine\ntouch: cannot touch '/run/x': Permission denied\nmoved\n", "{backend}");
    }
}

#[test]
fn wall_a_check_that_never_ends_is_killed_whole() {
    for backend in backends() {
        let house = House::new();
        let driver = house.local(backend);
        let spec = house.check_spec(
            "exec 3<&-; sleep 1000 & setsid sleep 1000 & setsid env -i sleep 1000 & echo up; wait; sleep 1000",
        );
        let id = driver.pod_id(&spec);
        let pod = house.start(&driver, spec);
        assert!(!marked_processes(&id).unwrap().is_empty());
        pod.kill();
        assert_ne!(pod.wait_timeout(LIMIT), PodStatus::Running);
        assert_eq!(marked_processes(&id).unwrap(), Vec::<u32>::new(), "{backend}");
    }
}

/// A pod with children in sessions and environments of their own.
const BUSY: &str = "sleep 1000 & setsid sleep 1000 & setsid env -i sleep 1000 & echo up >~/signpost; wait; sleep 1000";

#[test]
fn wall_a_killed_pod_leaves_nothing() {
    for backend in backends() {
        let house = House::new();
        let driver = house.local(backend);
        let spec = house.spec("ada", BUSY);
        let (id, signpost) = (driver.pod_id(&spec), house.signpost(&spec));
        let pod = house.start(&driver, spec);
        assert_eq!(wait_at(&signpost), "up\n");
        assert!(!marked_processes(&id).unwrap().is_empty());
        pod.kill();
        assert_ne!(pod.wait_timeout(LIMIT), PodStatus::Running);
        assert_eq!(marked_processes(&id).unwrap(), Vec::<u32>::new(), "{backend}");
        assert_eq!(pod.pid(), None);
    }
}

#[test]
fn wall_a_shot_outer_process_takes_the_pod_along() {
    for backend in backends() {
        let house = House::new();
        let driver = house.local(backend);
        let spec = house.spec("ada", BUSY);
        let (id, signpost) = (driver.pod_id(&spec), house.signpost(&spec));
        let pod = house.start(&driver, spec);
        wait_at(&signpost);
        kill(Pid::from_raw(pod.pid().unwrap() as i32), Signal::SIGKILL).unwrap();
        assert_ne!(pod.wait_timeout(LIMIT), PodStatus::Running);
        assert_eq!(marked_processes(&id).unwrap(), Vec::<u32>::new(), "{backend}");
    }
}

#[test]
fn wall_a_shot_program_takes_the_pod_along() {
    for backend in backends() {
        let house = House::new();
        let driver = house.local(backend);
        let spec = house.spec("ada", "sleep 1000 & kill -9 $$");
        let id = driver.pod_id(&spec);
        let pod = house.start(&driver, spec);
        assert_eq!(pod.wait_timeout(LIMIT), PodStatus::Exited { code: None, signal: Some(9) });
        assert_eq!(marked_processes(&id).unwrap(), Vec::<u32>::new(), "{backend}");
    }
}

#[test]
fn wall_terminate_reaches_the_program() {
    for backend in backends() {
        let house = House::new();
        let spec = house
            .spec("ada", "trap 'echo drained; exit 7' TERM; echo up >~/signpost; while :; do sleep 1000 & wait; done");
        let (signpost, log) = (house.signpost(&spec), spec.log.clone());
        let pod = house.start(&house.local(backend), spec);
        wait_at(&signpost);
        pod.terminate();
        assert_eq!(pod.wait_timeout(LIMIT), PodStatus::Exited { code: Some(7), signal: None }, "{backend}");
        assert_eq!(fs::read_to_string(log).unwrap(), "drained\n");
    }
}

#[test]
fn wall_pods_die_with_a_shot_server() {
    const PART: &str = "walls::wall_pods_die_with_a_shot_server";
    if plays(PART) {
        play_server(|outer, inner| {
            let backend = std::env::var("MI_PODS_TEST_BACKEND").unwrap().parse().unwrap();
            let driver = LocalDriver::new(LocalConfig {
                runtime_dir: outer.join("run"),
                enter_program: house::ENTER.into(),
                enter_args: Vec::new(),
                backend: Some(backend),
                bwrap: None,
            });
            let mut spec = inner.spec("ada", BUSY);
            spec.workspace = outer.join("work-ada");
            inner.start(&driver, spec)
        });
    }
    for backend in backends() {
        let house = House::new();
        let mut server = again(PART);
        server.env("MI_PODS_TEST_DIR", house.dir.path()).env("MI_PODS_TEST_BACKEND", backend.to_string());
        let mut server = server.stdout(Stdio::null()).spawn().unwrap();
        let spec = house.spec("ada", BUSY);
        let signpost = house.signpost(&spec);
        wait_at(&signpost);
        let id = house.local(backend).pod_id(&spec);
        let marker = format!("{}/1", id.rsplit_once('/').unwrap().0);
        assert!(!marked_processes(&marker).unwrap().is_empty());
        server.kill().unwrap();
        server.wait().unwrap();
        assert_all_gone(&marker);
        fs::create_dir(house.path("run/probe-1-0")).unwrap();
        assert_eq!(house.local(backend).sweep_orphans().unwrap(), 0);
        assert!(!house.path("run/probe-1-0").exists());
    }
}

/// Between its clone and its word to the child, bubblewrap may be shot; the child waits for that word for ever.
#[test]
fn wall_a_child_that_waits_for_a_shot_bubblewrap_goes_too() {
    if !backends().contains(&Backend::Bwrap) {
        return;
    }
    let (house, bwrap) = (House::new(), StandIn::new("sleep 1000 &\nkill -9 $$"));
    let (driver, spec) = (house.local_with(&bwrap), house.spec("ada", "exit 0"));
    let id = driver.pod_id(&spec);
    assert!(driver.start(spec).is_err());
    assert_eq!(marked_processes(&id).unwrap(), Vec::<u32>::new());
}

/// For the same reason it doesn't go with the server at once: what it began comes to its first process, which finds the server gone.
#[test]
fn wall_bubblewrap_ends_what_it_began_when_the_server_is_shot() {
    const PART: &str = "walls::wall_bubblewrap_ends_what_it_began_when_the_server_is_shot";
    const STORY: &str = "echo begun >$signpost; while [ -d /proc/$PPID ]; do sleep 0.01; done; echo went on >$signpost";
    if plays(PART) {
        play_server(|outer, inner| {
            let bwrap = Some(std::env::var_os("MI_PODS_TEST_BWRAP").unwrap().into());
            let driver = LocalDriver::new(LocalConfig {
                runtime_dir: outer.join("run"),
                enter_program: house::ENTER.into(),
                enter_args: Vec::new(),
                backend: Some(Backend::Bwrap),
                bwrap,
            });
            inner.start(&driver, inner.spec("ada", BUSY))
        });
    }
    if !backends().contains(&Backend::Bwrap) {
        return;
    }
    let (house, bwrap) = (House::new(), StandIn::new(STORY));
    let mut server = again(PART);
    server.env("MI_PODS_TEST_DIR", house.dir.path()).env("MI_PODS_TEST_BWRAP", &bwrap.program);
    let mut server = server.stdout(Stdio::null()).spawn().unwrap();
    assert_eq!(wait_at(&bwrap.signpost()), "begun\n");
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(wait_at(&bwrap.signpost()), "went on\n");
}

#[test]
fn wall_readiness_is_found_by_trying() {
    for backend in backends() {
        let house = House::new();
        let readiness = house.local(backend).readiness();
        println!("{readiness:#?}");
        assert_eq!(readiness.backend, backend);
        let names: Vec<&str> = readiness.findings.iter().map(|finding| finding.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "namespaces",
                "files",
                "processes",
                "network",
                "privileges",
                "seccomp",
                "landlock",
                "memory",
                "pids",
                "cpu",
                "disk"
            ]
        );
        assert!(readiness.can_start());
        assert!(fs::read_dir(house.path("run")).unwrap().next().is_none(), "the probe cleans up");
    }
}

#[test]
fn wall_pids_limit_holds_or_is_reported() {
    for backend in backends() {
        let house = House::new();
        let driver = house.local(backend);
        let script = "i=0; while [ $i -lt 60 ]; do sleep 1000 & i=$((i+1)); done; echo all";
        let mut spec = house.spec("ada", script);
        let limits = |strict| Limits { pids: Some(Limit { amount: 20, strict }), ..Limits::NONE };
        spec.limits = limits(Strictness::BestEffort);
        let log = spec.log.clone();
        let pod = house.start(&driver, spec);
        assert_ne!(pod.wait_timeout(LIMIT), PodStatus::Running);
        let seen = fs::read_to_string(log).unwrap();
        assert!(!seen.contains("all"), "{backend}: {:?} {seen}", pod.degraded());
        let mut strict = house.spec("bob", "exit 0");
        strict.limits = limits(Strictness::Required);
        let found = driver.readiness().findings.into_iter().find(|finding| finding.name == "pids").unwrap();
        assert_eq!(found.state == FindingState::Raised, pod.degraded().is_empty(), "{found:?} {:?}", pod.degraded());
        match driver.start(strict) {
            Ok(bob) => {
                assert_eq!((bob.wait_timeout(LIMIT), pod.degraded().len()), (DONE, 0));
            }
            Err(PodError::Limit { limit, .. }) => {
                assert_eq!((limit.as_str(), pod.degraded().len()), ("pids", 1));
            }
            Err(other) => panic!("{other}"),
        }
    }
}

/// Ended for keeping too much, it may come again and make room, but not keep more.
#[test]
fn wall_a_pod_that_keeps_too_much_is_ended() {
    const MIB: u64 = 1 << 20;
    let house = House::new();
    let driver = house.local(backends()[0]);
    let start = |script: &str| {
        let mut spec = house.spec("ada", script);
        let folder = spec.workspace.clone();
        spec.quotas = vec![Quota { folder, name: "workspace", bytes: 4 * MIB, files: 50 }];
        driver.start(spec)
    };
    let fill = |name: &str| format!("head -c 8M /dev/zero >~/{name}; sleep 1000");
    let ended = |name: &str| {
        let pod = start(&fill(name)).unwrap();
        assert_ne!(pod.wait_timeout(LIMIT), PodStatus::Running);
        assert_eq!(pod.verdict().as_deref(), Some("the workspace holds more than its 4 MiB"));
    };
    ended("one");
    assert_eq!(start("rm ~/one").unwrap().wait_timeout(LIMIT), DONE);
    ended("one");
    ended("two");
    assert!(matches!(start("rm ~/one ~/two"), Err(PodError::Disk { .. })));
    for name in ["one", "two"] {
        fs::remove_file(house.path("work-ada").join(name)).unwrap();
    }
    let pod = start("i=0; while [ $i -lt 60 ]; do : >~/$i; i=$((i+1)); done; sleep 1000").unwrap();
    assert_ne!(pod.wait_timeout(LIMIT), PodStatus::Running);
    assert_eq!(pod.verdict().as_deref(), Some("the workspace holds more than its 50 files"));
}

/// Where the measuring doesn't reach, it may keep nothing; it may come again and take that away.
#[test]
fn wall_a_pod_that_nests_too_deep_is_ended() {
    let house = House::new();
    let driver = house.local(backends()[0]);
    let start = |script: &str| {
        let mut spec = house.spec("ada", script);
        let folder = spec.workspace.clone();
        spec.quotas = vec![Quota { folder, name: "workspace", bytes: 1 << 30, files: 1_000 }];
        driver.start(spec).unwrap()
    };
    let pod = start("cd; i=0; while [ $i -lt 140 ]; do mkdir d; cd d; i=$((i+1)); done; sleep 1000");
    assert_ne!(pod.wait_timeout(LIMIT), PodStatus::Running);
    assert!(pod.verdict().unwrap().starts_with("folders of the workspace nest deeper than 128"), "{:?}", pod.verdict());
    assert_eq!(start("rm -r ~/d").wait_timeout(LIMIT), DONE);
}

#[test]
fn wall_bad_specs_are_refused_before_anything_starts() {
    let house = House::new();
    let driver = house.local(backends()[0]);
    let refuse = |change: &dyn Fn(&mut mi_pods::PodSpec)| {
        let mut spec = house.spec("ada", "true");
        change(&mut spec);
        assert!(matches!(driver.start(spec), Err(PodError::Spec { .. })));
    };
    refuse(&|spec| spec.agent = "../x".into());
    refuse(&|spec| spec.workspace = "/nowhere/at/all".into());
    refuse(&|spec| spec.socket_dir = None);
    refuse(&|spec| spec.room = mi_pods::Room::Check);
    refuse(&|spec| (spec.room, spec.socket_dir) = (mi_pods::Room::Check, None));
    refuse(&|spec| spec.env.push(("LD_PRELOAD".into(), "x".into())));
    if geteuid().is_root() {
        refuse(&|spec| spec.host_uid = None);
        refuse(&|spec| spec.host_uid = Some(0));
    }
    let mut no_program = house.spec("ada", "true");
    no_program.program = house.path("server-data");
    assert!(matches!(driver.start(no_program), Err(PodError::Start { .. })));
    let first = house.spec("ada", "sleep 1000");
    let epoch = first.epoch;
    let running = house.start(&driver, first);
    refuse(&|spec| spec.epoch = epoch);
    running.kill();
    assert_ne!(running.wait_timeout(LIMIT), PodStatus::Running);
}

/// In a user namespace that allows no further ones, no wall can be raised.
#[test]
fn no_sandbox_is_an_error_that_says_what_to_do() {
    const PART: &str = "walls::no_sandbox_is_an_error_that_says_what_to_do";
    if plays(PART) {
        let house = House::new();
        for backend in backends() {
            let error = house.local(backend).start(house.spec("ada", "true")).err().unwrap();
            assert!(matches!(error, PodError::Wall { .. }), "{error}");
            assert!(error.hint().unwrap().contains("--pods process"));
            assert!(!house.local(backend).readiness().can_start());
        }
        return;
    }
    if !nobody_can_run_this() {
        return;
    }
    let inner = again(PART);
    let mut outer = Command::new("setpriv");
    outer.args(as_nobody()).args(["unshare", "--user", "--keep-caps", "--map-user", NOBODY, "--map-group", NOBODY]);
    outer.args(["sh", "-c", "echo 0 >/proc/sys/user/max_user_namespaces && exec \"$@\"", "sh"]);
    outer.arg(inner.get_program()).args(inner.get_args()).env("MI_PODS_TEST_PART", PART);
    let output = outer.output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Below a folder that only root may pass, nobody else can run this test's program.
fn nobody_can_run_this() -> bool {
    let program = std::env::current_exe().unwrap();
    let reachable =
        Command::new("setpriv").args(as_nobody()).args(["test", "-x"]).arg(program).status().unwrap().success();
    if !reachable {
        println!("skipped: an ordinary user can't reach the folder in which this was built");
    }
    reachable
}

fn as_nobody() -> Vec<&'static str> {
    if geteuid().is_root() { vec!["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"] } else { Vec::new() }
}

#[test]
fn everything_also_holds_for_an_ordinary_user() {
    if !geteuid().is_root() {
        println!("skipped: this already is an ordinary user");
        return;
    }
    if !nobody_can_run_this() {
        return;
    }
    let mut command = Command::new("setpriv");
    command.args(as_nobody()).arg(std::env::current_exe().unwrap()).args(["walls::wall_", "--test-threads=1"]);
    let output = command.env("HOME", "/").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("0 failed") && !said.contains("running 0 tests"));
}
