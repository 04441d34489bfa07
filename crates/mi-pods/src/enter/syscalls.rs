//! The calls on the list, by what they are for. Those that are allowed for some arguments only stand in `seccomp`.
//!
//! Left out on purpose: looking into or steering other processes (ptrace, process_vm_*, pidfd_getfd, kcmp), keys, bpf, perf,
//! userfaultfd, io_uring, everything that mounts or changes roots or namespaces, modules, kexec, swap, quotas, clocks,
//! host names, handles of files, ports, and whatever only an administrator uses.

use nix::libc::{self, c_long};

/// Calls above this number are of later kernels than this list; they don't exist rather than being forbidden.
pub(super) const NUMBERS_KNOWN_MAX: c_long = 470;

// From 424 on, numbers are the same on every machine; the C library has no name for some of them yet.
const PIDFD_SEND_SIGNAL: c_long = 424;
const CLOSE_RANGE: c_long = 436;
const OPENAT2: c_long = 437;
const FACCESSAT2: c_long = 439;
const EPOLL_PWAIT2: c_long = 441;
const LANDLOCK: [c_long; 3] = [444, 445, 446];
const MEMFD_SECRET: c_long = 447;
const FUTEX_WAITV: c_long = 449;
const CACHESTAT: c_long = 451;
const FCHMODAT2: c_long = 452;
const MAP_SHADOW_STACK: c_long = 453;
const FUTEX_TWO: [c_long; 3] = [454, 455, 456];
const MSEAL: c_long = 462;
const XATTR_AT: [c_long; 4] = [463, 464, 465, 466];
const FILE_ATTR: [c_long; 2] = [468, 469];

