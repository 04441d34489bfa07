use std::collections::BTreeSet;

use nix::libc::{self, c_long, sock_filter};

use super::{
    ALLOWED, AND, ANSWER, END_PROCESS, GO_ON, IF_ABOVE, IF_ANY_BIT, IF_EQUAL, IF_FROM, LEGACY_ALLOWED, LOAD, MACHINE,
    X32_BASE, program, refuse,
};

/// Longer programs are refused by the kernel (BPF_MAXINSNS).
const STEPS_MAX: usize = 4096;

/// The kernel's reading of a filter, for one call.
fn judge(program: &[sock_filter], machine: u32, call: u32, arguments: &[u64]) -> u32 {
    let word = |offset: u32| match offset {
        0 => call,
        4 => machine,
        _ => arguments.get((offset as usize - 16) / 8).map_or(0, |argument| *argument as u32),
    };
    let (mut at, mut value) = (0, 0);
    loop {
        let step = program[at];
        at += 1;
        let holds = match u32::from(step.code) {
            LOAD => {
                value = word(step.k);
                continue;
            }
            AND => {
                value &= step.k;
                continue;
            }
            ANSWER => return step.k,
            IF_EQUAL => value == step.k,
            IF_ABOVE => value > step.k,
            IF_FROM => value >= step.k,
            IF_ANY_BIT => value & step.k != 0,
            other => panic!("no step of ours: {other}"),
        };
        at += usize::from(if holds { step.jt } else { step.jf });
    }
}

fn answer_to(call: c_long, arguments: &[u64]) -> u32 {
    judge(&program(), MACHINE, call as u32, arguments)
}

fn refused(errno: i32) -> u32 {
    refuse(errno).k
}

#[test]
fn what_could_lead_out_is_refused() {
    let calls = [
        libc::SYS_ptrace,
        libc::SYS_keyctl,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_fsopen,
        libc::SYS_fsmount,
        libc::SYS_fspick,
        libc::SYS_move_mount,
        libc::SYS_open_tree,
        libc::SYS_mount_setattr,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_setns,
        libc::SYS_kexec_load,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_swapon,
        libc::SYS_swapoff,
        libc::SYS_reboot,
        libc::SYS_acct,
        libc::SYS_quotactl,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_getfd,
        libc::SYS_open_by_handle_at,
        libc::SYS_name_to_handle_at,
        libc::SYS_kcmp,
        libc::SYS_syslog,
        libc::SYS_settimeofday,
        libc::SYS_clock_settime,
        libc::SYS_sethostname,
        libc::SYS_fanotify_init,
        libc::SYS_move_pages,
    ];
    for call in calls {
        assert_eq!(answer_to(call, &[]), refused(libc::EPERM), "call {call}");
    }
}

#[test]
fn what_is_new_or_foreign_is_answered_so_that_programs_fall_back() {
    assert_eq!(answer_to(libc::SYS_clone3, &[]), refused(libc::ENOSYS));
    assert_eq!(answer_to(libc::SYS_io_setup, &[]), refused(libc::ENOSYS));
    assert_eq!(answer_to(9_999, &[]), refused(libc::ENOSYS));
    let other = MACHINE ^ 1;
    assert_eq!(judge(&program(), other, libc::SYS_read as u32, &[]), END_PROCESS);
    assert_eq!(judge(&program(), MACHINE, X32_BASE, &[]), END_PROCESS);
}

#[test]
fn namespaces_are_refused_and_threads_are_not() {
    let thread =
        (libc::CLONE_VM | libc::CLONE_FS | libc::CLONE_FILES | libc::CLONE_SIGHAND | libc::CLONE_THREAD) as u64;
    let fork = libc::SIGCHLD as u64;
    assert_eq!(answer_to(libc::SYS_clone, &[thread]), GO_ON);
    assert_eq!(answer_to(libc::SYS_clone, &[fork]), GO_ON);
    assert_eq!(answer_to(libc::SYS_unshare, &[libc::CLONE_FILES as u64]), GO_ON);
    let kinds = [
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWNS,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWCGROUP,
    ];
    for kind in kinds.map(|kind| kind as u64) {
        for call in [libc::SYS_clone, libc::SYS_unshare] {
            assert_eq!(answer_to(call, &[kind | fork]), refused(libc::EPERM), "{kind:x}");
        }
    }
    assert_eq!(answer_to(libc::SYS_unshare, &[0x80]), refused(libc::EPERM));
}

