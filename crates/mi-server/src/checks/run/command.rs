//! A line of the shell, in a sandbox whose working folder is the drive.

use mi_core::checks::CommandCheck;
use mi_core::checks::judge::{self, CommandEnd};

use super::sandbox::{self, Errand};
use super::{Found, Unable};
use crate::checks::service::Job;
use crate::house::House;

/// Leaves the pipe behind that a runner would find its ticket on, goes to the drive, and becomes the command's shell.
const WRAPPER: &str = "exec 3<&-; cd \"$MI_DRIVE\" && exec /bin/sh -c \"$1\"";

pub async fn run(house: &House, job: &Job, check: &CommandCheck) -> Result<Found, Unable> {
    let errand = Errand {
        program: "/bin/sh".into(),
        args: ["-c", WRAPPER, "check", &check.command].map(str::to_owned).to_vec(),
        seconds: check.timeout_seconds,
    };
    let back = sandbox::send(house, job, errand).await?;
    let exit_code = match back.end {
        CommandEnd::Code(code) => Some(code),
        CommandEnd::Signal(_) | CommandEnd::OutOfTime => None,
    };
    let judgement = sandbox::with_walls(house, judge::command(check, back.end));
    Ok(Found { judgement, exit_code, output: Some(back.output) })
}
