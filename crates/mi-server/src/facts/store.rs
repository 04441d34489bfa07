//! What the engines say of their own tables, and rows that only tests want in such numbers.

use mi_core::ids::OfficeId;

use crate::args;
use crate::infra::db::{DbError, Row, Tx};

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Column {
    pub table: String,
    pub place: i64,
    pub name: String,
    pub kind: String,
    /// May hold null.
    pub optional: bool,
    /// Its place in the primary key, from 1; 0 if it isn't part of it.
    pub key: i64,
}

pub fn columns_of_sqlite(tx: &mut dyn Tx) -> Result<Vec<Column>, DbError> {
    let sql = "select m.name, p.cid + 1, p.name, p.type, 1 - p.\"notnull\", p.pk \
               from sqlite_master m join pragma_table_info(m.name) p where m.type = 'table' order by m.name, p.cid";
    read_all(&tx.query(sql, args![])?)
}

pub fn columns_of_postgres(tx: &mut dyn Tx) -> Result<Vec<Column>, DbError> {
    let sql = "select cast(c.table_name as text), cast(c.ordinal_position as bigint), cast(c.column_name as text), \
               cast(c.data_type as text), cast(case when c.is_nullable = 'YES' then 1 else 0 end as bigint), \
               cast(coalesce((select k.ordinal_position from information_schema.key_column_usage k \
               join information_schema.table_constraints t on t.constraint_name = k.constraint_name \
               and t.table_schema = k.table_schema and t.table_name = k.table_name \
               where t.constraint_type = 'PRIMARY KEY' and k.table_schema = c.table_schema \
               and k.table_name = c.table_name and k.column_name = c.column_name), 0) as bigint) \
               from information_schema.columns c where c.table_schema = current_schema() \
               order by 1, 2";
    read_all(&tx.query(sql, args![])?)
}

fn read_all(rows: &[Row]) -> Result<Vec<Column>, DbError> {
    let read = |row: &Row| {
        let mut r = row.reader();
        let (table, place, name) = (r.take()?, r.take()?, r.take()?);
        Ok(Column { table, place, name, kind: r.take()?, optional: r.take()?, key: r.take()? })
    };
    rows.iter().map(read).collect()
}

/// As many model calls as asked for, in one statement.
pub fn add_calls(tx: &mut dyn Tx, office: OfficeId, count: i64) -> Result<(), DbError> {
    let sql = "insert into llm_calls (office_id, id, session, agent, provider, model, state, created_at) \
               with recursive numbers (n) as (select cast(1 as bigint) union all \
               select n + 1 from numbers where n < $2) \
               select $1, n, 1, 'ada', 'openai', 'none', 'settled', 0 from numbers";
    tx.execute(sql, args![office, count])?;
    Ok(())
}
