//! `mi audit verify [--file EXPORT]`.

use std::path::PathBuf;

use clap::Args;
use mi_client::Audit;
use mi_core::wire::audit::AuditReport;

use super::{broken, check};
use crate::args::ColonyPlace;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::Format;
use crate::progress::Bar;
use crate::views::audit;

/// Events that the server looks at before progress is told.
const PART_EVENTS: i64 = 20_000;

#[derive(Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    place: ColonyPlace,
    /// Check this export instead: is it what the server wrote, and does the server still say the same?
    #[arg(long, value_name = "EXPORT")]
    file: Option<PathBuf>,
}

pub async fn run(desk: &mut Desk, args: VerifyArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.place.named()).await?;
    let audit = client.audit(office);
    match (args.file, desk.out.format) {
        (Some(file), _) => check::run(desk, &audit, &file).await,
        (None, Format::Json) => at_once(desk, &audit).await,
        (None, Format::People) => in_parts(desk, &audit).await,
    }
}

async fn at_once(desk: &mut Desk, audit: &Audit) -> Result<(), Fault> {
    let (report, answer) = audit.verify(None, None).both().await?;
    desk.out.json(&answer.body)?;
    judge(&report)
}

async fn in_parts(desk: &mut Desk, audit: &Audit) -> Result<(), Fault> {
    let mut bar: Option<Bar> = None;
    let (mut after, mut events) = (None, 0);
    let report = loop {
        let report = audit.verify(after, Some(PART_EVENTS)).await?;
        events += report.events;
        let all = u64::try_from(report.head.seq - report.first_seq + 1).unwrap_or(0);
        bar.get_or_insert_with(|| Bar::counting(&desk.out, "events", all)).add(report.events);
        match report.next {
            Some(next) => after = Some(next),
            None => break report,
        }
    };
    drop(bar);
    let report = AuditReport { events, ..report };
    judge(&report)?;
    let screen = desk.out.screen;
    desk.out.data(&audit::report(&report, screen))
}

fn judge(report: &AuditReport) -> Result<(), Fault> {
    let hint =
        "keep the data directory as it is, and compare with an export from before: mi audit verify --file EXPORT";
    report.broken.as_ref().map_or(Ok(()), |found| Err(broken("the record", found, hint)))
}
