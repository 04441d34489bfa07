//! The program `mi`: command line, server and runner in one. Called as `tq` it is the agents' queue tool.

mod agent_run;
mod demo;
mod doctor;
mod example;
mod failure;
mod logging;
mod models;
mod pod_runner;
mod settings;
mod up;
mod voice;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use mi_cli::programs::{AgentRunArgs, DemoArgs, DoctorArgs, ExampleArgs, PassedOn, UpArgs};
use mi_cli::{Global, Programs, World};

/// The argument by which the server starts us as a pod.
const POD_ENTER: &str = "pod-enter";
/// The argument by which it starts us to hold a JSON file against its schema.
const CHECK_JSON: &str = "check-json";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // A pod is entered before anything else is done: no thread, no open file.
    if arguments.get(1).is_some_and(|argument| argument == POD_ENTER) {
        return enter_pod(&arguments[2..]);
    }
    if arguments.get(1).is_some_and(|argument| argument == CHECK_JSON) {
        return check_json(&arguments[2..]);
    }
    ExitCode::from(mi_cli::run(arguments, World::of_process(), &Own))
}

/// The judge of JSON files, in the sandbox of a check.
fn check_json(arguments: &[OsString]) -> ExitCode {
    let world = World::of_process();
    let drive = world.variable("MI_DRIVE").unwrap_or(".").to_owned();
    ExitCode::from(mi_server::check_json(&texts(arguments), Path::new(&drive), &mut std::io::stdout()))
}

fn texts(arguments: &[OsString]) -> Vec<String> {
    arguments.iter().map(|argument| argument.to_string_lossy().into_owned()).collect()
}

fn enter_pod(arguments: &[OsString]) -> ExitCode {
    mi_pods::enter::main(&texts(arguments))
}

/// What this binary brings along.
struct Own;

impl Programs for Own {
    fn up(&self, args: UpArgs, _: &Global) -> u8 {
        failure::told(up::run(&args, &World::of_process()))
    }

    fn demo(&self, args: DemoArgs, global: &Global) -> u8 {
        failure::told(demo::run(&args, global.format(), &World::of_process()))
    }

    fn config_show(&self, args: UpArgs, global: &Global) -> u8 {
        failure::told(settings::show(&args, global.format(), &World::of_process()))
    }

    fn doctor(&self, args: DoctorArgs, global: &Global) -> u8 {
        failure::told(doctor::run(&args, global, &World::of_process()))
    }

    fn runner(&self, _: PassedOn) -> u8 {
        failure::told(pod_runner::run())
    }

    fn pod_enter(&self, args: PassedOn) -> u8 {
        if enter_pod(&args.arguments) == ExitCode::SUCCESS { 0 } else { 1 }
    }

    fn agent_run(&self, args: AgentRunArgs, global: &Global) -> u8 {
        failure::told(agent_run::run(&args, global, &World::of_process()))
    }

    fn example(&self, args: ExampleArgs) -> u8 {
        failure::told(example::run(&args, &World::of_process()))
    }
}
