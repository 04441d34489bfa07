//! Looking at a store without opening it for work: nothing is made, brought up to date or written.
//!
//! For `mi doctor`, beside a server that may be running on the same store.

use std::path::Path;
use std::time::Duration;

use ::postgres::NoTls;
use mi_core::time::Time;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::migrate::MIGRATIONS;
use super::{DbError, Location, postgres, sqlite};

/// Checking reads the whole file; a larger one would take minutes.
const CHECKED_BYTES_MAX: u64 = 1024 * 1024 * 1024;
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const BUSY_LIMIT: Duration = Duration::from_secs(2);
/// As much as a line of a report holds.
const TROUBLE_CHARS_MAX: usize = 200;

const VERSION: &str = "select coalesce(max(version), 0) from schema_version";
const CLOCK: &str = "select value from server_state where key = 'clock'";

/// What was seen of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    pub version: i64,
    /// What this program knows.
    pub version_known: i64,
    /// The last time that a server wrote down.
    pub last_time: Option<Time>,
    pub integrity: Integrity,
}

/// Whether the file is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Integrity {
    Whole,
    Broken(String),
    /// Too large to be read now.
    TooLarge,
    /// The engine minds that itself.
    NotOurs,
}

/// `None` where there is no store yet. Blocks.
pub fn examine(location: &Location) -> Result<Option<Examined>, DbError> {
    match location {
        Location::File(path) => examine_file(path),
        #[cfg(any(test, feature = "testing"))]
        Location::Scratch(path) => examine_file(path),
        Location::Postgres { url, schema } => examine_postgres(url, schema),
    }
}

fn examine_file(path: &Path) -> Result<Option<Examined>, DbError> {
    if !path.exists() {
        return Ok(None);
    }
    let file = open_to_look(path)?;
    let version = file.query_row(VERSION, [], |row| row.get(0)).map_err(sqlite::translate)?;
    let clock: Option<String> = file.query_row(CLOCK, [], |row| row.get(0)).optional().map_err(sqlite::translate)?;
    let integrity = integrity(path, &file)?;
    Ok(Some(examined(version, clock.as_deref(), integrity)))
}

/// A store with a log beside it is in use, or was left by a server that was killed: it is read like any reader does.
/// Without one, nobody has it open, and it is read as it lies there, for a reader would make files of its own.
fn open_to_look(path: &Path) -> Result<Connection, DbError> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let escaped = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let still = if Path::new(&log).exists() { "" } else { "?immutable=1" };
    let file = Connection::open_with_flags(format!("file:{escaped}{still}"), flags).map_err(sqlite::translate)?;
    file.busy_timeout(BUSY_LIMIT).map_err(sqlite::translate)?;
    Ok(file)
}

fn integrity(path: &Path, file: &Connection) -> Result<Integrity, DbError> {
    let length = std::fs::metadata(path).map_err(|error| DbError::Other(error.to_string()))?.len();
    if length > CHECKED_BYTES_MAX {
        return Ok(Integrity::TooLarge);
    }
    let found: String = file.query_row("pragma quick_check(1)", [], |row| row.get(0)).map_err(sqlite::translate)?;
    match found.as_str() {
        "ok" => Ok(Integrity::Whole),
        trouble => Ok(Integrity::Broken(trouble.chars().take(TROUBLE_CHARS_MAX).collect())),
    }
}

fn examine_postgres(url: &str, schema: &str) -> Result<Option<Examined>, DbError> {
    let mut config: ::postgres::Config = url.parse().map_err(postgres::translate)?;
    let mut client = config.connect_timeout(CONNECT_LIMIT).connect(NoTls).map_err(postgres::translate)?;
    let mut tx = client.build_transaction().read_only(true).start().map_err(postgres::translate)?;
    let there = "select count(*) from information_schema.tables where table_schema = $1 and table_name = $2";
    let count: i64 = tx.query_one(there, &[&schema, &"schema_version"]).map_err(postgres::translate)?.get(0);
    if count == 0 {
        return Ok(None);
    }
    tx.execute("select set_config('search_path', $1, true)", &[&schema]).map_err(postgres::translate)?;
    let version = tx.query_one(VERSION, &[]).map_err(postgres::translate)?.get(0);
    let clock = tx.query_opt(CLOCK, &[]).map_err(postgres::translate)?.map(|row| row.get::<_, String>(0));
    Ok(Some(examined(version, clock.as_deref(), Integrity::NotOurs)))
}

fn examined(version: i64, clock: Option<&str>, integrity: Integrity) -> Examined {
    let last_time = clock.and_then(|text| text.parse().ok()).map(Time);
    Examined { version, version_known: MIGRATIONS.len() as i64, last_time, integrity }
}

#[cfg(test)]
mod tests {
    use super::super::Db;
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_store_is_looked_at_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a ?b#%.db");
        let location = Location::Scratch(path.clone());
        assert_eq!(examine(&location).unwrap(), None);
        assert_eq!(names(folder.path()), Vec::<String>::new());

        let db = Db::open(&location).unwrap();
        let known = MIGRATIONS.len() as i64;
        let whole = Examined { version: known, version_known: known, last_time: None, integrity: Integrity::Whole };
        assert_eq!(examine(&location).unwrap(), Some(whole.clone()), "beside a server");
        db.close();
        drop(db);
        let left = names(folder.path());
        assert_eq!(examine(&location).unwrap(), Some(whole));
        assert_eq!(names(folder.path()), left);
    }

    #[test]
    fn a_broken_store_is_said_to_be_broken() {
        const DAMAGED_BYTES: usize = 64 * 1024;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mi.db");
        Db::open(&Location::Scratch(path.clone())).unwrap().close();
        let into_one = "pragma wal_checkpoint(truncate); pragma journal_mode = delete";
        Connection::open(&path).unwrap().execute_batch(into_one).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + DAMAGED_BYTES].fill(0xa5);
        std::fs::write(&path, bytes).unwrap();
        let found = examine(&Location::Scratch(path));
        let broken = match &found {
            Ok(Some(found)) => matches!(found.integrity, Integrity::Broken(_)),
            Ok(None) => false,
            Err(_) => true,
        };
        assert!(broken, "{found:?}");
    }
}
