//! What the binary `mi` brings along: the server, the demo and the programs of a pod.
//!
//! Their arguments are declared here, so that help and completions are whole; they
//! run without a runtime of ours, for a pod is entered with one thread only.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use mi_core::wire::agents::HarnessKind;

use crate::args::{ColonyArg, Global, one_of};

/// Each gives the exit code of the process (`exit::Exit`).
pub trait Programs {
    /// `mi up`: the whole platform in the foreground.
    fn up(&self, args: UpArgs, global: &Global) -> u8;
    /// `mi demo`: the guide's multi-agent code review from end to end.
    fn demo(&self, args: DemoArgs, global: &Global) -> u8;
    /// `mi config show`: what `mi up` would run with, and where each value comes from.
    fn config_show(&self, args: UpArgs, global: &Global) -> u8;
    /// `mi doctor`: what this machine can do, and what is wrong with it.
    fn doctor(&self, args: DoctorArgs, global: &Global) -> u8;
    /// `mi runner`: takes work in a pod.
    fn runner(&self, args: PassedOn) -> u8;
    /// `mi pod-enter`: becomes a pod.
    fn pod_enter(&self, args: PassedOn) -> u8;
    /// `mi agent run`: this machine works as an agent of an office.
    fn agent_run(&self, args: AgentRunArgs, global: &Global) -> u8;
    /// `mi example NAME …`: a small honest agent without a model.
    fn example(&self, args: ExampleArgs) -> u8;
}

/// Where pods run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PodsKind {
    /// In a sandbox on this machine
    Local,
    /// On this machine without a sandbox: agents can do what you can do
    Process,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people on a terminal, else JSON
    Auto,
    Human,
    Json,
}

/// What is left out is taken from the environment, then from the file, then from the defaults.
#[derive(Debug, Clone, Default, Args)]
pub struct UpArgs {
    /// Where everything is kept
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:7700]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Speak TLS with this certificate, in PEM with its chain; needs --tls-key
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// The private key of --tls-cert, in PEM
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// A PostgreSQL database instead of the one in the data directory
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// Where agents run [default: local]
    #[arg(long, value_enum)]
    pub pods: Option<PodsKind>,
    /// Let the model gateway and webhooks reach this private address (may be repeated)
    #[arg(long, value_name = "HOST:PORT")]
    pub allow_upstream: Vec<String>,
    /// Let pods reach this host of a private network, where their colony's egress allows it (may be repeated)
    #[arg(long, value_name = "HOST[:PORT]")]
    pub egress_private: Vec<String>,
    /// Start no pod whose memory, process and CPU limits can't be enforced
    #[arg(long)]
    pub strict_limits: bool,
    /// How many tasks of an office may be open at once [default: 10000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub open_tasks_max: Option<i64>,
    /// How the log is written [default: auto]
    #[arg(long, value_enum)]
    pub log_format: Option<LogFormat>,
}

#[derive(Debug, Clone, Default, Args)]
pub struct DemoArgs {
    /// The file to review [default: the Go rate limiter that comes along]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Leave the server running at the end
    #[arg(long)]
    pub keep: bool,
    /// Where agents run [default: local, or process where no sandbox can be raised]
    #[arg(long, value_enum)]
    pub pods: Option<PodsKind>,
}

const DOCTOR_HELP: &str = "\
It looks and tries, and changes nothing; no server is needed. The settings are those of `mi up`, from the same places.
Exit code 0: all that is needed is there. 1: something is not, and its line says what to do.";

#[derive(Debug, Clone, Default, Args)]
#[command(after_help = DOCTOR_HELP)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub up: UpArgs,
}

const RUN_HELP: &str = "\
Examples:
  mi agent join ABC234 -n scout                      once: this machine gets an agent of a colony
  mi agent run -n scout --harness command --command './work.sh'
  mi agent run -n scout --harness native             the server's models, tools on this machine
  mi agent run -n scout --harness claude-code        the vendor's program, the server's models
  mi agent run -n scout --harness claude-code --own-login   paid by the program's own login

Each task runs in the agent's workspace, with its context as JSON on stdin, MI_TASK
in the environment and tq and mi on PATH. There is no sandbox and no mounted drive:
`mi files pull` and `mi files push` reach the colony's files. SIGTERM or Ctrl-C ends
it and hands back what it holds.";

/// What a machine brings to an office.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = RUN_HELP)]
pub struct AgentRunArgs {
    /// The agent, by the name under which it joined; may be left out when this machine has only one
    #[arg(short = 'n', long, value_name = "NAME")]
    pub name: Option<String>,
    #[command(flatten)]
    pub colony: ColonyArg,
    /// What does the work [default: command where one is given, else native]
    #[arg(long, value_parser = one_of!(HarnessKind))]
    pub harness: Option<HarnessKind>,
    /// For the harness `command`: a line for the shell, run for each task
    #[arg(long, value_name = "LINE")]
    pub command: Option<String>,
    /// The program pays with its own login or key on this machine, and the server's models aren't asked; what it uses is
    /// counted at a shadow price
    #[arg(long)]
    pub own_login: bool,
    /// Where it works [default: a folder of its own beside its key, below ~/.mi/agents]
    #[arg(long, value_name = "DIR")]
    pub workspace: Option<PathBuf>,
    /// A file that holds the agent's key, instead of what `mi agent join` kept (MI_AGENT_KEY holds the key itself)
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// Arguments that a program reads for itself.
#[derive(Debug, Clone, Default, Args)]
pub struct PassedOn {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub arguments: Vec<OsString>,
}

#[derive(Debug, Clone, Args)]
pub struct ExampleArgs {
    /// Which one, such as `code-review`
    pub name: String,
    /// Its own arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<OsString>,
}
