//! Lists of tasks, page by page: however long the backlog, a first page is read by index.

use mi_core::ids::{OfficeId, TaskId};
use mi_core::tasks::status::Status;
use mi_core::time::Time;

use super::{TaskRow, read, select_tasks};
use crate::args;
use crate::infra::act::Head;
use crate::infra::db::{DbError, Tx};
use crate::infra::http::call::Page;

/// What a list asks for; empty means "any".
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub statuses: Vec<Status>,
    pub assigned: String,
    pub kind: String,
    pub parent: Option<TaskId>,
    /// Only those that are late at this moment.
    pub late_at: Option<Time>,
}

impl Filter {
    /// Whether only the status is asked for, or nothing at all.
    fn is_by_status(&self) -> bool {
        self.assigned.is_empty() && self.kind.is_empty() && self.parent.is_none() && self.late_at.is_none()
    }

    /// The moment at which they have to be late; 0 asks nothing.
    fn late(&self) -> i64 {
        self.late_at.map_or(0, |at| at.0)
    }

    /// Comma-framed: `,queued,blocked,`.
    fn framed(&self) -> String {
        let mut framed = String::new();
        for status in &self.statuses {
            framed += ",";
            framed += status.as_str();
        }
        if framed.is_empty() { framed } else { framed + "," }
    }
}

pub fn page(tx: &mut dyn Tx, office: OfficeId, filter: &Filter, page: Page) -> Result<Vec<TaskRow>, DbError> {
    if filter.is_by_status() && !filter.statuses.is_empty() {
        return by_status(tx, office, &filter.statuses, page);
    }
    match filter.parent {
        Some(parent) => below(tx, office, parent, filter, page),
        None => by_number(tx, office, filter, page),
    }
}

/// Each status is read in order by its index; the pages of several are merged.
fn by_status(tx: &mut dyn Tx, office: OfficeId, statuses: &[Status], page: Page) -> Result<Vec<TaskRow>, DbError> {
    let sql = select_tasks!("where t.office_id = $1 and t.status = $2 order by t.id limit $3 offset $4");
    let mut distinct = statuses.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    // Of one status the store itself leaves out what lies before the page.
    let (limit, offset) =
        if distinct.len() == 1 { (page.limit, page.offset) } else { (page.limit.saturating_add(page.offset), 0) };
    let mut rows = Vec::new();
    for status in &distinct {
        rows.extend(tx.query(sql, args![office, status.as_str(), limit, offset])?);
    }
    let mut tasks = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    tasks.sort_unstable_by_key(|task| task.id);
    let skipped = usize::try_from(page.offset - offset).unwrap_or(usize::MAX);
    let shown = usize::try_from(page.limit).unwrap_or(usize::MAX);
    Ok(tasks.into_iter().skip(skipped).take(shown).collect())
}

fn below(
    tx: &mut dyn Tx,
    office: OfficeId,
    parent: TaskId,
    filter: &Filter,
    page: Page,
) -> Result<Vec<TaskRow>, DbError> {
    let sql = select_tasks!(
        "where t.office_id = $1 and t.parent_id = $5 and ($2 = '' or $2 like '%,' || t.status || ',%') \
         and ($3 = '' or t.assigned_agent = $3) and ($4 = '' or t.kind = $4) \
         and (cast($8 as bigint) = 0 or t.deadline_at < coalesce(t.completed_at, cast($8 as bigint) + 1)) \
         order by t.id limit $6 offset $7"
    );
    let (statuses, Filter { assigned, kind, .. }) = (filter.framed(), filter);
    tx.query(sql, args![office, statuses, assigned, kind, parent, page.limit, page.offset, filter.late()])?
        .iter()
        .map(read)
        .collect()
}

fn by_number(tx: &mut dyn Tx, office: OfficeId, filter: &Filter, page: Page) -> Result<Vec<TaskRow>, DbError> {
    let sql = select_tasks!(
        "where t.office_id = $1 and ($2 = '' or $2 like '%,' || t.status || ',%') \
         and ($3 = '' or t.assigned_agent = $3) and ($4 = '' or t.kind = $4) \
         and (cast($7 as bigint) = 0 or t.deadline_at < coalesce(t.completed_at, cast($7 as bigint) + 1)) \
         order by t.id limit $5 offset $6"
    );
    let (statuses, Filter { assigned, kind, .. }) = (filter.framed(), filter);
    tx.query(sql, args![office, statuses, assigned, kind, page.limit, page.offset, filter.late()])?
        .iter()
        .map(read)
        .collect()
}

/// How many the filter finds, counted up to `most`; the office's own counters know how many stand where.
pub fn count(tx: &mut dyn Tx, office: OfficeId, head: &Head, filter: &Filter, most: i64) -> Result<i64, DbError> {
    if filter.is_by_status() {
        return Ok(counted(head, &filter.statuses).min(most));
    }
    let sql = "select count(*) from (select 1 from tasks t where t.office_id = $1 \
               and ($2 = '' or $2 like '%,' || t.status || ',%') and ($3 = '' or t.assigned_agent = $3) \
               and ($4 = '' or t.kind = $4) and ($5 = 0 or t.parent_id = $5) \
               and (cast($7 as bigint) = 0 or t.deadline_at < coalesce(t.completed_at, cast($7 as bigint) + 1)) \
               limit $6) found";
    let parent = filter.parent.map_or(0, |id| id.0);
    let (statuses, Filter { assigned, kind, .. }) = (filter.framed(), filter);
    let row = tx.first(sql, args![office, statuses, assigned, kind, parent, most, filter.late()])?;
    row.map_or(Ok(0), |row| row.get(0))
}

fn counted(head: &Head, statuses: &[Status]) -> i64 {
    let mut tasks = head.tasks;
    let wanted = |status: &&Status| statuses.is_empty() || statuses.contains(status);
    Status::ALL.iter().filter(wanted).map(|status| *tasks.of(*status)).sum()
}
