//! Taking more than one's share, and staying longer than one may. Each in a pod of its own.

use super::{Attempt, Setting};

const fn alone(name: &'static str, tries: &'static str, resources: &'static str, script: &'static str) -> Attempt {
    Attempt { name, tries, script, setting: Setting::Alone { resources } }
}

pub(super) const LIST: &[Attempt] = &[
    alone(
        "fork-bomb",
        "start 300 processes where 64 are allowed",
        r#"{"pids": 64}"#,
        r#"perl -e 'my @all;
        for (1 .. 300) { my $pid = fork // last; if (!$pid) { sleep 30; exit } push @all, $pid }
        kill 9, @all; exit(@all < 300)'"#,
    ),
    alone(
        "memory",
        "take 400 MiB where 128 are allowed",
        r#"{"memoryMib": 128}"#,
        r#"perl -e 'my $n = 400 << 20; my $x = "x" x $n; exit(length($x) < $n)'"#,
    ),
    alone(
        "temporary-files",
        "fill /tmp with 400 MiB where 128 are allowed",
        r#"{"memoryMib": 128}"#,
        r#"place=/tmp; [ $WHERE = inside ] || place=$SCRATCH
        head -c 400M /dev/zero >"$place/fill" && [ "$(stat -c %s "$place/fill")" = 419430400 ]"#,
    ),
    alone(
        "processor",
        "use two processors where a fifth of one is allowed",
        r#"{"cpuMillis": 200}"#,
        r#"perl -e 'use Time::HiRes "time"; my $from = time;
        my $pid = fork // exit 1; 1 while time < $from + 1.5; exit 0 if !$pid; waitpid $pid, 0;
        my @t = times; exit(($t[0] + $t[1] + $t[2] + $t[3]) / (time - $from) < 0.4)'"#,
    ),
    alone(
        "disk",
        "keep 256 MiB in the workspace where 64 are allowed",
        r#"{"diskMib": 64}"#,
        r#"head -c 256M /dev/zero >fill || exit 1
        [ $WHERE = outside ] || sleep 50; [ "$(stat -c %s fill)" = 268435456 ]"#,
    ),
    alone(
        "files",
        "keep 20,000 files where 5,000 are allowed",
        r#"{"diskFiles": 5000}"#,
        r#"mkdir -p many; perl -e 'for (1 .. 20000) { open my $f, ">", "many/$_" or exit 1 }' || exit 1
        [ $WHERE = outside ] || sleep 50; [ "$(ls many | wc -l)" = 20000 ]"#,
    ),
    Attempt {
        name: "outlive",
        tries: "go on writing when one's agent is fired",
        script: r#"place=/shared/files; [ $WHERE = inside ] || place=$SCRATCH
          perl -MPOSIX -e 'exit if fork; POSIX::setsid(); exit if fork; %ENV = (); $SIG{$_} = "IGNORE" for qw(TERM HUP INT);
            my $end = time + 60; my $n = 0;
            while (time < $end && !-e "$ARGV[0].stop") { open(my $f, ">", $ARGV[0]) or next; print $f $n++; close $f; select undef, undef, undef, 0.05 }' "$place/alive" </dev/null >/dev/null 2>&1
          [ $WHERE = outside ] || exit 0
          sleep 0.3; one=$(cat alive); sleep 0.3; two=$(cat alive); touch alive.stop; [ "$one" != "$two" ]"#,
        setting: Setting::Outliving,
    },
];
