//! `mi schedules add NAME CRON --title TITLE`.

use clap::Args;
use mi_core::schedules::name::ScheduleName;
use mi_core::schedules::plan::{CatchUp, Overlap};
use mi_core::wire::schedules::CreateSchedule;

use crate::args::{ColonyArg, one_of, seconds};
use crate::commands::tasks::create::Details;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::schedules;

#[derive(Args)]
pub struct AddArgs {
    /// How it is called: lower-case letters, digits and dashes
    name: ScheduleName,
    /// When: "0 9 * * mon-fri", @daily, "every 15m"
    cron: String,
    /// What each run is to do; {date} and {time} are filled in, and the run's number for an n in braces
    #[arg(long, allow_hyphen_values = true)]
    title: String,
    #[command(flatten)]
    colony: ColonyArg,
    #[command(flatten)]
    habits: Habits,
    #[command(flatten)]
    details: Details,
    /// Begin paused
    #[arg(long)]
    paused: bool,
}

/// How a schedule behaves.
#[derive(Args)]
pub struct Habits {
    /// Whose clocks it follows, such as Europe/Berlin [default: the colony's timezone]
    #[arg(long, alias = "tz", value_name = "ZONE")]
    pub timezone: Option<String>,
    /// Runs missed while the server was down or the colony suspended: none, one for all of them, or each [default: one]
    #[arg(long = "catchUp", visible_alias = "catch-up", value_parser = one_of!(CatchUp))]
    pub catch_up: Option<CatchUp>,
    /// While the last run's task is open: create no other, or do [default: skip]
    #[arg(long, value_parser = one_of!(Overlap))]
    pub overlap: Option<Overlap>,
    /// Each task's deadline, so long after its moment: 2h, 1d12h
    #[arg(long = "deadlineAfter", visible_alias = "deadline-after", value_name = "LENGTH", value_parser = seconds)]
    pub deadline_after: Option<i64>,
}

pub async fn run(desk: &mut Desk, args: AddArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    let wish = CreateSchedule {
        name: args.name,
        cron: args.cron,
        timezone: args.habits.timezone,
        task: args.details.task(desk, args.title)?,
        deadline_seconds: args.habits.deadline_after,
        catch_up: args.habits.catch_up,
        overlap: args.habits.overlap,
        paused: args.paused.then_some(true),
    };
    desk.show(client.schedules(office).create(&wish), schedules::line).await
}
