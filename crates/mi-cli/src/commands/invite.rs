//! `mi invite …`: who may come in, and who asks to.

use clap::{Args, Subcommand, ValueEnum};
use mi_core::identity::Role;
use mi_core::wire::invites::{CreateInvite, Decision, InviteKind, NewInvite};

use crate::args::{ColonyArg, ColonyPlace, PagingArgs, seconds};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::Format;
use crate::views::{self, invites};

const HELP: &str = "\
Examples:
  mi invite                           a code for an agent that lives elsewhere
  mi invite --expires 1h --for \"the build machine\"
  mi invite --human --role operator   a code for a colleague
  mi invite list
  mi invite revoke 7                  by number, or by the code itself
  mi invite applications              who asks, where the office's joinPolicy is `approve`
  mi invite approve 3";

#[derive(Args)]
#[command(after_help = HELP, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct InviteArgs {
    #[command(flatten)]
    new: NewArgs,
    #[command(subcommand)]
    act: Option<Act>,
}

#[derive(Args)]
pub struct NewArgs {
    #[command(flatten)]
    colony: ColonyArg,
    /// A person instead of an agent
    #[arg(long)]
    human: bool,
    /// What the person may do [default: viewer]
    #[arg(long, requires = "human")]
    role: Option<Colleague>,
    /// How long the code is good: 30m, 24h, 7d [default: 24h]
    #[arg(long, value_name = "LENGTH", value_parser = seconds)]
    expires: Option<i64>,
    /// For whom it is, to know it again in the list; of a person, the name
    #[arg(long = "for", value_name = "WHOM")]
    for_whom: Option<String>,
}

/// An owner can't be invited.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Colleague {
    Operator,
    Viewer,
}

#[derive(Subcommand)]
pub enum Act {
    /// Who was invited, and what became of it
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Take an invite back
    Revoke(RevokeArgs),
    /// Who asks to be let in
    Applications(ListArgs),
    /// Let an applicant in
    Approve(DecideArgs),
    /// Don't let an applicant in
    Refuse(RefuseArgs),
}

#[derive(Args)]
pub struct ListArgs {
    #[command(flatten)]
    place: ColonyPlace,
    #[command(flatten)]
    paging: PagingArgs,
}

#[derive(Args)]
pub struct RevokeArgs {
    /// Its number, as mi invite list shows it, or its code
    #[arg(value_name = "INVITE")]
    invite: String,
    #[command(flatten)]
    colony: ColonyArg,
}

#[derive(Args)]
pub struct DecideArgs {
    /// Its number, as mi invite applications shows it
    #[arg(value_name = "APPLICATION")]
    id: i64,
    #[command(flatten)]
    colony: ColonyArg,
}

#[derive(Args)]
pub struct RefuseArgs {
    #[command(flatten)]
    one: DecideArgs,
    /// Told to the applicant
    #[arg(long, allow_hyphen_values = true)]
    reason: Option<String>,
}

pub async fn run(desk: &mut Desk, args: InviteArgs) -> Result<(), Fault> {
    match args.act {
        None => create(desk, args.new).await,
        Some(Act::List(args)) => {
            let (client, office) = desk.office(args.place.named()).await?;
            let call = client.invites(office).list((&args.paging).into());
            desk.show(call, |(list, total), screen| views::listed(invites::list(list, screen), list.len(), *total))
                .await
        }
        Some(Act::Revoke(args)) => {
            let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
            desk.show(client.invites(office).revoke(&args.invite), views::nothing).await?;
            desk.out.note("whoever has the code can't use it any more")
        }
        Some(Act::Applications(args)) => applications(desk, args).await,
        Some(Act::Approve(args)) => {
            let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
            desk.show(client.invites(office).approve(args.id), invites::application).await
        }
        Some(Act::Refuse(args)) => {
            let (client, office) = desk.office(args.one.colony.colony.as_deref()).await?;
            let call = client.invites(office).refuse(args.one.id, &Decision { reason: args.reason });
            desk.show(call, invites::application).await
        }
    }
}

async fn create(desk: &mut Desk, args: NewArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    let role = args.role.map(|role| match role {
        Colleague::Operator => Role::Operator,
        Colleague::Viewer => Role::Viewer,
    });
    let wish = CreateInvite {
        kind: Some(if args.human { InviteKind::Human } else { InviteKind::Agent }),
        role,
        expires_in_seconds: args.expires,
        for_whom: args.for_whom,
    };
    let (new, answer) = client.invites(office).create(&wish).both().await?;
    match desk.out.format {
        Format::Json => desk.out.json(&answer.body),
        Format::People => {
            let screen = desk.out.screen;
            desk.out.data(&invites::made(&new, screen))?;
            tell(desk, &new)
        }
    }
}

/// The page's link and the hint name the server as this command reached it.
const ONLY_HERE: &str = "that address is for this machine; from elsewhere, take the one by which the server is reached";

fn tell(desk: &mut Desk, new: &NewInvite) -> Result<(), Fault> {
    let Some(code) = &new.code else {
        return desk.out.note("the code was shown the first time, and is not shown again");
    };
    desk.out.note("the code works once and is not shown again")?;
    let endpoint = desk.settings.endpoint.clone();
    desk.out.hint(&match new.kind {
        InviteKind::Agent => format!("on its machine: mi agent onboard {code} -n NAME --endpoint {endpoint}"),
        InviteKind::Human => format!("for them to run: mi login --invite {code} --name NAME --endpoint {endpoint}"),
    })?;
    if endpoint.is_loopback() {
        desk.out.note(ONLY_HERE)?;
    }
    Ok(())
}

async fn applications(desk: &mut Desk, args: ListArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.place.named()).await?;
    let call = client.invites(office).applications((&args.paging).into());
    desk.show(call, |(list, total), screen| views::listed(invites::applications(list, screen), list.len(), *total))
        .await?;
    desk.out.hint(&format!("the owner decides here, or on {}/login/applications", desk.settings.endpoint))
}
