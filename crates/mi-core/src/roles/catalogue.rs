//! The roles and skills that come with the program.

use std::sync::LazyLock;

use super::page::Page;
use super::{RoleTemplate, Skill};

macro_rules! pages {
    ($before:literal, $after:literal: $($name:literal),* $(,)?) => {
        &[$(include_str!(concat!("../../../../", $before, $name, $after))),*]
    };
}

pub(super) const ROLES: &[&str] = pages!["roles/", ".md":
    "engineer", "reviewer", "tester", "analyst", "researcher", "writer", "planner", "operations",
];
pub(super) const SKILLS: &[&str] = pages!["skills/", "/SKILL.md":
    "task-queue", "code-review", "debugging", "testing", "research", "reports", "planning",
];

/// Read once, with the first question. A page that can't be read would be missing; a test sees to it that there is none.
static CATALOGUE: LazyLock<(Vec<RoleTemplate>, Vec<Skill>)> = LazyLock::new(|| {
    let roles = ROLES.iter().filter_map(|text| read_role(text).ok()).collect();
    (roles, SKILLS.iter().filter_map(|text| read_skill(text).ok()).collect())
});

pub fn roles() -> &'static [RoleTemplate] {
    &CATALOGUE.0
}

pub fn skills() -> &'static [Skill] {
    &CATALOGUE.1
}

/// By name or alias, in either case.
pub fn role(word: &str) -> Option<&'static RoleTemplate> {
    let word = word.trim().to_lowercase();
    roles().iter().find(|role| role.name == word || role.aliases.contains(&word))
}

pub fn skill(name: &str) -> Option<&'static Skill> {
    let name = name.trim().to_lowercase();
    skills().iter().find(|skill| skill.name == name)
}

pub(super) fn read_role(text: &str) -> Result<RoleTemplate, String> {
    let page = Page::read(text)?;
    let kinds = page.words("kinds").unwrap_or_default();
    Ok(RoleTemplate {
        name: page.need("name")?,
        description: page.need("description")?,
        aliases: page.words("aliases").unwrap_or_default(),
        kinds: kinds.iter().map(|kind| kind.parse().map_err(|bad| format!("{bad}"))).collect::<Result<_, _>>()?,
        skills: page.words("skills").unwrap_or_default(),
        tools: page.words("tools"),
        prompt: page.body.to_owned(),
    })
}

pub(super) fn read_skill(text: &str) -> Result<Skill, String> {
    let page = Page::read(text)?;
    Ok(Skill { name: page.need("name")?, description: page.need("description")?, text: text.to_owned() })
}
