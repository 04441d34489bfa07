//! Proof: what each attempt has to show for itself, as one record.
//!
//! The digests of result and artifacts stand in the event that reported them too, so the
//! chain of events vouches for what these records say.

use mi_core::ids::{ClaimToken, TaskId};
use mi_core::tasks::status::Status;
use mi_core::wire::tasks::{Artifact, LateResult, ProofRecord, Reported, Review, TaskDetail};

use super::service::{self, ARTIFACTS_SHOWN_MAX, RESULTS_SHOWN_MAX, REVIEWS_SHOWN_MAX};
use super::store;
use super::store::notes::KeptResult;
use crate::house::{House, View};
use crate::infra::caller::Member;
use crate::infra::fault::{self, Fault};
use crate::infra::http::Call;
use crate::infra::keys::sha256_hex;
use crate::sessions;
use crate::sessions::service::SessionRow;

/// Everything that was written about a task's attempts.
struct Papers {
    results: Vec<KeptResult>,
    late: Vec<LateResult>,
    artifacts: Vec<Artifact>,
    reviews: Vec<Review>,
}

/// One record for each attempt, oldest first.
pub fn records(view: &mut View<'_>, id: TaskId) -> Result<Vec<ProofRecord>, Fault> {
    store::get(view.tx, view.office, id)?.ok_or_else(|| fault::no_such_task(id))?;
    let papers = Papers {
        results: store::notes::results(view.tx, view.office, id, RESULTS_SHOWN_MAX)?,
        late: store::late::list(view.tx, view.office, id)?,
        artifacts: store::notes::artifacts(view.tx, view.office, id, ARTIFACTS_SHOWN_MAX)?,
        reviews: store::notes::reviews(view.tx, view.office, id, REVIEWS_SHOWN_MAX)?,
    };
    let attempts = sessions::service::rows_of_task(view.tx, view.office, id)?;
    attempts.into_iter().map(|attempt| record(view, attempt, &papers)).collect()
}

fn record(view: &mut View<'_>, attempt: SessionRow, papers: &Papers) -> Result<ProofRecord, Fault> {
    let number = attempt.number;
    let of_it = |session: Option<ClaimToken>| session == Some(number);
    Ok(ProofRecord {
        provider: attempt.provider.clone(),
        session: attempt.card(),
        result: papers.reported_by(number),
        artifacts: papers.artifacts.iter().filter(|artifact| of_it(artifact.session)).cloned().collect(),
        reviews: papers.reviews.iter().filter(|review| of_it(review.session)).cloned().collect(),
        log_tail: sessions::service::tail(view.tx, view.office, number)?,
    })
}

impl Papers {
    /// What an attempt said at its end: what counted, or else what came too late.
    fn reported_by(&self, number: ClaimToken) -> Option<Reported> {
        let late = || self.late.iter().rev().filter(|late| late.session == number);
        if let Some(kept) = self.results.iter().rev().find(|result| result.session == Some(number)) {
            let was_late = late().any(|late| late.status == kept.status && late.text == kept.text);
            let when = if was_late { Late::Yes } else { Late::No };
            return Some(reported(kept.status, &kept.text, when, kept.created_at));
        }
        late().next().map(|late| reported(late.status, &late.text, Late::Yes, late.created_at))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Late {
    Yes,
    No,
}

fn reported(status: Status, text: &str, late: Late, created_at: mi_core::time::Time) -> Reported {
    let sha256 = sha256_hex(text.as_bytes());
    Reported { status, text: text.to_owned(), sha256, late: late == Late::Yes, created_at }
}

/// A task with everything on it, its artifacts compared with what the drive holds now.
pub async fn detail_now(house: &House, call: &Call, id: TaskId) -> Result<TaskDetail, Fault> {
    let detail = house.look(call, move |view, _| service::detail(view, id)).await?;
    if detail.artifacts.is_empty() {
        return Ok(detail);
    }
    // The index knows what was on the drive at the last look; whether a proof still holds is a matter of now.
    let names = detail.artifacts.iter().filter_map(|artifact| artifact.path.parse().ok()).collect();
    crate::files::service::refresh_these(house, call.office()?, names).await?;
    house.look(call, move |view, _| service::detail(view, id)).await
}

/// The records of a task, compared with what the drive holds now.
pub async fn records_now(house: &House, call: &Call, id: TaskId) -> Result<Vec<ProofRecord>, Fault> {
    let linked = move |view: &mut View<'_>, _: &Member| {
        Ok(store::notes::artifacts(view.tx, view.office, id, ARTIFACTS_SHOWN_MAX)?)
    };
    let linked = house.look(call, linked).await?;
    let names = linked.iter().filter_map(|artifact| artifact.path.parse().ok()).collect();
    crate::files::service::refresh_these(house, call.office()?, names).await?;
    house.look(call, move |view, _| records(view, id)).await
}
