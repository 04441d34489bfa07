//! An upload while it grows: in `incoming`, out of everybody's sight, gone if it isn't finished.
//!
//! Once placed, it can be taken back until it is recorded: what it replaced waits in `incoming`.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::sync::Arc;

use mi_core::drive::DrivePath;
use mi_core::limits::UPLOAD_BYTES_MAX;
use sha2::{Digest, Sha256};

use super::disk::{DiskError, Folder, Seen, Spot, Undone, give_to_pod, look_again};
use super::{faults, service};
use crate::infra::fault::{self, Fault};
use crate::infra::http::dispatch::body_too_large;

/// How much is gathered in memory before it goes to the disk.
const PIECE_BYTES: usize = 256 * 1024;

/// A name in `incoming`. Dropped before it was moved to the drive, it is removed.
pub struct Temp {
    incoming: Arc<Folder>,
    name: String,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Moved,
}

impl Temp {
    /// Blocks.
    fn create(incoming: Arc<Folder>) -> std::io::Result<(Self, File)> {
        let temp = Self::free(incoming);
        let file = temp.incoming.create(&temp.name)?;
        Ok((temp, file))
    }

    /// A name that nothing has yet.
    fn free(incoming: Arc<Folder>) -> Self {
        let name = uuid::Uuid::new_v4().simple().to_string();
        Self { incoming, name, state: State::Waiting }
    }

    /// Makes the file visible under its name, in one step; what stood there goes to `aside`. Blocks.
    fn place(mut self, drive: &Folder, aside: &Temp, name: &DrivePath, owner: Option<u32>) -> Result<Spot, DiskError> {
        let spot = drive.place(&self.incoming, &self.name, &aside.name, name, owner)?;
        self.state = State::Moved;
        Ok(spot)
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        if self.state == State::Waiting
            && let Err(error) = self.incoming.discard(&self.name)
        {
            tracing::warn!(%error, "what an upload left can't be removed; the next start does it");
        }
    }
}

struct Writer {
    file: File,
    hasher: Sha256,
}

/// A file that is arriving.
pub struct Arriving {
    temp: Temp,
    /// Lent to the disk's thread while a piece is written.
    writer: Option<Writer>,
    piece: Vec<u8>,
    bytes: u64,
}

/// A complete file, on disk, not yet on the drive.
pub struct Arrived {
    temp: Temp,
    file: File,
    pub bytes: u64,
    pub sha256: String,
}

impl Arriving {
    pub async fn begin(incoming: Arc<Folder>) -> Result<Self, Fault> {
        let (temp, file) = service::blocking(move || Temp::create(incoming).map_err(unwritten)).await?;
        let writer = Some(Writer { file, hasher: Sha256::new() });
        Ok(Self { temp, writer, piece: Vec::with_capacity(PIECE_BYTES), bytes: 0 })
    }

    pub async fn push(&mut self, chunk: &[u8]) -> Result<(), Fault> {
        self.bytes = self.bytes.saturating_add(chunk.len() as u64);
        if self.bytes > UPLOAD_BYTES_MAX {
            return Err(body_too_large(usize::try_from(UPLOAD_BYTES_MAX).unwrap_or(usize::MAX)));
        }
        self.piece.extend_from_slice(chunk);
        if self.piece.len() >= PIECE_BYTES { self.write_piece().await } else { Ok(()) }
    }

    async fn write_piece(&mut self) -> Result<(), Fault> {
        let writer = self.writer.take().ok_or_else(lost_writer)?;
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES));
        self.writer = Some(service::blocking(move || write(writer, &piece)).await?);
        Ok(())
    }

    /// Everything came: puts it on disk for good.
    pub async fn finish(mut self) -> Result<Arrived, Fault> {
        self.write_piece().await?;
        let Writer { file, hasher } = self.writer.take().ok_or_else(lost_writer)?;
        let file = service::blocking(move || {
            file.sync_all().map_err(unwritten)?;
            Ok(file)
        })
        .await?;
        Ok(Arrived { temp: self.temp, file, bytes: self.bytes, sha256: hex::encode(hasher.finalize()) })
    }
}

fn write(mut writer: Writer, piece: &[u8]) -> Result<Writer, Fault> {
    writer.file.write_all(piece).map_err(unwritten)?;
    writer.hasher.update(piece);
    Ok(writer)
}

fn unwritten(error: std::io::Error) -> Fault {
    fault::io("an upload", &error)
}

fn lost_writer() -> Fault {
    fault::internal("an upload went on after its write failed")
}

impl Arrived {
    /// Makes it visible, as the pods' own. Blocks.
    pub fn place(self, drive: &Folder, name: &DrivePath, owner: Option<u32>) -> Result<Placed, Fault> {
        give_to_pod(self.file.as_fd(), owner).map_err(unwritten)?;
        let seen = look_again(&self.file).map_err(|error| faults::of_disk(name, error))?;
        let aside = Temp::free(Arc::clone(&self.temp.incoming));
        let spot = self.temp.place(drive, &aside, name, owner).map_err(|error| faults::of_disk(name, error))?;
        let placed = Placed { seen, spot, aside, _file: self.file };
        if let Err(error) = placed.spot.sync() {
            placed.take_back()?;
            return Err(unwritten(error));
        }
        Ok(placed)
    }
}

/// A file on the drive that isn't recorded yet. What it replaced is gone when this is dropped. Blocks then.
pub struct Placed {
    /// What the file was like just before it was placed.
    pub seen: Seen,
    spot: Spot,
    aside: Temp,
    /// As long as it is open, no other file gets its inode and is taken for it.
    _file: File,
}

impl Placed {
    /// Puts back what was there before. Blocks.
    pub fn take_back(self) -> Result<(), Fault> {
        let undone = self.spot.undo(&self.aside.incoming, &self.aside.name, &self.seen);
        match undone.map_err(|error| fault::internal(format!("an upload can't be taken back: {error}")))? {
            Undone::Whole => {}
            Undone::Overtaken => tracing::warn!("an upload wasn't taken back: an agent has changed the file since"),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mi_core::problem::Code;

    #[tokio::test]
    async fn an_upload_has_a_limit_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let incoming = Arc::new(Folder::open(folder.path()).unwrap());
        let mut arriving = Arriving::begin(Arc::clone(&incoming)).await.unwrap();
        arriving.bytes = UPLOAD_BYTES_MAX - 1;
        arriving.push(b"x").await.unwrap();
        assert_eq!(incoming.names(10).unwrap().len(), 1);
        assert_eq!(arriving.push(b"x").await.err().map(|fault| fault.code), Some(Code::BodyTooLarge));
        drop(arriving);
        assert!(incoming.names(10).unwrap().is_empty());
    }

    #[test]
    fn a_full_disk_is_told_as_such() {
        let file = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let fault = write(Writer { file, hasher: Sha256::new() }, b"x").err().unwrap();
        assert_eq!(fault.code, Code::DriveFull);
    }
}
