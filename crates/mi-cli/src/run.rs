//! From arguments to an exit code.

use std::ffi::OsString;
use std::future::Future;
use std::path::Path;

use clap::{CommandFactory, Parser};

use crate::args::Global;
use crate::commands::{Act, Mi, OwnProgram};
use crate::desk::{self, Desk};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::Output;
use crate::programs::Programs;
use crate::tq::{TqArgs, TqProgram};
use crate::world::World;

/// The name under which the program is the agents' queue tool.
const TQ: &str = "tq";

/// The whole command line, for completions and the reference pages.
pub fn command() -> clap::Command {
    Mi::command()
}

/// Runs `mi`, or `tq` when that is the name it was called by. Gives the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>, world: World, programs: &impl Programs) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let called_tq = arguments.first().and_then(|name| Path::new(name).file_name()).is_some_and(|name| name == TQ);
    if called_tq {
        return match TqProgram::try_parse_from(arguments) {
            Ok(program) => run_tq(program.args, world, &program.global),
            Err(usage) => tell_usage(usage, world),
        };
    }
    match Mi::try_parse_from(arguments) {
        Ok(Mi { global, act }) => run_mi(act, world, &global, programs),
        Err(usage) => tell_usage(usage, world),
    }
}

fn run_mi(act: Act, world: World, global: &Global, programs: &impl Programs) -> u8 {
    let act = match act.into_own_program() {
        Ok(OwnProgram::Up(args)) => return programs.up(args, global),
        Ok(OwnProgram::Demo(args)) => return programs.demo(args, global),
        Ok(OwnProgram::ConfigShow(args)) => return programs.config_show(args, global),
        Ok(OwnProgram::Doctor(args)) => return programs.doctor(args, global),
        Ok(OwnProgram::Runner(args)) => return programs.runner(args),
        Ok(OwnProgram::PodEnter(args)) => return programs.pod_enter(args),
        Ok(OwnProgram::Example(args)) => return programs.example(args),
        Ok(OwnProgram::AgentRun(args)) => return programs.agent_run(args, global),
        Err(act) => *act,
    };
    match act {
        Act::Completions(args) => {
            let (mut out, _, _) = desk::split(world, global.format());
            let result = crate::commands::completions::run(&mut out, args);
            finish(&mut out, result)
        }
        Act::Tq(args) => run_tq(args, world, global),
        act => at_a_desk(world, global, async |desk| crate::commands::run(desk, act).await),
    }
}

fn run_tq(args: TqArgs, world: World, global: &Global) -> u8 {
    at_a_desk(world, global, async |desk| crate::tq::run(desk, args).await)
}

fn at_a_desk(world: World, global: &Global, work: impl AsyncFnOnce(&mut Desk) -> Result<(), Fault>) -> u8 {
    let mut desk = match Desk::set_up(world, global) {
        Ok(desk) => desk,
        Err((mut out, fault)) => return finish(&mut out, Err(fault)),
    };
    let result = block_on(work(&mut desk));
    finish(&mut desk.out, result)
}

/// One thread is enough for one call after another.
fn block_on(work: impl Future<Output = Result<(), Fault>>) -> Result<(), Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|fault| Fault::io("the program can't start", fault))?;
    runtime.block_on(Box::pin(work))
}

fn finish(out: &mut Output, result: Result<(), Fault>) -> u8 {
    match result {
        Ok(()) => Exit::Done.code(),
        Err(fault) => match out.fault(&fault) {
            // Nobody listens any more; the exit code still tells.
            Ok(()) | Err(_) => fault.code(),
        },
    }
}

/// Help and version are data; wrong usage is talk.
fn tell_usage(usage: clap::Error, world: World) -> u8 {
    let wrong = usage.use_stderr();
    let coloured = if wrong { world.stderr_is_terminal } else { world.stdout_is_terminal };
    let coloured = coloured && world.variable(crate::variables::NO_COLOR).is_none();
    let text = if coloured { usage.render().ansi().to_string() } else { usage.render().to_string() };
    let World { mut stdout, mut stderr, .. } = world;
    let written = if wrong { stderr.write_all(text.as_bytes()) } else { stdout.write_all(text.as_bytes()) };
    match (written, wrong) {
        (Err(fault), false) if fault.kind() != std::io::ErrorKind::BrokenPipe => Exit::Failed.code(),
        (_, false) => Exit::Done.code(),
        (_, true) => Exit::Usage.code(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::Command;

    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
        <crate::tq::TqProgram as clap::CommandFactory>::command().debug_assert();
    }

    fn ids(command: &Command) -> BTreeSet<&str> {
        command.get_arguments().map(|argument| argument.get_id().as_str()).collect()
    }

    fn shadows(command: &Command, path: &str, global: &BTreeSet<&str>, found: &mut Vec<String>) {
        for sub in command.get_subcommands() {
            let path = format!("{path} {}", sub.get_name());
            found.extend(ids(sub).intersection(global).map(|id| format!("{path}: {id}")));
            shadows(sub, &path, global, found);
        }
    }

    /// What shares an id shares its value: a name would be sent as the API key.
    #[test]
    fn no_argument_shares_an_id_with_one_of_every_command() {
        for program in [super::command(), <crate::tq::TqProgram as clap::CommandFactory>::command()] {
            let everywhere = program.get_arguments().filter(|argument| argument.is_global_set());
            let everywhere: BTreeSet<&str> = everywhere.map(|argument| argument.get_id().as_str()).collect();
            assert!(everywhere.contains("key"));
            let mut found = Vec::new();
            shadows(&program, program.get_name(), &everywhere, &mut found);
            assert_eq!(found, Vec::<String>::new());
        }
    }
}
