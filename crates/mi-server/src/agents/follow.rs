//! An agent's log as it grows: the lines of its sessions, and those of its pod.
//!
//! Where a client is, is told by four numbers: session and item of the last line that a session wrote, file and offset
//! of the last one of the pod. Over the turn of the pod's file nothing is lost as long as the older file is there.

use mi_core::ids::{AgentId, OfficeId};
use mi_core::time::Time;
use serde_json::json;

use super::store::{self, Line};
use super::traces::{LogsWanted, readable};
use crate::events::live::{self, Interval, Piece, Source};
use crate::house::{House, View};
use crate::infra::caller::Member;
use crate::infra::fault::{self, Fault};
use crate::infra::http::{Call, Reply};
use crate::infra::wakeups::Interest;
use crate::pods::log::{self, Mark, Part};

/// Lines of sessions in one piece.
const BATCH_ROWS: i64 = 200;

/// How far a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    session: i64,
    item: i64,
    pod: Option<Mark>,
}

impl Place {
    fn id(self) -> String {
        let Mark { inode, offset } = self.pod.unwrap_or(Mark { inode: 0, offset: 0 });
        format!("{}.{}.{inode}.{offset}", self.session, self.item)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('.');
        let (session, item) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let (inode, offset) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let pod = (inode > 0).then_some(Mark { inode, offset });
        parts.next().is_none().then_some(Self { session, item, pod })
    }
}

struct LogSource {
    agent: AgentId,
    office: OfficeId,
    name: String,
    wanted: LogsWanted,
    /// `None`: the client has nothing yet.
    place: Option<Place>,
}

pub async fn open(house: House, call: Call, wanted: LogsWanted) -> Result<Reply, Fault> {
    let sent = call.header("last-event-id").filter(|text| !text.is_empty());
    let unreadable =
        || fault::bad_request("Last-Event-ID is not one of this stream").hint("leave it out to begin anew");
    let place = sent.map(|text| Place::read(text).ok_or_else(unreadable)).transpose()?;
    let (name, office) = (call.param("name")?.to_owned(), call.office()?);
    let asked = name.clone();
    let look = move |view: &mut View<'_>, member: &Member| Ok(readable(view, member, &asked)?.id);
    let agent = house.look(&call, look).await?;
    let source = LogSource { agent, office, name, wanted, place };
    live::open(house, call, source, Interest::EventsAndLines, Interval::Files).await
}

impl Source for LogSource {
    async fn next(&mut self, house: &House, call: &Call) -> Result<Vec<Piece>, Fault> {
        let lines = self.lines(house, call).await?;
        let part = self.part(house).await?;
        let mut place = self.place.unwrap_or(Place { session: 0, item: -1, pod: None });
        let mut pieces = Vec::new();
        for line in lines {
            (place.session, place.item) = (line.session, line.n);
            pieces.push(Piece::named("log", place.id(), &json!({"at": line.at, "text": line.text}))?);
        }
        if part.is_torn {
            place.pod = None;
            pieces.push(Piece::reset(place.id(), &json!({"reason": "rotated", "what": "pod"}))?);
        }
        for line in part.lines {
            place.pod = Some(line.after);
            pieces.push(Piece::named("pod", place.id(), &json!({"text": line.text}))?);
        }
        place.pod = part.mark.or(place.pod);
        self.place = Some(place);
        Ok(pieces)
    }
}

impl LogSource {
    /// With each look the caller's right is judged anew.
    async fn lines(&self, house: &House, call: &Call) -> Result<Vec<Line>, Fault> {
        let (agent, name, place, wanted) = (self.agent, self.name.clone(), self.place, self.wanted);
        let look = move |view: &mut View<'_>, member: &Member| {
            if readable(view, member, &name)?.id != agent {
                return Err(fault::no_such_agent(&name));
            }
            match place {
                None => Ok(store::lines(view.tx, view.office, agent, wanted.since, wanted.most)?),
                Some(Place { session, item, .. }) => {
                    Ok(store::lines_after(view.tx, view.office, agent, (session, item), BATCH_ROWS)?)
                }
            }
        };
        let mut lines = house.look(call, look).await?;
        if self.place.is_none() {
            lines.reverse();
        }
        Ok(lines)
    }

    /// Lines of pods carry no time of ours, so `since` shows none of the old ones.
    async fn part(&self, house: &House) -> Result<Part, Fault> {
        match self.place {
            None if self.wanted.since > Time(0) => log::end(house, self.office, self.agent, 0).await,
            None => log::end(house, self.office, self.agent, usize::try_from(self.wanted.most).unwrap_or(0)).await,
            Some(place) => log::after(house, self.office, self.agent, place.pod).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back() {
        let some = Place { session: 7, item: 12, pod: Some(Mark { inode: 99, offset: 1_024 }) };
        let none = Place { session: 0, item: -1, pod: None };
        for place in [some, none] {
            assert_eq!(Place::read(&place.id()), Some(place));
        }
        for bad in ["", "7", "7.1.2", "7.1.2.x", "7.1.2.3.4", "7.1.-2.3"] {
            assert_eq!(Place::read(bad), None, "{bad}");
        }
    }
}
