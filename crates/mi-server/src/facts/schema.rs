//! The schema: the same on both engines, after every start, and led by the office.

use std::collections::BTreeSet;

use super::store::{Column, columns_of_postgres, columns_of_sqlite};
use crate::infra::db::{Db, Location};
use crate::testing::{DATABASE_VARIABLE, TestHouse};

/// Tables whose rows belong to no office, and offices themselves.
const WITHOUT_OFFICE: [&str; 10] = [
    "api_keys",
    "browsers",
    "idempotency",
    "login_links",
    "logins",
    "offices",
    "orphaned_invites",
    "schema_version",
    "server_state",
    "users",
];

async fn of_file(path: &std::path::Path) -> Vec<Column> {
    let location = Location::File(path.to_owned());
    let db = tokio::task::spawn_blocking(move || Db::open(&location)).await.unwrap().unwrap();
    let columns = db.read(|tx| Ok(columns_of_sqlite(tx)?)).await.unwrap();
    tokio::task::spawn_blocking(move || db.close()).await.unwrap();
    columns
}

#[tokio::test]
async fn opening_a_store_again_changes_nothing_in_its_schema() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mi.db");
    let (fresh, again) = (of_file(&path).await, of_file(&path).await);
    assert!(fresh.len() > 100, "{} columns", fresh.len());
    assert_eq!(fresh, again);
}

#[tokio::test]
async fn the_office_leads_every_key_of_what_belongs_to_one() {
    let folder = tempfile::tempdir().unwrap();
    let columns = of_file(&folder.path().join("mi.db")).await;
    let tables: BTreeSet<&str> = columns.iter().map(|column| column.table.as_str()).collect();
    let mut without = Vec::new();
    for table in tables {
        let office = columns.iter().find(|column| column.table == table && column.name == "office_id");
        match office {
            None => without.push(table),
            Some(office) => {
                assert_eq!((office.key, office.place), (1, 1), "{table}: office_id comes first, and first in the key");
                assert!(!office.optional, "{table}");
            }
        }
    }
    assert_eq!(without, WITHOUT_OFFICE);
}

/// SQLite stores any integer in eight bytes; only these two types are in the portable subset.
#[tokio::test]
async fn columns_are_of_types_that_both_engines_have() {
    let folder = tempfile::tempdir().unwrap();
    for column in of_file(&folder.path().join("mi.db")).await {
        assert!(["text", "bigint"].contains(&column.kind.to_lowercase().as_str()), "{column:?}");
        assert!(column.key == 0 || !column.optional, "a key that may be null: {column:?}");
    }
}

#[tokio::test]
async fn both_engines_have_the_same_schema() {
    let Some(house) = TestHouse::on_postgres().await else {
        eprintln!("{DATABASE_VARIABLE} names no database, so there is nothing to compare with");
        return;
    };
    let of_postgres = house.house.db.read(|tx| Ok(columns_of_postgres(tx)?)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut of_sqlite = of_file(&folder.path().join("mi.db")).await;
    of_sqlite.iter_mut().for_each(|column| column.kind = column.kind.to_lowercase());
    assert_eq!(of_postgres, of_sqlite);
    house.close().await;
}
