//! The kernel's table of processes, as `/proc` shows it.

use std::fs;
use std::io;

/// One line of the table (proc(5), `/proc/PID/stat`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    pub pid: i32,
    pub parent: i32,
    pub group: i32,
    pub session: i32,
    pub is_zombie: bool,
}

/// All processes that can be seen. One that ends while the table is read is left out.
pub(super) fn read() -> io::Result<Vec<Process>> {
    let mut out = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
        out.extend(stat.ok().and_then(|line| parse(pid, &line)));
    }
    Ok(out)
}

/// The program's name stands in brackets and may itself hold brackets and blanks, so the last one counts.
fn parse(pid: i32, line: &str) -> Option<Process> {
    let mut fields = line.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let mut number = || fields.next()?.parse::<i32>().ok();
    Some(Process {
        pid,
        parent: number()?,
        group: number()?,
        session: number()?,
        is_zombie: matches!(state, "Z" | "X" | "x"),
    })
}

/// Whether the environment that the process was started with holds this entry.
pub(super) fn is_marked(pid: i32, entry: &str) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|line| line == entry.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{Process, parse, read};

    #[test]
    fn names_with_brackets_and_blanks_are_no_trap() {
        let expected = Process { pid: 7, parent: 1, group: 7, session: 5, is_zombie: false };
        assert_eq!(parse(7, "7 (a) b (c) S 1 7 5 0 -1 4194560"), Some(expected));
        assert_eq!(parse(7, "7 (x) Z 1 7 5"), Some(Process { is_zombie: true, ..expected }));
        assert_eq!(parse(7, "nonsense"), None);
    }

    #[test]
    fn this_process_is_in_the_table() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(read().unwrap().iter().any(|process| process.pid == own));
    }
}
