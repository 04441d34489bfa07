//! What of a folder goes into a bundle.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use mi_core::limits::{STATE_FILES_MAX, STATE_UNPACKED_BYTES_MAX};
use mi_core::transfer::{Layout, Place, StateKind, leaves_out, secret_inside, secret_name};

use crate::fault::Fault;

/// As much of a file's beginning as is looked at for keys.
const LOOKED_AT_BYTES: u64 = 64 * 1024;
/// Names of one folder; more are no workspace.
const ENTRIES_MAX: usize = 200_000;

/// One file that goes along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub path: PathBuf,
    pub kind: StateKind,
    /// Within its kind.
    pub name: String,
    pub size: u64,
    pub mode: u32,
}

/// What was found, and what stays behind, with the reason.
#[derive(Debug, Default)]
pub struct Found {
    pub items: Vec<Item>,
    pub bytes: u64,
    pub skipped: Vec<(String, String)>,
}

/// Looks through a folder, in the order of names.
pub fn scan(folder: &Path, exclude: &[String]) -> Result<Found, Fault> {
    let root = fs::canonicalize(folder).map_err(|fault| unreadable(folder, fault))?;
    if !root.is_dir() {
        let message = format!("{} is not a folder", folder.display());
        return Err(Fault::usage(message, "--state-dir names the folder with the agent's state"));
    }
    let (mut found, mut layout, mut seen) = (Found::default(), Layout::default(), 0);
    let mut left = vec![(root, String::new())];
    while let Some((folder, under)) = left.pop() {
        let mut folders = Vec::new();
        for (name, path) in sorted(&folder)? {
            seen += 1;
            if seen > ENTRIES_MAX {
                let message = format!("{} holds more than {ENTRIES_MAX} files and folders", folder.display());
                return Err(Fault::usage(message, "--exclude leaves some out"));
            }
            let shown = if under.is_empty() { name } else { format!("{under}/{name}") };
            let about = fs::symlink_metadata(&path).map_err(|fault| unreadable(&path, fault))?;
            match why_not(&shown, &about, exclude) {
                Some(reason) => found.skipped.push((shown, reason)),
                None if about.is_dir() => folders.push((path, shown)),
                None => found.add(&mut layout, path, &shown)?,
            }
        }
        left.extend(folders.into_iter().rev());
    }
    Ok(found)
}

/// Why something stays behind, as far as its name and kind say.
fn why_not(shown: &str, about: &fs::Metadata, exclude: &[String]) -> Option<String> {
    if let Some(pattern) = exclude.iter().find(|pattern| leaves_out(pattern, shown)) {
        return Some(format!("excluded by {pattern}"));
    }
    if let Some(reason) = secret_name(shown) {
        return Some(reason.to_owned());
    }
    if about.is_symlink() {
        return Some("it is a link".to_owned());
    }
    (!about.is_dir() && !about.is_file()).then(|| "it is no regular file".to_owned())
}

impl Found {
    fn add(&mut self, layout: &mut Layout, path: PathBuf, shown: &str) -> Result<(), Fault> {
        let place = match Place::parse(shown) {
            Ok(place) => place,
            Err(bad) => return self.skip(shown, format!("its name is not usable: {bad}")),
        };
        let mut file = match open(&path) {
            Ok(file) => file,
            Err(fault) if fault.kind() == io::ErrorKind::PermissionDenied => {
                return self.skip(shown, fault.to_string());
            }
            Err(fault) => return Err(unreadable(&path, fault)),
        };
        let about = file.metadata().map_err(|fault| unreadable(&path, fault))?;
        if let Some(reason) = look_inside(&mut file).map_err(|fault| unreadable(&path, fault))? {
            return self.skip(shown, reason.to_owned());
        }
        if let Err(clash) = layout.take(&place) {
            return self.skip(shown, clash.to_string());
        }
        let (kind, name) = StateKind::of_file(shown);
        self.bytes = self.bytes.saturating_add(about.len());
        self.items.push(Item { path, kind, name: name.to_owned(), size: about.len(), mode: about.mode() & 0o777 });
        if self.items.len() > STATE_FILES_MAX || self.bytes > STATE_UNPACKED_BYTES_MAX {
            let message = format!("more than {STATE_FILES_MAX} files or {STATE_UNPACKED_BYTES_MAX} bytes");
            return Err(Fault::usage(message, "--exclude leaves some out; --dry-run shows what goes along"));
        }
        Ok(())
    }

    fn skip(&mut self, shown: &str, reason: String) -> Result<(), Fault> {
        self.skipped.push((shown.to_owned(), reason));
        Ok(())
    }
}

/// Opens what is still a regular file, and waits for nobody.
pub fn open(path: &Path) -> io::Result<File> {
    let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK;
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

fn look_inside(file: &mut File) -> io::Result<Option<&'static str>> {
    let mut beginning = Vec::new();
    file.take(LOOKED_AT_BYTES).read_to_end(&mut beginning)?;
    Ok(secret_inside(&beginning))
}

/// Names that are no text are shown as well as it goes, and refused later.
fn sorted(folder: &Path) -> Result<Vec<(String, PathBuf)>, Fault> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).map_err(|fault| unreadable(folder, fault))? {
        let entry = entry.map_err(|fault| unreadable(folder, fault))?;
        all.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
        if all.len() > ENTRIES_MAX {
            break;
        }
    }
    all.sort();
    Ok(all)
}

fn unreadable(path: &Path, fault: io::Error) -> Fault {
    Fault::io(format!("{} can't be read", path.display()), fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_goes_along_and_secrets_links_and_pipes_stay() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        for folder in ["memory", "skills/sql", ".ssh", "build"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        for (name, text) in [
            ("notes.md", "n"),
            ("memory/a.md", "m"),
            ("skills/sql/SKILL.md", "s"),
            (".env", "KEY=1"),
            (".ssh/config", "h"),
            ("build/x.o", "o"),
            ("key.txt", "-----BEGIN RSA PRIVATE KEY-----"),
            ("NOTES.md", "other"),
        ] {
            fs::write(at(name), text).unwrap();
        }
        std::os::unix::fs::symlink("/etc/passwd", at("link")).unwrap();
        nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let found = scan(home.path(), &["build".to_owned()]).unwrap();
        let kept: Vec<String> = found.items.iter().map(|item| format!("{}:{}", item.kind, item.name)).collect();
        assert_eq!(kept, ["workspace:NOTES.md", "memory:a.md", "skills:sql/SKILL.md"]);
        let skipped: Vec<&str> = found.skipped.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(skipped, [".env", ".ssh", "build", "key.txt", "link", "notes.md", "pipe"]);
        assert!(scan(&at("missing"), &[]).is_err());
        assert!(scan(&at("NOTES.md"), &[]).is_err());
    }
}
