//! What an agent is told about its trade: role templates and skills, from the folders `roles/` and `skills/`.
//!
//! A role is a page: a head of `key: value` lines, then the prompt. An agent whose `role` names one, by its name or an
//! alias, gets its prompt, its skills, its tools and its preference for kinds of tasks; any other role is only a word.
//! A skill is a folder with a `SKILL.md` in the form that agents' programs know: `name` and `description` in the head,
//! instructions below. What an agent finds in its workspace is written by `guide`.

mod catalogue;
mod guide;
mod page;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use catalogue::{role, roles, skill, skills};
pub use guide::{GUIDE_BEGIN, GUIDE_END, guide, placed};

use crate::tasks::status::Kind;
use crate::wire::agents::Agent;

/// Every agent of an office needs it, whatever its role.
const SKILL_OF_ALL: &str = "task-queue";

/// A template for agents of a trade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleTemplate {
    pub name: String,
    pub description: String,
    /// Other words for it, in lower case.
    pub aliases: Vec<String>,
    /// Of equally urgent open tasks, one of these kinds is taken first.
    pub kinds: Vec<Kind>,
    /// Names of skills that it brings along.
    pub skills: Vec<String>,
    /// The tools of the harness `native` that it works with; nothing means all. Those of its task are always there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
    pub prompt: String,
}

/// Something that an agent can look up how to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Skill {
    pub name: String,
    /// What it is for, and when to use it.
    pub description: String,
    /// The whole `SKILL.md`.
    pub text: String,
}

/// The template that an agent's role names.
pub fn role_of(agent: &Agent) -> Option<&'static RoleTemplate> {
    agent.role.as_deref().and_then(role)
}

/// The skills that an agent finds in its workspace: those of everybody, of its role, and its own as far as they are known.
pub fn skills_of(agent: &Agent) -> Vec<&'static Skill> {
    let of_role = role_of(agent).map_or(&[][..], |role| role.skills.as_slice());
    let names = std::iter::once(SKILL_OF_ALL).chain(of_role.iter().chain(&agent.skills).map(String::as_str));
    let mut found: Vec<&Skill> = Vec::new();
    for skill in names.filter_map(skill) {
        if !found.iter().any(|known| known.name == skill.name) {
            found.push(skill);
        }
    }
    found
}