#[rustfmt::skip]
pub(super) const ALLOWED: &[c_long] = &[
    // Files: opening, reading, writing.
    libc::SYS_openat, OPENAT2, libc::SYS_close, CLOSE_RANGE, libc::SYS_read, libc::SYS_write, libc::SYS_readv,
    libc::SYS_writev, libc::SYS_pread64, libc::SYS_pwrite64, libc::SYS_preadv, libc::SYS_pwritev, libc::SYS_preadv2,
    libc::SYS_pwritev2, libc::SYS_lseek, libc::SYS_sendfile, libc::SYS_splice, libc::SYS_tee, libc::SYS_vmsplice,
    libc::SYS_copy_file_range, libc::SYS_readahead, libc::SYS_fadvise64, libc::SYS_fallocate, libc::SYS_ftruncate,
    libc::SYS_truncate, libc::SYS_fsync, libc::SYS_fdatasync, libc::SYS_sync, libc::SYS_syncfs, libc::SYS_sync_file_range,
    libc::SYS_flock, libc::SYS_fcntl, libc::SYS_dup, libc::SYS_dup3, libc::SYS_pipe2, CACHESTAT,
    // Files: names and facts.
    libc::SYS_newfstatat, libc::SYS_fstat, libc::SYS_statx, libc::SYS_statfs, libc::SYS_fstatfs, libc::SYS_getdents64,
    libc::SYS_readlinkat, libc::SYS_faccessat, FACCESSAT2, libc::SYS_mkdirat, libc::SYS_unlinkat, libc::SYS_renameat,
    libc::SYS_renameat2, libc::SYS_linkat, libc::SYS_symlinkat, libc::SYS_fchmod, libc::SYS_fchmodat, FCHMODAT2,
    libc::SYS_fchown, libc::SYS_fchownat, libc::SYS_utimensat, libc::SYS_umask, libc::SYS_chdir, libc::SYS_fchdir,
    libc::SYS_getcwd, libc::SYS_getxattr, libc::SYS_lgetxattr, libc::SYS_fgetxattr, libc::SYS_listxattr,
    libc::SYS_llistxattr, libc::SYS_flistxattr, libc::SYS_setxattr, libc::SYS_lsetxattr, libc::SYS_fsetxattr,
    libc::SYS_removexattr, libc::SYS_lremovexattr, libc::SYS_fremovexattr, XATTR_AT[0], XATTR_AT[1], XATTR_AT[2],
    XATTR_AT[3], FILE_ATTR[0], FILE_ATTR[1], libc::SYS_inotify_init1, libc::SYS_inotify_add_watch,
    libc::SYS_inotify_rm_watch,
    // Waiting.
    libc::SYS_ppoll, libc::SYS_pselect6, libc::SYS_epoll_create1, libc::SYS_epoll_ctl, libc::SYS_epoll_pwait,
    EPOLL_PWAIT2, libc::SYS_eventfd2, libc::SYS_signalfd4, libc::SYS_timerfd_create, libc::SYS_timerfd_settime,
    libc::SYS_timerfd_gettime,
    // Memory.
    libc::SYS_mmap, libc::SYS_munmap, libc::SYS_mremap, libc::SYS_mprotect, libc::SYS_pkey_mprotect, libc::SYS_pkey_alloc,
    libc::SYS_pkey_free, libc::SYS_madvise, libc::SYS_mincore, libc::SYS_msync, libc::SYS_mlock, libc::SYS_mlock2,
    libc::SYS_mlockall, libc::SYS_munlock, libc::SYS_munlockall, libc::SYS_brk, libc::SYS_memfd_create, MEMFD_SECRET,
    libc::SYS_remap_file_pages, libc::SYS_mbind, libc::SYS_get_mempolicy, libc::SYS_set_mempolicy, libc::SYS_membarrier,
    MAP_SHADOW_STACK, MSEAL,
    // Processes and threads.
    libc::SYS_execve, libc::SYS_execveat, libc::SYS_exit, libc::SYS_exit_group, libc::SYS_wait4, libc::SYS_waitid,
    libc::SYS_getpid, libc::SYS_getppid, libc::SYS_gettid, libc::SYS_getpgid, libc::SYS_setpgid, libc::SYS_getsid,
    libc::SYS_setsid, libc::SYS_prctl, libc::SYS_prlimit64, libc::SYS_getrlimit, libc::SYS_setrlimit, libc::SYS_getrusage,
    libc::SYS_times, libc::SYS_getpriority, libc::SYS_setpriority, libc::SYS_ioprio_get, libc::SYS_ioprio_set,
    libc::SYS_set_tid_address, libc::SYS_set_robust_list, libc::SYS_get_robust_list, libc::SYS_rseq, libc::SYS_futex,
    FUTEX_WAITV, FUTEX_TWO[0], FUTEX_TWO[1], FUTEX_TWO[2], libc::SYS_pidfd_open, PIDFD_SEND_SIGNAL, libc::SYS_getcpu,
    libc::SYS_sched_yield, libc::SYS_sched_getaffinity, libc::SYS_sched_setaffinity, libc::SYS_sched_getparam,
    libc::SYS_sched_setparam, libc::SYS_sched_getscheduler, libc::SYS_sched_setscheduler, libc::SYS_sched_getattr,
    libc::SYS_sched_setattr, libc::SYS_sched_get_priority_max, libc::SYS_sched_get_priority_min,
    libc::SYS_sched_rr_get_interval, libc::SYS_capget, libc::SYS_capset, libc::SYS_seccomp, LANDLOCK[0], LANDLOCK[1],
    LANDLOCK[2], libc::SYS_restart_syscall,
    // Who one is.
    libc::SYS_getuid, libc::SYS_geteuid, libc::SYS_getgid, libc::SYS_getegid, libc::SYS_getresuid, libc::SYS_getresgid,
    libc::SYS_getgroups, libc::SYS_setuid, libc::SYS_setgid, libc::SYS_setreuid, libc::SYS_setregid, libc::SYS_setresuid,
    libc::SYS_setresgid, libc::SYS_setgroups, libc::SYS_setfsuid, libc::SYS_setfsgid,
    // Signals.
    libc::SYS_kill, libc::SYS_tkill, libc::SYS_tgkill, libc::SYS_rt_sigaction, libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigpending, libc::SYS_rt_sigqueueinfo, libc::SYS_rt_tgsigqueueinfo, libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigsuspend, libc::SYS_rt_sigtimedwait, libc::SYS_sigaltstack,
    // Time.
    libc::SYS_clock_gettime, libc::SYS_clock_getres, libc::SYS_clock_nanosleep, libc::SYS_nanosleep,
    libc::SYS_gettimeofday, libc::SYS_getitimer, libc::SYS_setitimer, libc::SYS_timer_create, libc::SYS_timer_delete,
    libc::SYS_timer_gettime, libc::SYS_timer_settime, libc::SYS_timer_getoverrun,
    // Sockets, once there is one.
    libc::SYS_bind, libc::SYS_listen, libc::SYS_accept, libc::SYS_accept4, libc::SYS_connect, libc::SYS_shutdown,
    libc::SYS_getsockname, libc::SYS_getpeername, libc::SYS_getsockopt, libc::SYS_setsockopt, libc::SYS_sendto,
    libc::SYS_recvfrom, libc::SYS_sendmsg, libc::SYS_recvmsg, libc::SYS_sendmmsg, libc::SYS_recvmmsg,
    // Queues and shared memory of the pod's own.
    libc::SYS_shmget, libc::SYS_shmat, libc::SYS_shmdt, libc::SYS_shmctl, libc::SYS_semget, libc::SYS_semop,
    libc::SYS_semctl, libc::SYS_semtimedop, libc::SYS_msgget, libc::SYS_msgsnd, libc::SYS_msgrcv, libc::SYS_msgctl,
    libc::SYS_mq_open, libc::SYS_mq_unlink, libc::SYS_mq_timedsend, libc::SYS_mq_timedreceive, libc::SYS_mq_notify,
    libc::SYS_mq_getsetattr,
    // The machine as it may be known.
    libc::SYS_uname, libc::SYS_sysinfo, libc::SYS_getrandom,
];

/// What only older machines have; later ones do the same with the calls above.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
pub(super) const LEGACY_ALLOWED: &[c_long] = &[
    libc::SYS_open, libc::SYS_creat, libc::SYS_stat, libc::SYS_lstat, libc::SYS_access, libc::SYS_pipe, libc::SYS_dup2,
    libc::SYS_select, libc::SYS_poll, libc::SYS_epoll_create, libc::SYS_epoll_wait, libc::SYS_eventfd, libc::SYS_signalfd,
    libc::SYS_inotify_init, libc::SYS_fork, libc::SYS_vfork, libc::SYS_getpgrp, libc::SYS_getdents, libc::SYS_mkdir,
    libc::SYS_rmdir, libc::SYS_rename, libc::SYS_link, libc::SYS_unlink, libc::SYS_symlink, libc::SYS_readlink,
    libc::SYS_chmod, libc::SYS_chown, libc::SYS_lchown, libc::SYS_utime, libc::SYS_utimes, libc::SYS_futimesat,
    libc::SYS_pause, libc::SYS_alarm, libc::SYS_time, libc::SYS_arch_prctl, libc::SYS_ustat,
];
#[cfg(not(target_arch = "x86_64"))]
pub(super) const LEGACY_ALLOWED: &[c_long] = &[];
