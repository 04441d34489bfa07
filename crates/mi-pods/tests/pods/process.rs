//! Pods without a sandbox: what they get, and that they still end whole.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use crate::house::{
    DONE, ENTER, House, LIMIT, OFFICE_UID, TICKET, again, assert_all_gone, play_server, plays, wait_at,
};
use mi_pods::{Driver, PodError, PodStatus, ProcessConfig, ProcessDriver, marked_processes};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Nothing here needs the office's uid, and only root may pass the test's folders.
fn as_server(mut spec: mi_pods::PodSpec) -> mi_pods::PodSpec {
    spec.host_uid = None;
    spec
}

#[test]
fn it_finds_its_places_in_the_environment() {
    let house = House::new();
    let script = "cat <&$MI_TICKET_FD; echo; pwd; echo x >$MI_DRIVE/ours; echo $MI_SHARED_FILES $MI_ENDPOINT; tq -c 'echo $0'; env";
    let spec = as_server(house.spec("ada", script));
    let (log, workspace) = (spec.log.clone(), spec.workspace.canonicalize().unwrap());
    let pod = house.start(&house.process(), spec);
    assert_eq!(pod.wait_timeout(LIMIT), DONE);
    let seen = fs::read_to_string(log).unwrap();
    let drive = house.path("drive");
    let expected = format!("{TICKET}\n{}\n{} http://127.0.0.1:1\ntq\n", workspace.display(), drive.display());
    assert!(seen.starts_with(&expected), "{seen}");
    assert_eq!(seen.matches(TICKET).count(), 1);
    assert_eq!(fs::read_to_string(drive.join("ours")).unwrap(), "x\n");
}

const BUSY: &str =
    "sleep 1000 & setsid sleep 1000 & setsid sh -c 'sleep 1000 & sleep 1000' & echo up >$HOME/signpost; wait";

#[test]
fn a_killed_pod_leaves_nothing_not_even_what_hides_its_environment() {
    let house = House::new();
    let driver = house.process();
    let hiding = format!("setsid env -i sh -c 'echo $$ >hidden; exec sleep 1000' & {BUSY}");
    let spec = as_server(house.spec("ada", &hiding));
    let (id, signpost, hidden) = (driver.pod_id(&spec), house.signpost(&spec), spec.workspace.join("hidden"));
    let pod = house.start(&driver, spec);
    wait_at(&signpost);
    assert!(marked_processes(&id).unwrap().len() > 3);
    pod.kill();
    assert_ne!(pod.wait_timeout(LIMIT), PodStatus::Running);
    assert_eq!(marked_processes(&id).unwrap(), Vec::<u32>::new());
    // It may have been killed before it wrote its number.
    if let Ok(pid) = fs::read_to_string(hidden).unwrap_or_default().trim().parse::<i32>() {
        assert!(kill(Pid::from_raw(pid), None).is_err(), "the hidden process lives on");
    }
}

#[test]
fn a_shot_first_process_takes_the_tree_along() {
    let house = House::new();
    let driver = house.process();
    let spec = as_server(house.spec("ada", BUSY));
    let (id, signpost) = (driver.pod_id(&spec), house.signpost(&spec));
    let pod = house.start(&driver, spec);
    wait_at(&signpost);
    kill(Pid::from_raw(pod.pid().unwrap() as i32), Signal::SIGKILL).unwrap();
    assert_ne!(pod.wait_timeout(LIMIT), PodStatus::Running);
    assert_eq!(marked_processes(&id).unwrap(), Vec::<u32>::new());
}

#[test]
fn an_ended_program_takes_its_children_along() {
    let house = House::new();
    let driver = house.process();
    let spec = as_server(house.spec("ada", "setsid sleep 1000 & exit 3"));
    let id = driver.pod_id(&spec);
    let pod = house.start(&driver, spec);
    assert_eq!(pod.wait_timeout(LIMIT), PodStatus::Exited { code: Some(3), signal: None });
    assert_all_gone(&id);
}

#[test]
fn a_sweep_ends_what_an_earlier_server_left_and_nothing_else() {
    let house = House::new();
    let driver = house.process();
    let living = house.start(&driver, as_server(house.spec("ada", "sleep 1000")));
    let id = driver.pod_id(&house.spec("bob", ""));
    let orphan = std::process::Command::new("sleep").arg("1000").env("MI_POD_ID", &id).spawn();
    let mut orphan = orphan.unwrap();
    assert_eq!(driver.sweep_orphans().unwrap(), 1);
    assert!(!orphan.wait().unwrap().success());
    assert_eq!(living.status(), PodStatus::Running);
    living.kill();
    assert_ne!(living.wait_timeout(LIMIT), PodStatus::Running);
}

#[test]
fn a_missing_program_is_an_error_and_leaves_nothing() {
    let house = House::new();
    let driver = house.process();
    let mut spec = as_server(house.spec("ada", ""));
    spec.program = house.path("server-data");
    let id = driver.pod_id(&spec);
    let pod = driver.start(spec);
    match pod {
        Err(PodError::Start { .. }) => {}
        // The program's own process fails after the first process has reported that it runs.
        Ok(pod) => assert_eq!(pod.wait_timeout(LIMIT), PodStatus::Exited { code: Some(125), signal: None }),
        Err(other) => panic!("{other}"),
    }
    assert_all_gone(&id);
}

#[test]
fn pods_die_with_a_shot_server() {
    const PART: &str = "process::pods_die_with_a_shot_server";
    if plays(PART) {
        play_server(|outer, inner| {
            let driver = ProcessDriver::new(ProcessConfig {
                runtime_dir: outer.join("run"),
                enter_program: ENTER.into(),
                enter_args: Vec::new(),
                search_path: "/usr/bin:/bin".into(),
            });
            let mut spec = as_server(inner.spec("ada", BUSY));
            spec.workspace = outer.join("work-ada");
            inner.start(&driver, spec)
        });
    }
    let house = House::new();
    let spec = house.spec("ada", BUSY);
    let signpost = house.signpost(&spec);
    let mut server = again(PART);
    let mut server = server.env("MI_PODS_TEST_DIR", house.dir.path()).stdout(Stdio::null()).spawn().unwrap();
    wait_at(&signpost);
    let id = house.process().pod_id(&spec);
    assert!(!marked_processes(&id).unwrap().is_empty());
    server.kill().unwrap();
    server.wait().unwrap();
    assert_all_gone(&id);
}

#[test]
fn as_root_a_pod_becomes_its_offices_uid() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: only root can become another uid");
        return;
    }
    let house = House::new();
    fs::set_permissions(house.dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let spec = house.spec("ada", "id -u; id -G; cat /etc/shadow 2>&1; echo $PATH; tq -c 'echo $0'");
    let log = spec.log.clone();
    assert_eq!(house.start(&house.process(), spec).wait_timeout(LIMIT), DONE);
    let seen = fs::read_to_string(log).unwrap();
    assert!(seen.starts_with(&format!("{OFFICE_UID}\n{OFFICE_UID}\ncat: ")) && seen.ends_with("tq\n"), "{seen}");
}