#[test]
fn sockets_are_of_the_usual_kinds() {
    let socket = |family: i32, kind: i32, protocol: i32| {
        answer_to(libc::SYS_socket, &[family, kind, protocol].map(|number| number as u64))
    };
    let cloexec = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    for kind in [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_STREAM | cloexec] {
        for family in [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6] {
            assert_eq!(socket(family, kind, 0), GO_ON);
        }
    }
    assert_eq!(socket(libc::AF_NETLINK, libc::SOCK_RAW | cloexec, libc::NETLINK_ROUTE), GO_ON);
    assert_eq!(socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_KOBJECT_UEVENT), refused(libc::EAFNOSUPPORT));
    for kind in [libc::SOCK_RAW, libc::SOCK_RAW | cloexec, libc::SOCK_SEQPACKET] {
        assert_eq!(socket(libc::AF_INET, kind, libc::IPPROTO_TCP), refused(libc::EPERM));
    }
    for protocol in [libc::IPPROTO_TCP, libc::IPPROTO_UDP] {
        assert_eq!(socket(libc::AF_INET6, libc::SOCK_DGRAM, protocol), GO_ON);
    }
    for protocol in [libc::IPPROTO_MPTCP, libc::IPPROTO_UDPLITE, libc::IPPROTO_ICMP, libc::IPPROTO_SCTP] {
        assert_eq!(socket(libc::AF_INET, libc::SOCK_STREAM, protocol), refused(libc::EPROTONOSUPPORT));
    }
    for family in [libc::AF_PACKET, libc::AF_VSOCK, libc::AF_ALG, libc::AF_BLUETOOTH, libc::AF_KEY, libc::AF_TIPC, 255]
    {
        assert_eq!(socket(family, libc::SOCK_STREAM, 0), refused(libc::EAFNOSUPPORT), "family {family}");
    }
    assert_eq!(answer_to(libc::SYS_socketpair, &[libc::AF_UNIX as u64]), GO_ON);
    assert_eq!(answer_to(libc::SYS_socketpair, &[libc::AF_TIPC as u64]), refused(libc::EPERM));
}

#[test]
fn arguments_decide_where_a_call_has_two_faces() {
    for trick in [0x5412_u64, 0x541C, 0x1_0000_5412] {
        assert_eq!(answer_to(libc::SYS_ioctl, &[0, trick]), refused(libc::EPERM), "{trick:x}");
    }
    const TERMINAL_SIZE: u64 = 0x5413;
    assert_eq!(answer_to(libc::SYS_ioctl, &[0, TERMINAL_SIZE]), GO_ON);
    assert_eq!(answer_to(libc::SYS_personality, &[0xFFFF_FFFF]), GO_ON);
    const NO_RANDOM_ADDRESSES: u64 = 0x004_0000;
    assert_eq!(answer_to(libc::SYS_personality, &[NO_RANDOM_ADDRESSES]), refused(libc::EPERM));
    let mode = |kind: u32| u64::from(kind | 0o644);
    assert_eq!(answer_to(libc::SYS_mknodat, &[0, 0, mode(libc::S_IFIFO)]), GO_ON);
    for kind in [libc::S_IFCHR, libc::S_IFBLK] {
        assert_eq!(answer_to(libc::SYS_mknodat, &[0, 0, mode(kind)]), refused(libc::EPERM));
    }
}

#[test]
fn the_list_names_each_call_once_and_fits_the_kernel() {
    let calls: Vec<c_long> = ALLOWED.iter().chain(LEGACY_ALLOWED).copied().collect();
    assert_eq!(calls.iter().collect::<BTreeSet<_>>().len(), calls.len());
    for call in &calls {
        assert_eq!(answer_to(*call, &[]), GO_ON, "call {call}");
    }
    let judged_by_argument = [libc::SYS_socket, libc::SYS_clone, libc::SYS_unshare, libc::SYS_ioctl, libc::SYS_mknodat];
    assert!(judged_by_argument.iter().all(|call| !calls.contains(call)));
    assert!(program().len() < STEPS_MAX);
}
