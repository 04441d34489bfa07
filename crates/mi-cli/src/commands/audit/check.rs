//! `mi audit verify --file EXPORT`: an export, looked at by the server that wrote it, a part at a time.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use mi_client::Audit;
use mi_core::limits::AUDIT_CHECK_EVENTS_MAX;
use mi_core::wire::audit::{AuditEvent, CheckExport, CheckReport};

use super::broken;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::Format;
use crate::progress::Bar;
use crate::views::audit;

/// Lines that go with one request; a body is at most twice this.
const PART_BYTES_MAX: usize = 512 * 1024;
const HOW_MADE: &str = "an export is made with mi audit export -o FILE";

pub async fn run(desk: &mut Desk, audit: &Audit, path: &Path) -> Result<(), Fault> {
    let shown = path.display().to_string();
    let file = File::open(path).map_err(|fault| Fault::io(format!("{shown} can't be read"), fault))?;
    let mut lines = Lines { shown, reader: BufReader::new(file), number: 0 };
    let mut whole: Option<CheckReport> = None;
    let bar = Bar::counting(&desk.out, "events", 0);
    loop {
        let events = lines.part()?;
        if events.is_empty() {
            break;
        }
        let after = whole.as_ref().and_then(|whole| whole.last.clone());
        let part = CheckExport { after, events };
        let report = audit.check(&part).await?;
        bar.add(report.events);
        let is_ok = report.ok;
        whole = Some(add(whole, report));
        if !is_ok {
            break;
        }
    }
    drop(bar);
    match whole {
        Some(whole) => tell(desk, &whole),
        // Nothing is as genuine as nothing.
        None => Err(Fault::failed(format!("{} holds no event", lines.shown), HOW_MADE)),
    }
}

fn add(whole: Option<CheckReport>, part: CheckReport) -> CheckReport {
    let Some(whole) = whole else { return part };
    CheckReport {
        events: whole.events + part.events,
        stored: whole.stored + part.stored,
        first_seq: whole.first_seq.or(part.first_seq),
        last: part.last.or(whole.last),
        ..part
    }
}

fn tell(desk: &mut Desk, report: &CheckReport) -> Result<(), Fault> {
    let screen = desk.out.screen;
    match desk.out.format {
        Format::Json => {
            let text = serde_json::to_vec(report).map_err(|fault| Fault::failed(fault.to_string(), "report this"))?;
            desk.out.json(&text)?;
        }
        Format::People if report.ok => desk.out.data(&audit::check(report, screen))?,
        Format::People => {}
    }
    let hint = "look for another copy of the export; mi audit verify says whether the server's own record is whole";
    report.broken.as_ref().map_or(Ok(()), |found| Err(broken("the export", found, hint)))
}

struct Lines {
    shown: String,
    reader: BufReader<File>,
    number: u64,
}

impl Lines {
    /// The next lines, as many as go with one request; none at the end.
    fn part(&mut self) -> Result<Vec<AuditEvent>, Fault> {
        let (mut events, mut bytes) = (Vec::new(), 0);
        let mut line = String::new();
        while events.len() < AUDIT_CHECK_EVENTS_MAX && bytes < PART_BYTES_MAX {
            line.clear();
            let read = self.reader.read_line(&mut line);
            let read = read.map_err(|fault| Fault::io(format!("{} can't be read", self.shown), fault))?;
            if read == 0 {
                break;
            }
            self.number += 1;
            bytes += read;
            events.push(self.event(&line)?);
        }
        Ok(events)
    }

    fn event(&self, line: &str) -> Result<AuditEvent, Fault> {
        serde_json::from_str(line).map_err(|fault| {
            let message = format!("line {} of {} is no event: {fault}", self.number, self.shown);
            Fault::failed(message, HOW_MADE)
        })
    }
}
