//! The schema: numbered files, forward only, the same text for both engines.
//!
//! The portable subset is enough for the schema too, so each migration is
//! written once. A database made by a newer program is refused.

use rusqlite::Connection;

use super::DbError;
use super::sqlite::translate;

/// Every migration, in order; its number is its place, from 1.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("../../../../../migrations/0001_first.sql"),
    include_str!("../../../../../migrations/0002_proof.sql"),
    include_str!("../../../../../migrations/0003_task_names.sql"),
    include_str!("../../../../../migrations/0004_schedules.sql"),
    include_str!("../../../../../migrations/0005_integrations.sql"),
    include_str!("../../../../../migrations/0006_groups.sql"),
    include_str!("../../../../../migrations/0007_checks.sql"),
    include_str!("../../../../../migrations/0008_events.sql"),
    include_str!("../../../../../migrations/0009_identity.sql"),
    include_str!("../../../../../migrations/0010_signatures.sql"),
    include_str!("../../../../../migrations/0011_people.sql"),
    include_str!("../../../../../migrations/0012_invites.sql"),
    include_str!("../../../../../migrations/0013_transfers.sql"),
    include_str!("../../../../../migrations/0016_life.sql"),
    include_str!("../../../../../migrations/0019_money.sql"),
    include_str!("../../../../../migrations/0020_provider_marks.sql"),
    include_str!("../../../../../migrations/0021_sessions.sql"),
    include_str!("../../../../../migrations/0022_wakes.sql"),
    include_str!("../../../../../migrations/0023_purses.sql"),
];

const VERSION_TABLE: &str = "create table if not exists schema_version (version bigint not null primary key)";
const VERSION_NOW: &str = "select coalesce(max(version), 0) from schema_version";
const VERSION_ADD: &str = "insert into schema_version (version) values ($1)";

pub(super) fn sqlite(connection: &mut Connection) -> Result<(), DbError> {
    connection.execute_batch(VERSION_TABLE).map_err(translate)?;
    let found: i64 = connection.query_row(VERSION_NOW, [], |row| row.get(0)).map_err(translate)?;
    for (version, text) in pending(found)? {
        let transaction = connection.transaction().map_err(translate)?;
        transaction.execute_batch(text).map_err(translate)?;
        transaction.execute(VERSION_ADD, [version]).map_err(translate)?;
        transaction.commit().map_err(translate)?;
    }
    Ok(())
}

pub(super) fn postgres(client: &mut ::postgres::Client) -> Result<(), DbError> {
    let fail = super::postgres::translate;
    client.batch_execute(VERSION_TABLE).map_err(fail)?;
    let found: i64 = client.query_one(VERSION_NOW, &[]).map_err(fail)?.get(0);
    for (version, text) in pending(found)? {
        let mut transaction = client.transaction().map_err(fail)?;
        transaction.batch_execute(text).map_err(fail)?;
        transaction.execute(VERSION_ADD, &[&version]).map_err(fail)?;
        transaction.commit().map_err(fail)?;
    }
    Ok(())
}

fn pending(found: i64) -> Result<Vec<(i64, &'static str)>, DbError> {
    let newest = MIGRATIONS.len() as i64;
    if found > newest {
        return Err(DbError::Other(format!(
            "the store has schema version {found}, this program knows {newest}: it was written by a newer mi"
        )));
    }
    let numbered = (1..).zip(MIGRATIONS.iter().copied());
    Ok(numbered.filter(|(version, _)| *version > found).collect())
}
