//! A bundle: the files of a scan in a tar, compressed, and the manifest that names each with its digest.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use mi_core::limits::STATE_BUNDLE_BYTES_MAX;
use mi_core::transfer::tar;
use mi_core::wire::transfers::{Manifest, StateFile};
use sha2::{Digest, Sha256};

use super::scan::{Found, Item, open};
use crate::fault::Fault;

const PIECE_BYTES: usize = 256 * 1024;
/// Of zstd: text shrinks well, and it is as fast as a disk.
const LEVEL: i32 = 3;

/// A bundle on disk, gone when it is dropped.
#[derive(Debug)]
pub struct Bundle {
    pub path: PathBuf,
    pub manifest: Manifest,
    pub bytes: u64,
}

impl Drop for Bundle {
    fn drop(&mut self) {
        // It is in a folder for such files; what can't be removed there is cleared with it.
        std::fs::remove_file(&self.path).unwrap_or_default();
    }
}

/// Writes the bundle into `folder`; `progress` counts the bytes of files.
pub fn pack(found: &Found, folder: &Path, progress: impl Fn(u64)) -> Result<Bundle, Fault> {
    let path = folder.join(format!("mi-state-{}.tar.zst", std::process::id()));
    let unwritable = |fault| Fault::io("the bundle can't be written", fault);
    let file = create(&path).map_err(unwritable)?;
    let mut bundle = Bundle { path, manifest: Manifest::default(), bytes: 0 };
    let mut out = zstd::stream::write::Encoder::new(BufWriter::new(file), LEVEL).map_err(unwritable)?;
    for item in &found.items {
        bundle.manifest.files.push(add(&mut out, item, &progress)?);
    }
    out.write_all(&tar::end()).map_err(unwritable)?;
    let file = out.finish().map_err(unwritable)?.into_inner().map_err(|fault| unwritable(fault.into_error()))?;
    bundle.bytes = file.metadata().map_err(unwritable)?.len();
    if bundle.bytes > STATE_BUNDLE_BYTES_MAX {
        let message = format!("the bundle has {} bytes, and at most {STATE_BUNDLE_BYTES_MAX} are taken", bundle.bytes);
        return Err(Fault::usage(message, "--exclude leaves files out; --dry-run shows what goes along"));
    }
    Ok(bundle)
}

fn create(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
        Err(fault) => return Err(fault),
    }
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

fn add(out: &mut impl Write, item: &Item, progress: &impl Fn(u64)) -> Result<StateFile, Fault> {
    let failed = |fault| Fault::io(format!("{} can't be packed", item.path.display()), fault);
    let mut file = open(&item.path).map_err(failed)?;
    out.write_all(&tar::write(&format!("{}/{}", item.kind, item.name), item.size, item.mode)).map_err(failed)?;
    let (mut hasher, mut left, mut piece) = (Sha256::new(), item.size, vec![0; PIECE_BYTES]);
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        let read = file.read(&mut piece[..most]).map_err(failed)?;
        if read == 0 {
            let message = format!("{} became shorter while it was packed", item.path.display());
            return Err(Fault::failed(message, "stop what writes to it, then try again"));
        }
        hasher.update(&piece[..read]);
        out.write_all(&piece[..read]).map_err(failed)?;
        progress(read as u64);
        left -= read as u64;
    }
    out.write_all(&[0; tar::BLOCK_BYTES][..tar::padding(item.size)]).map_err(failed)?;
    let sha256 = hex::encode(hasher.finalize());
    Ok(StateFile { path: item.name.clone(), size: item.size, sha256, mode: item.mode, kind: item.kind })
}

#[cfg(test)]
mod tests {
    use super::super::scan;
    use super::*;

    #[test]
    fn a_bundle_is_what_the_server_s_plan_takes() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join("memory")).unwrap();
        std::fs::write(home.path().join("memory/a.md"), "words ".repeat(1_000)).unwrap();
        std::fs::write(home.path().join("x"), "").unwrap();
        let found = scan(home.path(), &[]).unwrap();
        let place = tempfile::tempdir().unwrap();
        let bundle = pack(&found, place.path(), |_| {}).unwrap();
        assert_eq!(bundle.bytes, std::fs::metadata(&bundle.path).unwrap().len());
        let planned = mi_core::transfer::plan(&bundle.manifest, bundle.bytes).unwrap();
        let mut names: Vec<&str> = planned.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["memory/a.md", "workspace/x"]);
        let path = bundle.path.clone();
        let tar = zstd::stream::decode_all(File::open(&path).unwrap()).unwrap();
        assert_eq!(tar.len() % tar::BLOCK_BYTES, 0);
        drop(bundle);
        assert!(!path.exists());
    }
}
