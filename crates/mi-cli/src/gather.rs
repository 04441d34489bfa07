//! Whole lists, page by page, up to a limit.

use mi_client::{Call, Client, ClientError, Paging, TaskFilter};
use mi_core::ids::OfficeId;
use mi_core::limits::LIST_LIMIT_MAX;
use mi_core::tasks::status::Status;
use mi_core::wire::agents::Agent;
use mi_core::wire::tasks::Task;

/// Pages of one list: more than that nobody reads, and programs page for themselves.
const PAGES_MAX: i64 = 200;

/// Statuses of tasks that are still to be done, a review apart.
pub const OPEN: [Status; 4] = [Status::Queued, Status::Blocked, Status::Claimed, Status::Running];

pub async fn agents(client: &Client, office: OfficeId) -> Result<Vec<Agent>, ClientError> {
    pages(|paging| client.agents(office).list(paging)).await
}

/// Tasks of these statuses; of none means all. In the order of their numbers.
pub async fn tasks(client: &Client, office: OfficeId, status: &[Status]) -> Result<Vec<Task>, ClientError> {
    pages(|paging| client.tasks(office).list(&TaskFilter { status: status.to_vec(), paging, ..TaskFilter::default() }))
        .await
}

async fn pages<T: 'static>(page: impl Fn(Paging) -> Call<(Vec<T>, u64)>) -> Result<Vec<T>, ClientError> {
    let mut all = Vec::new();
    for number in 0..PAGES_MAX {
        let (items, _) = page(Paging { limit: Some(LIST_LIMIT_MAX), offset: Some(number * LIST_LIMIT_MAX) }).await?;
        let is_last = (items.len() as i64) < LIST_LIMIT_MAX;
        all.extend(items);
        if is_last {
            break;
        }
    }
    Ok(all)
}
