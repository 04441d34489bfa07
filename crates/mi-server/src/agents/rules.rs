//! What may be said about an agent, and what becomes of it: pure, from the request to the row's values.

use mi_core::harnesses;
use mi_core::ids::AgentName;
use mi_core::limits::{REQUIRED_TOOLS_MAX, SKILLS_PER_AGENT_MAX, SYSTEM_PROMPT_BYTES_MAX};
use mi_core::time::{Millis, Time};
use mi_core::wire::agents::{CommandLine, HarnessKind, Resources};
use mi_core::wire::offices::HireLimit;

use super::faults;
use crate::gateway::kinds::Kind;
use crate::gateway::models;
use crate::infra::fault::{self, Fault};
use crate::integrations::catalogue::canonical;

/// Roles, models, skills and the like are words, not essays.
const WORD_CHARS_MAX: usize = 200;
const COMMAND_BYTES_MAX: usize = 64 * 1024;

pub fn good_name(text: &str) -> Result<AgentName, Fault> {
    let name: AgentName = text.trim().parse().map_err(faults::bad_name)?;
    if name.is_reserved() {
        return Err(faults::reserved_name(&name));
    }
    Ok(name)
}

/// Trimmed; blank text means none.
pub fn word(what: &str, text: Option<&str>) -> Result<Option<String>, Fault> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().count() > WORD_CHARS_MAX {
        return Err(fault::too_long(what, WORD_CHARS_MAX, "characters"));
    }
    Ok(Some(text.to_owned()))
}

fn words(what: &str, items: &[String], most: usize) -> Result<Vec<String>, Fault> {
    let mut out: Vec<String> = Vec::new();
    for item in items {
        if let Some(item) = word(what, Some(item))?.filter(|item| !out.contains(item)) {
            out.push(item);
        }
    }
    if out.len() > most {
        return Err(fault::too_long(what, most, "entries"));
    }
    Ok(out)
}

/// Each once, in the order given.
pub fn skills(items: &[String]) -> Result<Vec<String>, Fault> {
    words("the list of skills", items, SKILLS_PER_AGENT_MAX)
}

/// By their ids. The provider is an integration of its own.
pub fn integrations(items: &[String], provider: Option<&str>) -> Result<Vec<String>, Fault> {
    let named = items.iter().map(String::as_str).chain(provider);
    let all: Vec<String> = named.map(|word| canonical(word.trim()).to_owned()).collect();
    words("the list of integrations", &all, REQUIRED_TOOLS_MAX)
}

pub fn system_prompt(text: Option<&str>) -> Result<Option<String>, Fault> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    if text.len() > SYSTEM_PROMPT_BYTES_MAX {
        return Err(fault::too_long("the system prompt", SYSTEM_PROMPT_BYTES_MAX, "bytes"));
    }
    Ok(Some(text.to_owned()))
}

/// A blank command is none.
pub fn command(command: Option<&CommandLine>) -> Result<Option<CommandLine>, Fault> {
    let Some(command) = command else { return Ok(None) };
    let (first, bytes) = match command {
        CommandLine::Shell(line) => (Some(line), line.len()),
        CommandLine::Argv(words) => (words.first(), words.iter().map(String::len).sum()),
    };
    if bytes > COMMAND_BYTES_MAX {
        return Err(fault::too_long("the command", COMMAND_BYTES_MAX, "bytes"));
    }
    let blank = first.is_none_or(|first| first.trim().is_empty());
    Ok((!blank).then(|| command.clone()))
}

/// The harness asked for, else `command` where there is one, else the one that the provider's name means, else `native`.
pub fn harness(
    asked: Option<&str>,
    command: Option<&CommandLine>,
    provider: Option<&str>,
) -> Result<HarnessKind, Fault> {
    let kind = match asked.map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) => text.parse().map_err(|_| faults::unknown_harness(text))?,
        None if command.is_some() => HarnessKind::Command,
        None => provider.and_then(harnesses::by_provider).unwrap_or(HarnessKind::Native),
    };
    if kind == HarnessKind::Command && command.is_none() {
        return Err(faults::command_required());
    }
    Ok(kind)
}

/// A program of another vendor can't work with every provider's models; without a provider one is found that fits, unless
/// the model's own name tells whose it is.
pub fn fitting(harness: HarnessKind, provider: Option<&str>, model: Option<&str>) -> Result<(), Fault> {
    let kind = provider.map_or_else(|| model.and_then(models::family), Kind::parse);
    match kind {
        Some(kind) if !kind.serves(harness) => Err(faults::provider_does_not_fit(harness, kind.as_str())),
        Some(_) | None => Ok(()),
    }
}

pub fn resources(asked: Option<&Resources>) -> Result<Resources, Fault> {
    let asked = asked.cloned().unwrap_or_default();
    let all = [asked.memory_mib, asked.pids, asked.cpu_millis, asked.disk_mib, asked.disk_files];
    if all.contains(&Some(0)) {
        return Err(fault::bad_request("memoryMib, pids, cpuMillis, diskMib and diskFiles are 1 or more"));
    }
    Ok(asked)
}

/// `newest` are the times of the latest hires in the window, newest first, at most `limit.count` of them.
pub fn hire_rate(limit: HireLimit, newest: &[Time], now: Time) -> Result<(), Fault> {
    let taken = i64::try_from(newest.len()).unwrap_or(i64::MAX);
    if taken < limit.count {
        return Ok(());
    }
    let free_at = newest.last().map_or(now, |oldest| *oldest) + Millis::seconds(limit.window_seconds);
    let wait_seconds = ((free_at - now).0 + 999) / 1_000;
    Err(fault::hire_rate_limited(limit.count, limit.window_seconds, wait_seconds.max(1)))
}
