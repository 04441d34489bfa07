//! Roles and skills, as people see them.

use mi_core::roles::{RoleTemplate, Skill};

use crate::output::Screen;
use crate::table::{Cell, Table};

pub fn list(roles: &[RoleTemplate], screen: Screen) -> String {
    let mut table = Table::new(&["ROLE", "PREFERS", "SKILLS", "DESCRIPTION"]);
    for role in roles {
        let kinds = joined(&role.kinds);
        table.row([
            (&role.name).into(),
            Cell::maybe(kinds),
            Cell::maybe(joined(&role.skills)),
            (&role.description).into(),
        ]);
    }
    table.render(screen)
}

pub fn role(role: &RoleTemplate, screen: Screen) -> String {
    let mut facts = Table::of_facts();
    facts.fact("role", &role.name);
    facts.fact("description", &role.description);
    for (name, value) in [
        ("also called", joined(&role.aliases)),
        ("prefers", joined(&role.kinds)),
        ("skills", joined(&role.skills)),
        ("tools", role.tools.as_deref().and_then(joined)),
    ] {
        if let Some(value) = value {
            facts.fact(name, value);
        }
    }
    format!("{}\n{}\n", facts.render(screen), role.prompt)
}

pub fn skills(skills: &[Skill], screen: Screen) -> String {
    let mut table = Table::new(&["SKILL", "DESCRIPTION"]);
    for skill in skills {
        table.row([(&skill.name).into(), Cell::from(&skill.description)]);
    }
    table.render(screen)
}

fn joined(words: &[impl ToString]) -> Option<String> {
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    (!words.is_empty()).then(|| words.join(", "))
}
