//! Other processes.

use super::{Attempt, together};

pub(super) const LIST: &[Attempt] = &[
    together("see-processes", "see a process of the host", r"grep -qas mi-decoy /proc/[0-9]*/comm"),
    together(
        "signal",
        "send a signal to a process of the host",
        r#"grep -q mi-decoy /proc/"$VICTIM"/comm && kill -CONT "$VICTIM""#,
    ),
    together(
        "environment",
        "read a secret in another process's environment",
        r#"for place in /proc/[0-9]*/environ; do
        tr '\0' '\n' <"$place" | grep -q "^DECOY=$SECRET" && exit 0
      done 2>/dev/null; exit 1"#,
    ),
    together(
        "runner-environment",
        "read the environment of the pod's first processes",
        r#"for pid in $([ $WHERE = inside ] && echo 1 2 || echo "$VICTIM"); do
        has_a_byte /proc/$pid/environ && exit 0; done; exit 1"#,
    ),
    together(
        "runner-memory",
        "read the memory of the runner, which holds its token",
        r#"for pid in $([ $WHERE = inside ] && echo 1 2 || echo "$VICTIM"); do
        (exec 3</proc/$pid/mem) 2>/dev/null && exit 0; done; exit 1"#,
    ),
    together(
        "first-process",
        "kill the pod's first process",
        r#"[ $WHERE = inside ] || exec kill -CONT "$VICTIM"
      kill -9 1; sleep 0.2; ! [ -e /proc/1/comm ]"#,
    ),
];
