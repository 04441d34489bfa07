//! `mi members …`: the people of a colony.

use clap::{Args, Subcommand, ValueEnum};
use mi_client::{Members, Paging};
use mi_core::identity::Role;
use mi_core::wire::identity::AddMember;

use crate::args::{ColonyArg, ColonyPlace};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::{self, identity};

#[derive(Subcommand)]
pub enum Act {
    /// The owner and the colleagues
    #[command(visible_alias = "ls")]
    List(ColonyPlace),
    /// Give somebody who is known on this server a role here
    Add(RoleArgs),
    /// Give a colleague another role
    Set(RoleArgs),
    /// Let a colleague go, at once
    #[command(visible_alias = "rm")]
    Remove(PersonArgs),
}

/// What a colleague may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleArg {
    /// Everything but inviting, giving roles and deleting
    Operator,
    /// Look, and change nothing
    Viewer,
}

#[derive(Args)]
pub struct RoleArgs {
    /// The person's name or id
    #[arg(value_name = "PERSON")]
    person: String,
    /// What they may do
    #[arg(long, value_enum)]
    role: RoleArg,
    #[command(flatten)]
    colony: ColonyArg,
}

#[derive(Args)]
pub struct PersonArgs {
    /// The person's name or id
    #[arg(value_name = "PERSON")]
    person: String,
    #[command(flatten)]
    colony: ColonyArg,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Operator => Role::Operator,
            RoleArg::Viewer => Role::Viewer,
        }
    }
}

pub async fn run(desk: &mut Desk, act: Act) -> Result<(), Fault> {
    match act {
        Act::List(place) => {
            let members = members(desk, place.named()).await?;
            let call = members.list(Paging::default());
            let view = |(list, total): &(Vec<_>, u64), screen| {
                views::listed(identity::members(list, screen), list.len(), *total)
            };
            desk.show(call, view).await
        }
        Act::Add(args) => {
            let members = members(desk, args.colony.colony.as_deref()).await?;
            let wish = AddMember { user: args.person, role: args.role.into() };
            desk.show(members.add(&wish), |one, screen| identity::members(std::slice::from_ref(one), screen)).await
        }
        Act::Set(args) => {
            let members = members(desk, args.colony.colony.as_deref()).await?;
            let call = members.set_role(&args.person, args.role.into());
            desk.show(call, |one, screen| identity::members(std::slice::from_ref(one), screen)).await
        }
        Act::Remove(args) => {
            let members = members(desk, args.colony.colony.as_deref()).await?;
            desk.show(members.remove(&args.person), views::nothing).await?;
            desk.out.note(&format!("{} doesn't work here any more", args.person))
        }
    }
}

async fn members(desk: &mut Desk, colony: Option<&str>) -> Result<Members, Fault> {
    let (client, office) = desk.office(colony).await?;
    Ok(client.members(office))
}
