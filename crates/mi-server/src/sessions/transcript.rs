//! Reading what a session said, part by part.

use mi_core::ids::ClaimToken;
use mi_core::wire::sessions::Transcript;
use serde::Deserialize;

use super::service::SessionRow;
use super::{service, store};
use crate::agents::service as agents;
use crate::house::View;
use crate::infra::caller::Member;
use crate::infra::fault::{self, Fault};

const ITEMS_DEFAULT: i64 = 200;
const ITEMS_MAX: i64 = 1_000;
/// Of one part; a part holds one item at least.
const TEXT_BYTES_MAX: usize = 1024 * 1024;

#[derive(Debug, Deserialize)]
pub struct PartQuery {
    from: Option<String>,
    limit: Option<String>,
}

/// Which part is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    from: i64,
    limit: i64,
}

impl PartQuery {
    pub fn read(&self) -> Result<Part, Fault> {
        let number = |text: &Option<String>, name: &str, default: i64| match text {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| fault::bad_request(format!("{name} is a whole number"))),
        };
        let from = number(&self.from, "from", 0)?.max(0);
        Ok(Part { from, limit: number(&self.limit, "limit", ITEMS_DEFAULT)?.clamp(1, ITEMS_MAX) })
    }
}

impl From<i64> for Part {
    fn from(from: i64) -> Self {
        Self { from, limit: ITEMS_DEFAULT }
    }
}

/// People may read it, the agent whose session it is, and its hirer; to others there is none.
pub(super) fn may_read(view: &mut View<'_>, member: &Member, number: ClaimToken) -> Result<SessionRow, Fault> {
    let missing = || fault::no_such_session(number);
    let session = service::get(view.tx, view.office, number)?.ok_or_else(missing)?;
    // Not by name: whoever was hired under the name of one that was fired is somebody else.
    let is_own = matches!(member, Member::Agent { id, .. } if *id == session.agent_id);
    if !is_own && member.person().is_none() {
        let agent = agents::by_id(view.tx, view.office, session.agent_id)?.ok_or_else(missing)?;
        if !agents::is_hirer(member, &agent) {
            return Err(missing());
        }
    }
    Ok(session)
}

pub fn read(view: &mut View<'_>, member: &Member, number: ClaimToken, part: Part) -> Result<Transcript, Fault> {
    let session = may_read(view, member, number)?;
    let mut items = store::said::items(view.tx, view.office, number, part.from, part.limit)?;
    let whole = items.len();
    let mut bytes = 0;
    let fits = items.iter().take_while(|item| {
        bytes += item.text.len();
        bytes <= TEXT_BYTES_MAX
    });
    let fits = fits.count().max(1);
    items.truncate(fits);
    let is_last = items.len() == whole && i64::try_from(whole).is_ok_and(|count| count < part.limit);
    // Items that were not kept leave numbers out, at the end as well.
    let next = match items.last() {
        Some(item) if !is_last => item.n + 1,
        Some(_) | None => session.events_next.max(part.from),
    };
    let more = next < session.events_next;
    let tools = store::said::tools(view.tx, view.office, number)?;
    Ok(Transcript { session: session.card(), tools, items, next, more })
}
