//! `mi schedules …`.

mod add;
mod edit;
mod next;
mod pause;
mod show;

use clap::Subcommand;

use crate::args::{ColonyPlace, PagingArgs};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::targets::Target;

#[derive(Subcommand)]
pub enum Act {
    /// What comes again and again
    List(ListArgs),
    /// Let a task come again and again
    ///
    /// The time is a crontab's five fields (minute, hour, day of the month, month, day of the
    /// week), @hourly, @daily, @weekly, @monthly, or "every 15m". It follows the clocks of
    /// --timezone, summer time included.
    ///
    /// Examples:
    ///   mi schedules add nightly "0 3 * * *" --title "Nightly audit {date}" --assignedAgent analyst
    ///   mi schedules add standup "0 9 * * mon-fri" --timezone Europe/Berlin --title "Standup {date}"
    ///   mi schedules add watch "every 15m" --title "Check {time}" --kind research --deadline-after 10m
    #[command(visible_alias = "create", verbatim_doc_comment)]
    Add(add::AddArgs),
    /// A schedule with its task and what came of its last run
    Get(Target),
    /// Change a schedule; what isn't named stays
    #[command(visible_alias = "update")]
    Edit(edit::EditArgs),
    /// Create no tasks until it is resumed
    Pause(Target),
    /// Let a paused schedule go on; what it missed meanwhile is not made up for
    Resume(Target),
    /// Create its task now, out of turn
    Run(Target),
    /// When it is due next
    Next(next::NextArgs),
    /// Remove a schedule; its tasks stay
    #[command(visible_alias = "delete")]
    Rm(Target),
}

#[derive(clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    place: ColonyPlace,
    #[command(flatten)]
    paging: PagingArgs,
}

pub async fn run(desk: &mut Desk, act: Act) -> Result<(), Fault> {
    match act {
        Act::List(args) => show::list(desk, args).await,
        Act::Add(args) => add::run(desk, args).await,
        Act::Get(target) => show::get(desk, target).await,
        Act::Edit(args) => edit::run(desk, args).await,
        Act::Pause(target) => pause::pause(desk, target).await,
        Act::Resume(target) => pause::resume(desk, target).await,
        Act::Run(target) => show::run_now(desk, target).await,
        Act::Next(args) => next::run(desk, args).await,
        Act::Rm(target) => show::remove(desk, target).await,
    }
}
