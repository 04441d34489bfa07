//! `mi completions SHELL`.

use clap::Args;
use clap_complete::Shell;

use crate::fault::Fault;
use crate::output::Output;

#[derive(Args)]
pub struct CompletionsArgs {
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(out: &mut Output, args: CompletionsArgs) -> Result<(), Fault> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::run::command(), "mi", &mut script);
    out.bytes(&script)
}
