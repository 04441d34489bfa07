//! The data directory: whose it is, how much room there is, and whether its store is whole.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use mi_core::time::Time;
use mi_server::infra::config::Config;
use mi_server::infra::db::examine::{Examined, Integrity};
use mi_server::server::examine::Look;
use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access, geteuid};

use super::finding::{Finding, Section};
use super::machine::wall_clock;

const SECTION: Section = Section::Data;
const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;
/// Below this a busy office runs out within hours.
const DISK_FREE_BYTES_GOOD: u64 = 2 * GIB;
/// Below this not even the store can grow.
const DISK_FREE_BYTES_MIN: u64 = 200 * MIB;
const INODES_FREE_MIN: u64 = 10_000;
const OTHERS_READ_OR_WRITE: u32 = 0o066;
const OTHERS_BITS: u32 = 0o077;
/// A clock that is behind the store by less was set right in between.
const CLOCK_BEHIND_MS_MAX: i64 = 5_000;

pub fn look(config: &Config) -> Vec<Finding> {
    let data_dir = config.data_dir();
    let mut out = vec![folder(&data_dir)];
    out.extend(disk(&data_dir));
    let look = Look::at(&data_dir);
    out.extend(key(&look));
    out.extend(store(&look, config));
    out
}

fn folder(data_dir: &Path) -> Finding {
    let shown = data_dir.display();
    let facts = match fs::metadata(data_dir) {
        Ok(facts) => facts,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return not_yet(data_dir),
        Err(error) => {
            let fix = "--data-dir DIR names another place";
            return Finding::wrong(SECTION, "folder", format!("{shown} can't be read: {error}"), fix);
        }
    };
    if !facts.is_dir() {
        return Finding::wrong(
            SECTION,
            "folder",
            format!("{shown} is no folder"),
            "--data-dir DIR names another place",
        );
    }
    let own = geteuid().as_raw();
    if facts.uid() != own {
        let detail = format!("{shown} belongs to user {}, and you are {own}", facts.uid());
        return Finding::wrong(SECTION, "folder", detail, "run mi as that user, or name another --data-dir");
    }
    if facts.permissions().mode() & OTHERS_READ_OR_WRITE != 0 {
        let detail = format!("others on this machine may look into {shown}");
        return Finding::wrong(SECTION, "folder", detail, format!("chmod go-rw {shown}"));
    }
    Finding::ok(SECTION, "folder", format!("{shown}, yours alone"))
}

fn not_yet(data_dir: &Path) -> Finding {
    let shown = data_dir.display();
    let nearest = nearest(data_dir);
    match access(&nearest, AccessFlags::W_OK | AccessFlags::X_OK) {
        Ok(()) => Finding::ok(SECTION, "folder", format!("{shown} is not there yet; mi up makes it")),
        Err(error) => {
            let detail = format!("{shown} is not there and can't be made in {}: {error}", nearest.display());
            Finding::wrong(SECTION, "folder", detail, "--data-dir DIR names another place")
        }
    }
}

/// The path itself, or the first folder above it that exists.
fn nearest(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    whole.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/")).to_owned()
}

fn disk(data_dir: &Path) -> Option<Finding> {
    let facts = statvfs(&nearest(data_dir)).ok()?;
    let block: u64 = facts.fragment_size();
    let (free, whole) = (facts.blocks_available() * block, facts.blocks() * block);
    let detail = format!("{} free of {}", size(free), size(whole));
    let fix = "free some space, or put the data on a larger disk with --data-dir";
    // Some file systems don't count files, and then say that they have none.
    let few_files = facts.files() > 0 && facts.files_available() < INODES_FREE_MIN;
    if free < DISK_FREE_BYTES_MIN {
        return Some(Finding::wrong(SECTION, "disk", detail, fix));
    }
    if few_files {
        let detail = format!("{detail}, and room for {} more files only", facts.files_available());
        return Some(Finding::less(SECTION, "disk", detail, fix));
    }
    if free < DISK_FREE_BYTES_GOOD {
        return Some(Finding::less(SECTION, "disk", detail, fix));
    }
    Some(Finding::ok(SECTION, "disk", detail))
}

fn size(bytes: u64) -> String {
    if bytes >= GIB { format!("{} GiB", bytes / GIB) } else { format!("{} MiB", bytes / MIB) }
}

/// Whoever reads it reads every secret of the store.
fn key(look: &Look) -> Option<Finding> {
    let path = look.key_file();
    let facts = fs::metadata(&path).ok()?;
    if facts.permissions().mode() & OTHERS_BITS != 0 {
        let detail = format!("others on this machine may read {}", path.display());
        return Some(Finding::wrong(SECTION, "master key", detail, format!("chmod 600 {}", path.display())));
    }
    Some(Finding::ok(SECTION, "master key", "yours alone; keep a copy of it with your backups"))
}

fn store(look: &Look, config: &Config) -> Vec<Finding> {
    let url = config.database_url();
    let kind = if url.is_some() { "PostgreSQL" } else { "SQLite" };
    match look.store(url.as_deref()) {
        Ok(None) => vec![Finding::ok(SECTION, "store", format!("{kind}, empty; mi up sets it up"))],
        Ok(Some(found)) => {
            let mut out = vec![version(kind, &found)];
            out.extend(integrity(&found));
            out.extend(time(&found));
            out
        }
        Err(error) => {
            // Some drivers repeat the address with its password.
            let detail = match url {
                Some(_) => "the PostgreSQL database of database_url can't be read".to_owned(),
                None => format!("the store can't be read: {error}"),
            };
            let fix = match url {
                Some(_) => "is it running, and is the address right? psql \"$MI_DATABASE_URL\" says more",
                None => "stop mi up and restore the store from a backup, if it stays so",
            };
            vec![Finding::wrong(SECTION, "store", detail, fix)]
        }
    }
}

fn version(kind: &str, found: &Examined) -> Finding {
    let Examined { version, version_known, .. } = found;
    if version > version_known {
        let detail = format!("{kind}, schema {version}; this mi knows {version_known}");
        return Finding::wrong(SECTION, "store", detail, "install the newer mi that wrote it");
    }
    if version < version_known {
        let detail = format!("{kind}, schema {version}; the next mi up brings it to {version_known}");
        return Finding::ok(SECTION, "store", detail);
    }
    Finding::ok(SECTION, "store", format!("{kind}, schema {version}"))
}

fn integrity(found: &Examined) -> Option<Finding> {
    match &found.integrity {
        Integrity::NotOurs => None,
        Integrity::Whole => Some(Finding::ok(SECTION, "integrity", "the store's file is whole")),
        Integrity::TooLarge => {
            Some(Finding::ok(SECTION, "integrity", "not checked: the store's file is larger than 1 GiB"))
        }
        Integrity::Broken(trouble) => {
            let fix = "stop mi up, keep a copy of the file, restore it from a backup";
            Some(Finding::wrong(SECTION, "integrity", format!("the store's file is damaged: {trouble}"), fix))
        }
    }
}

/// A server's clock never goes back: it would run from where the store stands.
fn time(found: &Examined) -> Option<Finding> {
    let Time(last) = found.last_time?;
    let behind = last - wall_clock().0;
    if behind <= CLOCK_BEHIND_MS_MAX {
        return None;
    }
    let detail = format!("this machine's clock is {} s behind the last time that the store saw", behind / 1_000);
    Some(Finding::wrong(SECTION, "clock of the store", detail, "set the clock: timedatectl set-ntp true"))
}
