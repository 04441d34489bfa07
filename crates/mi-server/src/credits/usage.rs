//! What was used: sums by day, kept in the transaction of whatever used it.

use mi_core::credits::Micro;
use mi_core::ids::{OfficeId, TaskId};
use mi_core::time::Time;
use mi_core::wire::usage::{LlmSummary, UsageBy, UsageKind, UsageRow, UsageSummary};

use super::rules::day_of;
use super::store::{time, usage as store};
use crate::infra::act::Act;
use crate::infra::db::Tx;
use crate::infra::fault::Fault;
use crate::infra::http::call::Page;

/// 1 credit is 0.01 US dollars.
const MICRO_PER_DOLLAR: f64 = 100_000_000.0;
const MINUTES_PER_HOUR: f64 = 60.0;
const MILLIS_PER_CORE: f64 = 1_000.0;
const MIB_PER_GIB: f64 = 1_024.0;

/// What a pod took of the machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    pub minutes: i64,
    pub cpu_millis_minutes: i64,
    pub memory_mib_minutes: i64,
}

/// One thing that was used.
#[derive(Debug, Clone)]
pub struct Used<'a> {
    pub kind: UsageKind,
    pub agent: &'a str,
    pub task: Option<TaskId>,
    pub provider: &'a str,
    pub model: &'a str,
    pub calls: i64,
    pub input: i64,
    pub cached: i64,
    pub output: i64,
    pub cost: Micro,
    pub share: Share,
}

impl<'a> Used<'a> {
    pub fn nothing(kind: UsageKind, agent: &'a str) -> Self {
        Self {
            kind,
            agent,
            task: None,
            provider: "",
            model: "",
            calls: 0,
            input: 0,
            cached: 0,
            output: 0,
            cost: Micro(0),
            share: Share::default(),
        }
    }
}

pub fn add(act: &mut Act<'_>, used: &Used<'_>) -> Result<(), Fault> {
    Ok(store::add(act.tx, act.office, day_of(act.now), used)?)
}

/// Since when a question goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    Always,
    /// The whole day of that moment, in UTC.
    DayOf(Time),
}

impl Since {
    fn day(self) -> i64 {
        match self {
            Since::Always => i64::MIN,
            Since::DayOf(at) => day_of(at),
        }
    }
}

pub fn rows(
    tx: &mut dyn Tx,
    office: OfficeId,
    by: UsageBy,
    since: Since,
    page: Page,
) -> Result<(Vec<UsageRow>, i64), Fault> {
    let rows = store::rows(tx, office, by, since.day(), (page.limit, page.offset))?;
    Ok((rows, store::count(tx, office, by, since.day())?))
}

pub fn summary(tx: &mut dyn Tx, office: OfficeId, since: Since) -> Result<UsageSummary, Fault> {
    let (total_credits, share) = store::total(tx, office, since.day())?;
    Ok(UsageSummary {
        cpu_core_hours: share.cpu_millis_minutes as f64 / MILLIS_PER_CORE / MINUTES_PER_HOUR,
        memory_gib_hours: share.memory_mib_minutes as f64 / MIB_PER_GIB / MINUTES_PER_HOUR,
        total_credits,
        pods: time::up(tx, office)?,
    })
}

/// Of model calls. `agent` is empty for everybody.
pub fn of_models(tx: &mut dyn Tx, office: OfficeId, agent: &str) -> Result<LlmSummary, Fault> {
    let (total_tokens, cost, agents) = store::models(tx, office, agent)?;
    let total_cost = cost.0 as f64 / MICRO_PER_DOLLAR;
    Ok(LlmSummary { total_tokens, total_cost, total_credits: cost, agents })
}
