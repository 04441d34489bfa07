//! What can be seen of an agent from outside: its log, activity, presence, last error.

use mi_core::time::Time;
use mi_core::wire::agents::{AgentKind, AgentLogs, AgentPhase, LastError, Presence};
use serde::Deserialize;

use super::phase::is_online;
use super::service::{AgentRow, find, full_card, is_hirer, last_seen, trouble};
use super::{faults, follow, store};
use crate::gateway::providers::Providers;
use crate::gateway::reach::Reach;
use crate::house::{House, View};
use crate::infra::act::Answer;
use crate::infra::caller::Member;
use crate::infra::fault::{self, Fault};
use crate::infra::http::{Call, Reply};
use crate::pods::Observed;
use crate::{events, pods, sessions};

const LOG_LINES_DEFAULT: i64 = 200;
const LOG_LINES_MAX: i64 = 2_000;

#[derive(Deserialize)]
struct LogsQuery {
    tail: Option<String>,
    limit: Option<String>,
    since: Option<String>,
    follow: Option<String>,
}

/// Which lines are asked for.
#[derive(Debug, Clone, Copy)]
pub struct LogsWanted {
    pub most: i64,
    pub since: Time,
}

fn moment(text: Option<&str>) -> Result<Option<Time>, Fault> {
    let read = |text: &str| {
        Time::parse(text).ok_or_else(|| fault::bad_request("since is an RFC 3339 time or milliseconds since 1970"))
    };
    text.map(read).transpose()
}

fn lines_wanted(text: Option<&str>) -> Result<i64, Fault> {
    let Some(text) = text else { return Ok(LOG_LINES_DEFAULT) };
    let lines: i64 = text.parse().map_err(|_| fault::bad_request("tail is a whole number of lines"))?;
    Ok(lines.clamp(1, LOG_LINES_MAX))
}

/// An agent whose log the member may read: operators, the agent itself and its hirer may.
pub fn readable(view: &mut View<'_>, member: &Member, name: &str) -> Result<AgentRow, Fault> {
    let agent = find(view.tx, view.office, name)?;
    if member.agent() != Some(&agent.name) && !is_hirer(member, &agent) {
        return Err(faults::not_yours(&agent.name));
    }
    Ok(agent)
}

/// Its sessions' lines and its pod's, at once or as they come.
pub async fn logs(house: House, call: Call) -> Result<Reply, Fault> {
    let query: LogsQuery = call.query()?;
    let most = lines_wanted(query.tail.as_deref().or(query.limit.as_deref()))?;
    let wanted = LogsWanted { most, since: moment(query.since.as_deref())?.unwrap_or(Time(0)) };
    match query.follow.as_deref() {
        None | Some("false" | "0") => Ok(logs_at_once(&house, &call, wanted).await?.into()),
        Some("true" | "1" | "") => follow::open(house, call, wanted).await,
        Some(_) => Err(fault::bad_request("follow is true or false")),
    }
}

async fn logs_at_once(house: &House, call: &Call, wanted: LogsWanted) -> Result<Answer, Fault> {
    let LogsWanted { most, since } = wanted;
    let name = call.param("name")?.to_owned();
    let look = move |view: &mut View<'_>, member: &Member| {
        let agent = readable(view, member, &name)?;
        let mut lines = store::lines(view.tx, view.office, agent.id, since, most)?;
        lines.reverse();
        Ok((agent.id, lines))
    };
    let (agent, lines) = house.look(call, look).await?;
    let logs: Vec<String> = lines.iter().map(|line| format!("{} {}", line.at, line.text)).collect();
    let tail = usize::try_from(most).unwrap_or_default();
    let pod = pods::service::log_tail(house, call.office()?, agent, tail).await;
    Answer::ok(&AgentLogs { logs: logs.join("\n"), pod })
}

#[derive(Deserialize)]
struct ActivityQuery {
    category: Option<String>,
    since: Option<String>,
}

pub async fn activity(house: &House, call: &Call) -> Result<Answer, Fault> {
    let query: ActivityQuery = call.query()?;
    let (page, since) = (call.page()?, moment(query.since.as_deref())?);
    let name = call.param("name")?.to_owned();
    let look = move |view: &mut View<'_>, _: &Member| {
        let agent = find(view.tx, view.office, &name)?;
        events::service::activity(view.tx, view.office, &agent.name, query.category.as_deref(), since, page)
    };
    let (found, total) = house.look(call, look).await?;
    Answer::list(&found, total)
}

pub fn presence(view: &mut View<'_>, name: &str) -> Result<Presence, Fault> {
    let agent = find(view.tx, view.office, name)?;
    let pod = pods::service::row(view.tx, view.office, agent.id)?;
    let seen = last_seen(&agent, pod.as_ref());
    let works = sessions::service::current(view.tx, view.office, agent.id)?.is_some();
    Ok(Presence { online: is_online(seen, view.now) || (works && agent.kind == AgentKind::Hosted), last_seen: seen })
}

/// Why its pod failed the last time, or, where its model can't be called, why it does nothing now.
pub fn last_error(view: &mut View<'_>, name: &str, providers: &Providers) -> Result<LastError, Fault> {
    let agent = find(view.tx, view.office, name)?;
    let pod = pods::service::row(view.tx, view.office, agent.id)?;
    let is_troubled = trouble(&agent, &Reach::load(view.tx, view.office, providers)?).is_some();
    let status = full_card(view.tx, view.office, (&view.head, view.now), &agent, providers)?.status;
    let failed = pod.as_ref().is_some_and(|pod| pod.observed == Observed::Failed);
    if is_troubled && !failed && matches!(status.phase, AgentPhase::Failed | AgentPhase::Pending) {
        return Ok(LastError { error: Some(status.message), timestamp: None });
    }
    Ok(pod.map_or_else(LastError::default, |pod| LastError { error: pod.last_error, timestamp: pod.last_error_at }))
}
