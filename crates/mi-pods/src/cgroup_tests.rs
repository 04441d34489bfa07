use std::fs;

use super::{Cgroups, Kind, Version};
use crate::fault::PodError;
use crate::spec::{Limit, Limits, Strictness};

/// Lays out hierarchies as ordinary folders and says where they are in the kernel's words.
struct Layout {
    dir: tempfile::TempDir,
    mountinfo: String,
}

impl Layout {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), mountinfo: String::new() }
    }

    fn mount(mut self, name: &str, filesystem: &str, options: &str) -> Self {
        let place = self.dir.path().join(name);
        fs::create_dir_all(place.join("system/mi")).unwrap();
        self.mountinfo +=
            &format!("30 23 0:26 / {} rw,relatime shared:9 - {filesystem} x rw,{options}\n", place.display());
        self
    }

    fn homes(&self, own: &str) -> Vec<(Kind, Version, String)> {
        let found = Cgroups::parse(&self.mountinfo, own);
        let relative = |dir: &std::path::Path| dir.strip_prefix(self.dir.path()).unwrap().display().to_string();
        found.homes.iter().map(|(kind, home)| (*kind, home.version, relative(&home.dir))).collect()
    }
}

#[test]
fn version_two_wins_where_it_has_the_controllers() {
    let layout = Layout::new().mount("unified", "cgroup2", "nsdelegate").mount("memory", "cgroup", "memory");
    fs::write(layout.dir.path().join("unified/system/mi/cgroup.controllers"), "cpu pids").unwrap();
    let own = "4:memory:/system/mi\n0::/system/mi\n";
    assert_eq!(
        layout.homes(own),
        [
            (Kind::Memory, Version::One, "memory/system/mi".to_owned()),
            (Kind::Pids, Version::Two, "unified/system/mi".to_owned()),
            (Kind::Cpu, Version::Two, "unified/system/mi".to_owned()),
        ]
    );
}

#[test]
fn version_one_knows_controllers_that_share_a_mount() {
    let layout = Layout::new().mount("cpu,cpuacct", "cgroup", "cpu,cpuacct");
    let own = "2:cpu,cpuacct:/system/mi\n";
    assert_eq!(layout.homes(own), [(Kind::Cpu, Version::One, "cpu,cpuacct/system/mi".to_owned())]);
}

#[test]
fn a_limit_without_a_group_is_refused_when_required_and_reported_otherwise() {
    let none = Cgroups::default();
    let asked = |strict| {
        let limit = |amount| Some(Limit { amount, strict });
        Limits { memory: limit(1 << 20), pids: limit(9), cpu: limit(500) }
    };
    let required = none.create("pod", &asked(Strictness::Required));
    assert!(matches!(required, Err(PodError::Limit { limit, .. }) if limit == "memory"));
    let group = none.create("pod", &asked(Strictness::BestEffort)).unwrap();
    let names: Vec<&str> = group.degraded.iter().map(|finding| finding.name.as_str()).collect();
    assert_eq!(names, ["memory", "pids", "cpu"]);
    assert_eq!((group.rlimits.data_bytes, group.rlimits.processes), (Some(1 << 20), Some(9)));
    assert!(none.create("pod", &Limits::NONE).unwrap().degraded.is_empty());
}

#[test]
fn settings_are_what_each_version_expects() {
    assert_eq!(Kind::Cpu.setting(Version::Two, 1500), [("cpu.max", "150000 100000".to_owned())]);
    assert_eq!(Kind::Cpu.setting(Version::One, 500)[1], ("cpu.cfs_quota_us", "50000".to_owned()));
    assert_eq!(Kind::Memory.setting(Version::One, 7), [("memory.limit_in_bytes", "7".to_owned())]);
}

#[test]
fn what_is_swapped_out_counts_where_the_kernel_counts_it() {
    let layout = Layout::new().mount("memory", "cgroup", "memory").mount("unified", "cgroup2", "nsdelegate");
    let limits = Limits { memory: Some(Limit { amount: 7, strict: Strictness::Required }), ..Limits::NONE };
    let of = |name: &str| layout.dir.path().join(name).join("system/mi/pod");
    let check = |own: &str, name: &str, file: &str, expect: &str| {
        let dir = of(name);
        fs::create_dir_all(&dir).unwrap();
        for file in ["memory.limit_in_bytes", "memory.max", "memory.oom.group"] {
            fs::write(dir.join(file), "").unwrap();
        }
        let groups = Cgroups::parse(&layout.mountinfo, own);
        groups.create("pod", &limits).unwrap();
        assert!(!dir.join(file).exists(), "a kernel without it has no such file");
        fs::write(dir.join(file), "").unwrap();
        groups.create("pod", &limits).unwrap();
        assert_eq!(fs::read_to_string(dir.join(file)).unwrap(), expect);
    };
    // An ordinary file keeps both writes, one over the other.
    check("4:memory:/system/mi\n", "memory", "memory.memsw.limit_in_bytes", "71");
    fs::write(layout.dir.path().join("unified/system/mi/cgroup.controllers"), "memory").unwrap();
    check("0::/system/mi\n", "unified", "memory.swap.max", "0");
}
