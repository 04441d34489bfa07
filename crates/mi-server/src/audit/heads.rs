//! Published heads: where each office's chain ended, again and again, in a file outside of the store.
//!
//! `<data>/audit/heads.jsonl` is only appended to, one line for each office that moved. Each line has a keyed tag, so
//! that nobody else can write one. A line that was torn by a crash counts for nothing. When the file is full it becomes
//! `heads.1.jsonl`, and the new one begins with every office.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use mi_core::ids::OfficeId;
use mi_core::time::Time;
use mi_core::wire::audit::{BreakKind, Broken};
use serde::{Deserialize, Serialize};

use super::service::head_tag;
use crate::house::House;
use crate::infra::fault::{self, Fault};
use crate::infra::keys::Keys;

const FOLDER: &str = "audit";
const FILE: &str = "heads.jsonl";
const OLDER_FILE: &str = "heads.1.jsonl";
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// With the older file, twice this is kept: some hundred thousand heads.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// A line is far shorter; what is longer is none of ours.
const LINE_BYTES_MAX: u64 = 1_024;

/// An end of a chain at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub seq: i64,
    pub mac: String,
    pub at: Time,
}

/// Number and tag of an event.
pub type End = (i64, String);

/// What was published of one office.
#[derive(Debug, Default)]
pub struct Published {
    pub heads: BTreeMap<i64, Head>,
    /// What the lines say by themselves: one that this server didn't write, or two that can't both be true.
    pub broken: Option<Broken>,
    /// The genuine line before.
    last: Option<Head>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    at: Time,
    office: OfficeId,
    seq: i64,
    mac: String,
    tag: String,
}

pub fn folder(house: &House) -> PathBuf {
    house.data_dir().join(FOLDER)
}

/// Everything that was published of an office.
pub async fn read(house: &House, office: OfficeId) -> Result<Published, Fault> {
    let (folder, keys) = (folder(house), house.keys.clone());
    let read = tokio::task::spawn_blocking(move || {
        let mut published = Published::default();
        each_line(&folder, |line| published.take(&keys, office, line))?;
        Ok(published)
    });
    read.await.map_err(fault::internal)?.map_err(|error| fault::io("reading the published heads", &error))
}

impl Published {
    fn take(&mut self, keys: &Keys, office: OfficeId, line: Line) {
        if line.office != office {
            return;
        }
        let head = Head { seq: line.seq, mac: line.mac, at: line.at };
        let is_genuine = line.tag == head_tag(keys, office, &head);
        let broken = if is_genuine { self.contradicted(&head) } else { Some(forged(&head)) };
        self.broken = self.broken.take().or(broken);
        if is_genuine {
            // The first word stands: what came later in its place is what replaced it.
            self.heads.entry(head.seq).or_insert_with(|| head.clone());
            self.last = Some(head);
        }
    }

    /// A genuine line that can't follow those before: events never get fewer, and none is written twice.
    fn contradicted(&self, head: &Head) -> Option<Broken> {
        let (seq, at) = (head.seq, head.at);
        if let Some(before) = self.heads.get(&seq).filter(|before| before.mac != head.mac) {
            let what = format!(
                "event {seq} was published at {}, and another event {seq} at {at}: the past was replaced",
                before.at
            );
            return Some(Broken { seq, kind: BreakKind::Forked, what });
        }
        let last = self.last.as_ref().filter(|last| last.seq > seq)?;
        let what = format!(
            "event {} was published at {}, and at {at} there were only {seq}: an older store was put back",
            last.seq, last.at
        );
        Some(Broken { seq: seq + 1, kind: BreakKind::CutOff, what })
    }
}

fn forged(head: &Head) -> Broken {
    let what = format!("a published head says event {} at {}, and this server didn't write it", head.seq, head.at);
    Broken { seq: head.seq, kind: BreakKind::ForgedHead, what }
}

/// The newest published end of every office's chain; what somebody else wrote there doesn't count. Blocks.
pub fn newest(folder: &Path, keys: &Keys) -> io::Result<HashMap<OfficeId, End>> {
    let mut newest = HashMap::new();
    each_line(folder, |line| {
        let head = Head { seq: line.seq, mac: line.mac, at: line.at };
        if line.tag == head_tag(keys, line.office, &head) {
            newest.insert(line.office, (head.seq, head.mac));
        }
    })?;
    Ok(newest)
}

fn each_line(folder: &Path, mut take: impl FnMut(Line)) -> io::Result<()> {
    for name in [OLDER_FILE, FILE] {
        let file = match File::open(folder.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let mut reader = BufReader::new(file);
        let mut text = Vec::new();
        loop {
            text.clear();
            if reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut text)? == 0 {
                break;
            }
            if let Ok(line) = serde_json::from_slice(&text) {
                take(line);
            }
        }
    }
    Ok(())
}

/// Whether there is room for more lines in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    Left,
    /// The file was put aside; the next lines begin a new one, with every office.
    Renewed,
}

/// Makes room before heads are chosen. Blocks.
pub fn make_room(folder: &Path) -> io::Result<Room> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
    match fs::metadata(folder.join(FILE)) {
        Ok(facts) if facts.len() < FILE_BYTES_MAX => Ok(Room::Left),
        Ok(_) => {
            fs::rename(folder.join(FILE), folder.join(OLDER_FILE))?;
            Ok(Room::Renewed)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Room::Renewed),
        Err(error) => Err(error),
    }
}

/// Appends, and comes back when the lines are on disk. Blocks.
pub fn append(folder: &Path, keys: &Keys, heads: &[(OfficeId, Head)]) -> io::Result<()> {
    let mut text = Vec::new();
    for (office, head) in heads {
        let tag = head_tag(keys, *office, head);
        let line = Line { at: head.at, office: *office, seq: head.seq, mac: head.mac.clone(), tag };
        serde_json::to_writer(&mut text, &line)?;
        text.push(b'\n');
    }
    let path = folder.join(FILE);
    let mut file = OpenOptions::new().create(true).read(true).append(true).mode(FILE_MODE).open(path)?;
    if ends_torn(&mut file)? {
        file.write_all(b"\n")?;
    }
    file.write_all(&text)?;
    file.sync_data()
}

/// A crash may have cut the last line short; the next one begins anew.
fn ends_torn(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}
