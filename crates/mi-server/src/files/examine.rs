//! A file as a completion check sees it: its size, and where that is asked for its digest and words.

use std::io::{ErrorKind, Read};
use std::path::Path;

use mi_core::checks::judge::{FileFacts, WordCount};
use mi_core::drive::DrivePath;
use mi_core::ids::OfficeId;
use mi_core::limits::UPLOAD_BYTES_MAX;
use sha2::{Digest, Sha256};

use super::disk::{self, DiskError, Folder};
use crate::house::House;

const READ_PIECE_BYTES: usize = 256 * 1024;
/// How often a file that changes while it is read is begun anew.
const READINGS_MAX: usize = 3;

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    Size,
    Whole,
}

/// Why there are no facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// The file isn't as a file should be; whoever made it can mend it.
    File(String),
    /// The drive itself can't be read.
    Drive(String),
}

/// Whoever asks was let into the office before.
pub async fn facts(house: &House, office: OfficeId, name: &DrivePath, reading: Reading) -> Result<FileFacts, Unfit> {
    let (root, name) = (house.drive_dir(office), name.clone());
    let work = move || look(&root, &name, reading);
    let looked = tokio::task::spawn_blocking(work).await;
    looked.map_err(|error| Unfit::Drive(format!("looking at a file broke off: {error}")))?
}

/// Blocks.
fn look(root: &Path, name: &DrivePath, reading: Reading) -> Result<FileFacts, Unfit> {
    let drive = Folder::open(root).map_err(|error| unreadable(&error))?;
    for _ in 0..READINGS_MAX {
        let (mut file, before) = drive.open_file(name).map_err(unfit)?;
        if reading == Reading::Size {
            return Ok(FileFacts { size: before.size, sha256: None, words: None });
        }
        let (sha256, words) = read(&mut file).map_err(|error| unfit(DiskError::Io(error)))?;
        if disk::look_again(&file).map_err(unfit)? == before {
            return Ok(FileFacts { size: before.size, sha256: Some(sha256), words: Some(words) });
        }
    }
    Err(Unfit::File("is being written while it is read".to_owned()))
}

fn read(file: &mut std::fs::File) -> std::io::Result<(String, i64)> {
    let (mut hasher, mut words) = (Sha256::new(), WordCount::default());
    let mut file = file.take(UPLOAD_BYTES_MAX);
    let mut piece = vec![0; READ_PIECE_BYTES];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok((hex::encode(hasher.finalize()), words.words())),
            Ok(bytes) => {
                let read = piece.get(..bytes).unwrap_or_default();
                hasher.update(read);
                words.take(read);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What it means for whoever is measured by the file.
pub fn unfit(error: DiskError) -> Unfit {
    match error {
        DiskError::Missing => Unfit::File("there is no such file".to_owned()),
        DiskError::NotAFile => Unfit::File("no regular file stands there, or on the way to it".to_owned()),
        DiskError::LeadsOut => Unfit::File("a link on the way leads out of the drive".to_owned()),
        DiskError::TooLong => Unfit::File("a part of its name is longer than the disk allows".to_owned()),
        DiskError::Closed => Unfit::File("it is closed to the server".to_owned()),
        DiskError::TooLarge => Unfit::File(format!("is larger than {UPLOAD_BYTES_MAX} bytes")),
        DiskError::Io(error) => unreadable(&error),
    }
}

/// The cause is for the log; the office hears that it isn't to blame.
fn unreadable(error: &std::io::Error) -> Unfit {
    tracing::error!(%error, "a file of the drive can't be read for a check");
    Unfit::Drive("the drive can't be read".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_within_the_drive_have_facts() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        std::fs::write(folder.path().join("a.md"), "one two\nthree").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("out")).unwrap();
        let look = |name: &str, reading| look(folder.path(), &name.parse().unwrap(), reading);
        let digest = hex::encode(Sha256::digest(b"one two\nthree"));
        assert_eq!(look("a.md", Reading::Whole), Ok(FileFacts { size: 13, sha256: Some(digest), words: Some(3) }));
        assert_eq!(look("a.md", Reading::Size), Ok(FileFacts { size: 13, sha256: None, words: None }));
        for (name, said) in
            [("none", "no such file"), ("sub", "no regular file"), ("out", "leads out"), ("a.md/x", "no such")]
        {
            let Err(Unfit::File(why)) = look(name, Reading::Whole) else { panic!("{name} has facts") };
            assert!(why.contains(said), "{name}: {why}");
        }
    }
}
