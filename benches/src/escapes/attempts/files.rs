//! Reading and writing what was not given.

use super::{Attempt, together};

pub(super) const LIST: &[Attempt] = &[
    together("host-file", "read a file of the host that anybody may read", r#"has_secret "$SECRET_FILE""#),
    together("server-key", "read the server's master key", r#"has_a_byte "$DATA/keys/master.key""#),
    together("server-store", "read the server's database", r#"head -c 16 "$DATA/store/mi.db" | grep -qa SQLite"#),
    together("password-file", "read the host's password file", "has_a_byte /etc/shadow"),
    together(
        "colleague-files",
        "read a colleague's workspace by its place on the host",
        r#"grep -q diary "$COLLEAGUE/diary""#,
    ),
    together("stranger-files", "read a workspace of another office", r#"grep -q diary "$STRANGER/diary""#),
    together(
        "stranger-write",
        "write into a workspace of another office",
        r#"echo x >"$STRANGER/planted" && rm "$STRANGER/planted""#,
    ),
    together(
        "dot-dot",
        "climb out of every folder",
        r#"for from in . /workspace /shared/files /tmp /run/mi; do
             has_secret "$from/../../../../../../../../..$SECRET_FILE" && exit 0
           done; exit 1"#,
    ),
    together("symbolic-link", "read through a link to the host", r#"ln -sf "$SECRET_FILE" link && has_secret link"#),
    together(
        "hard-link",
        "give a file of the host a name in the workspace",
        r#"rm -f hard; ln "$SECRET_FILE" hard && has_secret hard"#,
    ),
    together(
        "proc-root",
        "read through the root and working folders of processes",
        r#"for way in /proc/[0-9]*/root /proc/[0-9]*/cwd /proc/self/root; do has_secret "$way$SECRET_FILE" && exit 0; done; exit 1"#,
    ),
    together(
        "inherited-descriptor",
        "read what the pod's starter left open",
        r#"for fd in /proc/[0-9]*/fd/*; do
             case "$(readlink "$fd")" in
               "" | pipe:* | socket:* | anon_inode:* | /dev/* | /workspace/* | /shared/files/* | /proc/* ) ;;
               *) has_secret "$fd" && exit 0; [ -e "$fd/../$SECRET_FILE" ] && exit 0 ;;
             esac
           done; exit 1"#,
    ),
    together(
        "system-write",
        "change the machine's programs and settings",
        r#"for folder in /usr /usr/bin /etc /opt/mi/bin / /dev; do
             if (: >"$folder/mi-escape"); then rm "$folder/mi-escape"; exit 0; fi
           done 2>/dev/null; exit 1"#,
    ),
    together(
        "server-follows-link",
        "let the server read a link on the drive that leads to the host",
        r#"if [ $WHERE = outside ]; then ln -sf "$SECRET_FILE" leak.txt && exec grep -q "$SECRET" leak.txt; fi
           ln -sf "$SECRET_FILE" /shared/files/leak.txt; mkdir -p /shared/files/deep
           ln -sfn "$(dirname "$SECRET_FILE")" /shared/files/deep/way
           for name in leak.txt deep/way/secret deep%2Fway%2Fsecret ..%2f..%2fsecret %2e%2e/secret; do
             mi api GET "/api/v1/offices/$OFFICE/files/$name" | has_secret - && exit 0
           done 2>/dev/null; exit 1"#,
    ),
    together(
        "server-race",
        "swap a file for a link between the server's look and its reading",
        r#"place=/shared/files; [ $WHERE = inside ] || place=$SCRATCH
           perl -e 'my ($place, $secret) = @ARGV; chdir $place; my $end = time + 3;
             while (time < $end) {
               open(my $f, ">", "plain") or next; print $f "nothing\n"; close $f; rename "plain", "race.txt";
               symlink $secret, "linked"; rename "linked", "race.txt" }' "$place" "$SECRET_FILE" &
           got=1
           for i in $(seq 400); do
             [ $got = 1 ] && kill -0 $! 2>/dev/null || break
             if [ $WHERE = inside ]; then mi api GET "/api/v1/offices/$OFFICE/files/race.txt" 2>/dev/null | has_secret - && got=0
             else perl -e '-l $ARGV[0] || !-f $ARGV[0] or $ok = 1; exit 1 if !$ok; select undef, undef, undef, 0.0001;
                 open my $f, "<", $ARGV[0] or exit 1; exit(index(<$f>, $ARGV[1]) < 0)' race.txt "$SECRET" && got=0; fi
           done; kill $!; exit $got"#,
    ),
    together(
        "server-writes",
        "let the server write, or remove, through a link on the drive that comes and goes",
        r#"if [ $WHERE = outside ]; then ln -sfn "$LANDING" out && echo x >out/planted && exec rm "$LANDING/planted"; fi
           echo x >up
           perl -e 'chdir "/shared/files"; my $end = time + 3;
             while (time < $end) { mkdir "out"; rmdir "out"; symlink $ARGV[0], "out"; select undef, undef, undef, 0.002; unlink "out" }' "$LANDING" &
           for i in $(seq 40); do
             mi files push --colony "$OFFICE" up --as "out/planted-$i"; mi files rm --colony "$OFFICE" out/kept
           done >/dev/null 2>&1; kill $!; exit 1"#,
    ),
];
