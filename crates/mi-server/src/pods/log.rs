//! Reading a pod's log as it grows, over the turn from one file to the next.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use mi_core::ids::{AgentId, OfficeId};

use super::service::log_path;
use crate::house::House;
use crate::infra::fault::{self, Fault};

/// What is read with one look.
const PART_BYTES_MAX: u64 = 64 * 1024;
/// How much of the end is looked at for its last lines.
const END_BYTES_MAX: u64 = 256 * 1024;

/// Where a reader is: in which file, and how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub inode: u64,
    pub offset: u64,
}

/// A line, and where the reader is after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub text: String,
    pub after: Mark,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Part {
    pub lines: Vec<Line>,
    /// Where the reader is now; `None` while there is no log.
    pub mark: Option<Mark>,
    /// Lines between the mark and these are gone.
    pub is_torn: bool,
}

/// The last lines, and where they end.
pub async fn end(house: &House, office: OfficeId, agent: AgentId, lines: usize) -> Result<Part, Fault> {
    let path = log_path(house, office, agent);
    off_thread(move || read_end(&path, lines)).await
}

/// What came after a mark.
pub async fn after(house: &House, office: OfficeId, agent: AgentId, mark: Option<Mark>) -> Result<Part, Fault> {
    let path = log_path(house, office, agent);
    off_thread(move || read_after(&path, mark)).await
}

async fn off_thread(read: impl FnOnce() -> io::Result<Part> + Send + 'static) -> Result<Part, Fault> {
    let read = tokio::task::spawn_blocking(read).await.map_err(fault::internal)?;
    read.map_err(|error| fault::io("reading a pod's log", &error))
}

fn read_end(path: &Path, most: usize) -> io::Result<Part> {
    let Some((file, inode, length)) = open(path)? else { return Ok(Part::default()) };
    let start = length.saturating_sub(END_BYTES_MAX);
    let (mut lines, offset) = lines_from(file, Mark { inode, offset: start }, END_BYTES_MAX)?;
    // The first line may be one that was cut.
    let cut = usize::from(start > 0).max(lines.len().saturating_sub(most));
    lines.drain(..cut.min(lines.len()));
    Ok(Part { lines, mark: Some(Mark { inode, offset }), is_torn: false })
}

fn read_after(path: &Path, mark: Option<Mark>) -> io::Result<Part> {
    let Some((file, inode, length)) = open(path)? else { return Ok(Part { mark, ..Part::default() }) };
    let begin = Mark { inode, offset: 0 };
    match mark {
        None => read_on(file, begin, false),
        Some(mark) if mark.inode == inode && mark.offset <= length => read_on(file, mark, false),
        Some(mark) => match open(&older(path))? {
            Some((older, inode, length)) if inode == mark.inode && mark.offset < length => {
                let rest = read_on(older, mark, false)?;
                // A last line without its end never gets one.
                if rest.lines.is_empty() { read_on(file, begin, false) } else { Ok(rest) }
            }
            Some((_, inode, length)) if inode == mark.inode && mark.offset == length => read_on(file, begin, false),
            Some(_) | None => read_on(file, begin, true),
        },
    }
}

fn read_on(file: File, mark: Mark, is_torn: bool) -> io::Result<Part> {
    let (lines, offset) = lines_from(file, mark, PART_BYTES_MAX)?;
    Ok(Part { lines, mark: Some(Mark { offset, ..mark }), is_torn })
}

/// Whole lines from the mark on, and where they end. A line that is longer than all that is read is cut.
fn lines_from(mut file: File, mark: Mark, bytes_max: u64) -> io::Result<(Vec<Line>, u64)> {
    file.seek(SeekFrom::Start(mark.offset))?;
    let mut bytes = Vec::new();
    file.take(bytes_max).read_to_end(&mut bytes)?;
    let is_full = bytes.len() as u64 == bytes_max;
    let whole = match bytes.iter().rposition(|byte| *byte == b'\n') {
        Some(last) => &bytes[..=last],
        None if is_full => &bytes[..],
        None => &bytes[..0],
    };
    let mut offset = mark.offset;
    let mut lines = Vec::new();
    for line in whole.split_inclusive(|byte| *byte == b'\n') {
        offset += line.len() as u64;
        let text = String::from_utf8_lossy(line).trim_end_matches(['\n', '\r']).to_owned();
        lines.push(Line { text, after: Mark { inode: mark.inode, offset } });
    }
    Ok((lines, offset))
}

fn open(path: &Path) -> io::Result<Option<(File, u64, u64)>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let facts = file.metadata()?;
    Ok(Some((file, facts.ino(), facts.len())))
}

fn older(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn texts(part: &Part) -> Vec<&str> {
        part.lines.iter().map(|line| line.text.as_str()).collect()
    }

    fn append(path: &Path, text: &str) {
        let mut file = File::options().create(true).append(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn a_reader_follows_the_log_into_its_next_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pod.log");
        assert_eq!(read_after(&path, None).unwrap(), Part::default());
        append(&path, "one\ntwo\nthr");
        let end = read_end(&path, 1).unwrap();
        assert_eq!((texts(&end), end.is_torn), (vec!["two"], false));
        append(&path, "ee\nfour\n");
        let next = read_after(&path, end.mark).unwrap();
        assert_eq!(texts(&next), ["three", "four"]);
        assert_eq!(texts(&read_after(&path, Some(next.lines[0].after)).unwrap()), ["four"], "each line is a place");

        append(&path, "five\n");
        std::fs::rename(&path, older(&path)).unwrap();
        append(&path, "six\n");
        let rest = read_after(&path, next.mark).unwrap();
        assert_eq!(texts(&rest), ["five"]);
        let fresh = read_after(&path, rest.mark).unwrap();
        assert_eq!((texts(&fresh), fresh.is_torn), (vec!["six"], false));

        std::fs::rename(&path, folder.path().join("far-away")).unwrap();
        append(&path, "seven\n");
        let torn = read_after(&path, fresh.mark).unwrap();
        assert_eq!((texts(&torn), torn.is_torn), (vec!["seven"], true));
        std::fs::write(&path, "").unwrap();
        assert!(read_after(&path, torn.mark).unwrap().is_torn, "a log that was emptied");
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pod.log");
        append(&path, &"x".repeat(PART_BYTES_MAX as usize + 10));
        let part = read_after(&path, None).unwrap();
        assert_eq!((part.lines.len(), part.lines[0].text.len()), (1, PART_BYTES_MAX as usize));
        let rest = read_after(&path, part.mark).unwrap();
        assert_eq!((rest.lines.len(), rest.mark), (0, part.mark));
    }
}
