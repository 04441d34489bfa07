//! What attempts have to show for themselves, as people see it.

use mi_core::wire::tasks::{Artifact, ArtifactState, LateResult, LateState, ProofRecord, Review};

use super::credits::amount;
use super::{moment, short_digest};
use crate::output::{Screen, Tone, clean};
use crate::table::{Cell, Table};

/// One block for each attempt.
pub fn records(records: &[ProofRecord], screen: Screen) -> String {
    if records.is_empty() {
        return "nobody has attempted it yet".to_owned();
    }
    records.iter().map(|one| record(one, screen)).collect::<Vec<_>>().join("\n")
}

fn record(record: &ProofRecord, screen: Screen) -> String {
    let session = &record.session;
    let attempt = session.attempt.map_or("attempt".to_owned(), |n| format!("attempt {n}"));
    let title = screen.paint.tint(Tone::Strong, &format!("{attempt} by {} (claim {})", session.agent, session.id));
    let mut facts = Table::of_facts();
    facts.fact(
        "state",
        session.exit.as_ref().map_or(session.state.clone(), |exit| format!("{}: {exit}", session.state)),
    );
    let model = session.model.as_ref().map(|model| format!(" on {model}")).unwrap_or_default();
    facts.fact("harness", format!("{}{model}", session.harness));
    facts.fact("tokens", session.input_tokens + session.output_tokens);
    facts.fact("credits", amount(session.cost));
    facts.fact("started", moment(session.started_at));
    if let Some(at) = session.ended_at {
        facts.fact("ended", moment(at));
    }
    if let Some(result) = &record.result {
        let late = if result.late { ", too late to count by itself" } else { "" };
        facts.fact("reported", format!("{}{late} (sha256 {})", result.status, short_digest(&result.sha256)));
        facts.fact("text", clean(&result.text).into_owned());
    }
    for artifact in &record.artifacts {
        facts.fact("artifact", format!("{} {} {}", artifact.path, short_digest(&artifact.sha256), state(artifact)));
    }
    for review in &record.reviews {
        facts.fact("judged", verdict(review));
    }
    let tail: String = record.log_tail.iter().map(|line| format!("  {}\n", clean(line).replace('\n', " "))).collect();
    let log = if tail.is_empty() { tail } else { format!("last lines\n{tail}") };
    format!("{title}\n{}{log}", facts.render(screen))
}

/// Whether a linked file is still the one that was linked.
pub fn state(artifact: &Artifact) -> &'static str {
    match artifact.state {
        ArtifactState::Unchanged => "unchanged",
        ArtifactState::Changed => "changed since, no proof any more",
        ArtifactState::Missing => "gone from the drive",
    }
}

pub fn verdict(review: &Review) -> String {
    let word = if review.accepted { "accepted" } else { "rejected" };
    let comments = review.comments.as_ref().map(|text| format!(": {}", clean(text))).unwrap_or_default();
    format!("{word} by {}{comments}", review.reviewer)
}

pub fn late_results(late: &[LateResult], screen: Screen) -> String {
    if late.is_empty() {
        return "no late results".to_owned();
    }
    let mut table = Table::new(&["N", "STATUS", "BY", "CLAIM", "CAME", "STATE", "TEXT"]);
    for one in late {
        let tone = match one.state {
            LateState::Waiting => Tone::Waiting,
            LateState::Accepted => Tone::Good,
            LateState::Dropped => Tone::Faint,
        };
        table.row([
            one.id.into(),
            one.status.into(),
            (&one.agent).into(),
            one.session.into(),
            moment(one.created_at).into(),
            Cell::toned(one.state.to_string(), tone),
            (&one.text).into(),
        ]);
    }
    table.render(screen)
}
