//! Which rule answers a conversation, and with what.
//!
//! The first rule whose conditions all hold answers. Nothing but the conversation decides, so that any number of
//! agents work side by side; only `times` is remembered.

use super::answer::{Answer, Call, Fault, Reply, Scripted, Tokens};
use super::conversation::Conversation;
use super::scenario::{Rule, Scenario, When};
use super::template::Facts;
use super::tools::{self, Wanted};
use anyhow::Context;

/// Letters per token in an estimated usage; the providers' own rule of thumb.
const LETTERS_PER_TOKEN: u64 = 4;

/// A scenario being played.
#[derive(Debug)]
pub(super) struct Play {
    scenario: Scenario,
    /// How often each rule has answered.
    answered: Vec<u32>,
    serial: u64,
}

impl Play {
    pub fn new(scenario: Scenario) -> Self {
        Self { answered: vec![0; scenario.rules.len()], serial: 0, scenario }
    }

    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    pub fn answer(&mut self, conversation: &Conversation) -> anyhow::Result<Scripted> {
        let facts = Facts::of(conversation, &self.scenario.captures);
        let found = self.scenario.rules.iter().zip(&self.answered).position(|(rule, answered)| {
            rule.times.is_none_or(|times| *answered < times) && holds(&rule.when, conversation, &facts)
        });
        let index = found.with_context(|| {
            format!("no rule of the scenario answers model {} at turn {}", conversation.model, conversation.turns())
        })?;
        self.answered[index] += 1;
        self.serial += 1;
        scripted(&self.scenario.rules[index], conversation, &facts, self.serial)
            .with_context(|| format!("rule {} of the scenario", index + 1))
    }
}

fn holds(when: &When, conversation: &Conversation, facts: &Facts) -> bool {
    holds_for_words(when, conversation, facts)
        && when.turn.is_none_or(|turn| conversation.turns() == turn)
        && when.turn_min.is_none_or(|turn| conversation.turns() >= turn)
        && when.called.as_ref().is_none_or(|tool| conversation.has_called(tool))
        && when.not_called.as_ref().is_none_or(|tool| !conversation.has_called(tool))
        && when.known.as_ref().is_none_or(|name| facts.get(name).is_some())
        && when.unknown.as_ref().is_none_or(|name| facts.get(name).is_none())
}

fn holds_for_words(when: &When, conversation: &Conversation, facts: &Facts) -> bool {
    let title = facts.get("task_title").unwrap_or("");
    let contains = |wanted: &Option<String>, text: &str| wanted.as_ref().is_none_or(|wanted| text.contains(wanted));
    contains(&when.model, &conversation.model)
        && contains(&when.title, title)
        && when.title_starts.as_ref().is_none_or(|start| title.starts_with(start.as_str()))
        && when.agent.as_ref().is_none_or(|agent| facts.get("agent") == Some(agent.as_str()))
        && contains(&when.text, &conversation.text())
        && contains(&when.last, &conversation.last_text())
        && when.not_text.as_ref().is_none_or(|unwanted| !conversation.text().contains(unwanted))
}

fn scripted(rule: &Rule, conversation: &Conversation, facts: &Facts, serial: u64) -> anyhow::Result<Scripted> {
    let reply = match &rule.error {
        Some(error) => Reply::Fault(Fault::scripted(error)),
        None => Reply::Answer(answer(rule, conversation, facts, serial)?),
    };
    Ok(Scripted { reply, wait: rule.wait.clone(), cut: rule.cut })
}

fn answer(rule: &Rule, conversation: &Conversation, facts: &Facts, serial: u64) -> anyhow::Result<Answer> {
    let text = rule.say.as_ref().map(|say| facts.fill(say)).transpose()?;
    let calls = rule.calls.iter().enumerate().map(|(index, call)| {
        let arguments = facts.fill_arguments(&call.args)?;
        let Wanted { tool, arguments } = tools::wanted(&conversation.tools, &call.tool, arguments)?;
        let id = format!("call_{serial:016}_{index}");
        Ok(Call { id, name: tool.name, arguments, takes: tool.takes, namespace: tool.namespace })
    });
    let calls = calls.collect::<anyhow::Result<Vec<_>>>()?;
    let usage = usage(rule, conversation, text.as_deref(), &calls);
    Ok(Answer { serial, model: conversation.model.clone(), text, calls, usage })
}

fn usage(rule: &Rule, conversation: &Conversation, text: Option<&str>, calls: &[Call]) -> Option<Tokens> {
    if rule.usage_missing {
        return None;
    }
    if let Some(usage) = rule.usage {
        return Some(Tokens { input: usage.input, cached_input: usage.cached_input, output: usage.output });
    }
    let spoken = text.map_or(0, str::len) + calls.iter().map(|call| call.arguments.to_string().len()).sum::<usize>();
    Some(Tokens { input: tokens(conversation.text().len()), cached_input: 0, output: tokens(spoken) })
}

pub(super) fn tokens(letters: usize) -> u64 {
    (letters as u64).div_ceil(LETTERS_PER_TOKEN).max(1)
}
