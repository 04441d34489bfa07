//! A pod's log: appended, bounded, and its last lines at hand for a fault.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// When the file is this long it becomes `NAME.1`, so a pod's log takes twice this at most.
const LOG_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// How much of the end is remembered to explain a pod that didn't start.
const TAIL_BYTES_MAX: usize = 2 * 1024;

pub(crate) struct BoundedLog {
    path: PathBuf,
    file: File,
    length: u64,
    length_max: u64,
    tail: VecDeque<u8>,
}

impl BoundedLog {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Self::open_bounded(path, LOG_BYTES_MAX)
    }

    fn open_bounded(path: &Path, length_max: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, length, length_max, tail: VecDeque::new() })
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.tail.extend(bytes);
        let surplus = self.tail.len().saturating_sub(TAIL_BYTES_MAX);
        self.tail.drain(..surplus);
        if self.length + bytes.len() as u64 > self.length_max {
            self.turn_over()?;
        }
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    pub(crate) fn tail(&self) -> String {
        let bytes: Vec<u8> = self.tail.iter().copied().collect();
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }

    fn turn_over(&mut self) -> io::Result<()> {
        let mut older = OsString::from(&self.path);
        older.push(".1");
        fs::rename(&self.path, older)?;
        self.file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)?;
        self.length = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::BoundedLog;

    #[test]
    fn the_log_never_outgrows_its_bound() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pod.log");
        let mut log = BoundedLog::open_bounded(&path, 10).unwrap();
        for word in ["first", "second", "third"] {
            log.append(word.as_bytes()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(dir.path().join("pod.log.1")).unwrap(), "second");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "third");
        assert_eq!(log.tail(), "firstsecondthird");
    }
}
