//! The kernel's own doors.

use super::{Attempt, together};

pub(super) const LIST: &[Attempt] = &[
    together("mount-memory", "mount a file system", "mkdir -p m && mount -t tmpfs none m && umount m"),
    together("mount-bind", "mount a folder of the host", r"mkdir -p m && mount --bind /usr m && umount m"),
    together(
        "remount",
        "make the system writable",
        r#"if [ $WHERE = outside ]; then mkdir -p m; mount -t tmpfs -o ro none m && mount -o remount,rw m && umount m; exit; fi
      mount -o remount,rw,bind /usr"#,
    ),
    together("mount-anew", "mount by the new calls", r#"call @SYS_fsopen@ "$(printf tmpfs)" 0"#),
    together("make-device", "make a device", "rm -f device; mknod device b 8 0 && [ -b device ]"),
    together(
        "read-device",
        "read the machine's disk, memory or kernel log",
        r#"for device in /dev/vda /dev/sda /dev/nvme0n1 /dev/mem /dev/port /proc/kcore; do
             has_a_byte $device && exit 0
           done; exit 1"#,
    ),
    together("set-user", "become root by a program with the right to", "[ \"$(su root -c 'id -u' </dev/null)\" = 0 ]"),
    together(
        "user-namespace",
        "be root in a namespace of one's own",
        "[ \"$(unshare --user --map-root-user id -u)\" = 0 ]",
    ),
    together("network-namespace", "make a network of one's own", "unshare --net true || unshare --user --net true"),
    together(
        "join-namespace",
        "go where an earlier process is",
        "nsenter --target 1 --mount --uts true && exit 0; nsenter --target \"$VICTIM\" --net true",
    ),
    together("change-root", "change the root", "chroot / true"),
    together(
        "file-handle",
        "open a file by its handle, past every folder",
        r#"perl -e '
        my ($name, $open, $path) = @ARGV; my $handle = pack("IiC128", 128, 0, (0) x 128); my $mount = pack("i", 0);
        syscall($name + 0, -100, $path, $handle, $mount, 0) == 0 or exit 1;
        opendir(my $d, "/") or exit 1; my $fd = syscall($open + 0, fileno($d), $handle, 0); exit($fd < 0)' \
        @SYS_name_to_handle_at@ @SYS_open_by_handle_at@ "$( [ -e "$SECRET_FILE" ] && echo "$SECRET_FILE" || echo /usr)""#,
    ),
    together(
        "trace",
        "trace another process",
        r#"for pid in "$VICTIM" 1 $PPID; do
        call @SYS_ptrace@ 16 "$pid" 0 0 && exit 0; done; exit 1"#,
    ),
    together(
        "process-memory",
        "read another process's memory by call",
        r#"perl -e 'my $b = "\0" x 16;
        my $into = pack("PQ", $b, 16); open my $m, "<", "/proc/$ARGV[1]/maps" or $m = undef;
        my ($from) = $m ? (<$m> =~ /^([0-9a-f]+)/) : ("400000"); my $at = pack("QQ", hex $from, 16);
        exit(syscall($ARGV[0] + 0, $ARGV[1] + 0, $into, 1, $at, 1, 0) < 0)' @SYS_process_vm_readv@ "$VICTIM""#,
    ),
    together("keys", "use the kernel's key rings", r#"call @SYS_add_key@ user mi-escape x 1 -4"#),
    together(
        "bpf",
        "load a program into the kernel",
        r#"perl -e 'my $a = pack("I4", 2, 4, 8, 1) . "\0" x 112;
        exit(syscall($ARGV[0] + 0, 0, $a, 128) < 0)' @SYS_bpf@"#,
    ),
    together(
        "perf",
        "watch the machine's events",
        r#"perl -e 'my $a = pack("IIQ", 1, 128, 0) . "\0" x 112;
        exit(syscall($ARGV[0] + 0, $a, -1, 0, -1, 0) < 0)' @SYS_perf_event_open@"#,
    ),
    together("user-faults", "hold the kernel up in a page fault", "call @SYS_userfaultfd@ 0"),
    together(
        "io-uring",
        "let the kernel make calls that no filter sees",
        r#"perl -e 'my $p = "\0" x 120;
        exit(syscall($ARGV[0] + 0, 8, $p) < 0)' @SYS_io_uring_setup@"#,
    ),
    together(
        "kernel-log",
        "read the kernel's log by call",
        r#"perl -e 'my $b = "\0" x 4096;
        exit(syscall($ARGV[0] + 0, 3, $b, 4096) < 0)' @SYS_syslog@"#,
    ),
    together(
        "settings",
        "change a setting of the kernel",
        "name=$(cat /proc/sys/kernel/domainname); echo \"$name\" >/proc/sys/kernel/domainname",
    ),
    together("system-request", "press the kernel's emergency key", "echo h >/proc/sysrq-trigger"),
    together(
        "host-name",
        "rename the machine",
        r#"hostname "$(hostname)" || perl -e 'my $n = "x"; exit(syscall($ARGV[0] + 0, $n, 1) < 0)' @SYS_sethostname@"#,
    ),
    together(
        "control-group",
        "leave the group that holds the limits",
        r#"for group in /sys/fs/cgroup /sys/fs/cgroup/pids /sys/fs/cgroup/memory /sys/fs/cgroup/unified; do
        if [ -e "$group/cgroup.procs" ] && mkdir "$group/mi-escape"; then echo $$ >"$group/mi-escape/cgroup.procs"; left=$?
          echo $$ >"$group/cgroup.procs"; rmdir "$group/mi-escape"; [ $left = 0 ] && exit 0; fi
      done 2>/dev/null; exit 1"#,
    ),
    together(
        "terminal",
        "type into a terminal as if one were its user",
        r#"perl -e 'use POSIX; open my $t, "+<", "/dev/ptmx" or exit 1;
        my $z = pack("i", 0); ioctl($t, 0x40045431, $z) or exit 1; my $n = pack("i", 0); ioctl($t, 0x80045430, $n) or exit 1;
        $SIG{HUP} = "IGNORE"; POSIX::setsid(); open my $s, "+<", "/dev/pts/" . unpack("i", $n) or exit 1; my $c = "x";
        POSIX::_exit(!ioctl($s, 0x5412, $c))' </dev/null"#,
    ),
    together(
        "shared-memory",
        "read the host's shared memory",
        r#"perl -e 'my $id = shmget($ARGV[0], 0, 0) // exit 1;
        my $text; shmread($id, $text, 0, 64) or exit 1; exit(index($text, $ARGV[1]) < 0)' "$SHARED_MEMORY" "$SECRET""#,
    ),
];
