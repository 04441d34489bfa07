//! `mi roles [NAME]`, `mi skills [NAME]`: what an agent's role and skills stand for.

use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::Format;
use crate::views::roles;

const ROLE_HINT: &str = "mi roles lists them; any other word may be a role too, it only brings nothing along";
const SKILL_HINT: &str = "mi skills lists them";

#[derive(Args)]
pub struct NameArgs {
    /// One of them, with all of its page
    name: Option<String>,
}

pub async fn run(desk: &mut Desk, args: NameArgs) -> Result<(), Fault> {
    let call = desk.client()?.server().roles();
    let Some(name) = args.name else {
        return desk.show(call, |(all, _), screen| roles::list(all, screen)).await;
    };
    let (all, _) = call.await?;
    let word = name.trim().to_lowercase();
    let found = all.iter().find(|role| role.name == word || role.aliases.contains(&word));
    let role = found.ok_or_else(|| Fault::not_found(format!("there is no template for the role {name}"), ROLE_HINT))?;
    one(desk, role, roles::role)
}

pub async fn run_skills(desk: &mut Desk, args: NameArgs) -> Result<(), Fault> {
    let call = desk.client()?.server().skills();
    let Some(name) = args.name else {
        return desk.show(call, |(all, _), screen| roles::skills(all, screen)).await;
    };
    let (all, _) = call.await?;
    let found = all.iter().find(|skill| skill.name == name.trim().to_lowercase());
    let skill = found.ok_or_else(|| Fault::not_found(format!("there is no skill {name}"), SKILL_HINT))?;
    one(desk, skill, |skill, _| skill.text.clone())
}

fn one<T: Serialize>(
    desk: &mut Desk,
    found: &T,
    view: impl FnOnce(&T, crate::output::Screen) -> String,
) -> Result<(), Fault> {
    match desk.out.format {
        Format::Json => desk.out.json(json!(found).to_string().as_bytes()),
        Format::People => {
            let screen = desk.out.screen;
            desk.out.data(&view(found, screen))
        }
    }
}
