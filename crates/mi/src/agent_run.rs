//! `mi agent run`: this machine works as an agent of an office.
//!
//! The runner is the one of the pods. There is no pod here: no sandbox, no mounted drive, and nobody but the owner of
//! this machine decides what runs. The agent's key stays in the runner's memory, where it signs the first
//! call; a harness gets its session's credential alone.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use mi_cli::agent_file::AgentFile;
use mi_cli::config::Config;
use mi_cli::exit::Exit;
use mi_cli::programs::AgentRunArgs;
use mi_cli::settings::Settings;
use mi_cli::{Global, World, variables};
use mi_client::{Client, Credential, Endpoint};
use mi_core::harnesses::{NODE, NODE_VARIABLE, program_of};
use mi_core::ids::{AgentName, OfficeId};
use mi_core::wire::agents::{CommandLine, HarnessKind};
use mi_runner::{Address, Brought, Elsewhere, ExitReason, OwnLogin, Programs, Proof, RunnerConfig, Ticket, Trusted};
use mi_server::infra::config::LogFormat;

use crate::failure::Failure;
use crate::{logging, voice};

const FOLDER_MODE: u32 = 0o700;
/// What a session finds on its PATH; both are this program.
const PROGRAMS: [&str; 2] = ["tq", "mi"];
const PATH_DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin";
const JOIN_HINT: &str = "mi agent join CODE -n NAME brings one; mi invite makes the code";

/// Which agent works here, and what proves it.
struct Worker {
    endpoint: String,
    office: OfficeId,
    agent: AgentName,
    proof: Proof,
    trusted: Option<Trusted>,
}

/// What it works with.
struct Means {
    brought: Brought,
    harnesses: Programs,
    own_login: Option<OwnLogin>,
}

pub fn run(args: &AgentRunArgs, global: &Global, world: &World) -> Result<Exit, Failure> {
    logging::start("info", LogFormat::Auto)?;
    let brought = brought(args)?;
    let home = world.home().ok_or_else(|| Failure::new("there is no home folder").hint("set MI_HOME or HOME"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::io("start the runner"))?;
    runtime.block_on(Box::pin(async {
        let worker = who(args, global, world, &home).await?;
        let means = Means {
            harnesses: programs(brought.harness, world)?,
            own_login: own_login(args, brought.harness, world)?,
            brought,
        };
        let (name, config) = (worker.agent.clone(), prepare(&home, args, worker, means)?);
        greet(&config)?;
        let reason = mi_runner::run(config).await.map_err(|error| told(error.into(), &name))?;
        tracing::info!(?reason, "the runner leaves");
        leave(reason, &name)
    }))
}

/// What this machine does its work with.
fn brought(args: &AgentRunArgs) -> Result<Brought, Failure> {
    let default = if args.command.is_some() { HarnessKind::Command } else { HarnessKind::Native };
    let harness = args.harness.unwrap_or(default);
    match (harness, &args.command) {
        (HarnessKind::Command, Some(line)) if !line.trim().is_empty() => {
            Ok(Brought { harness, command: Some(CommandLine::Shell(line.clone())) })
        }
        (HarnessKind::Command, _) => {
            Err(Failure::usage("the harness `command` needs a command to run").hint("--command './work.sh'"))
        }
        (HarnessKind::Native, None) => Ok(Brought { harness, command: None }),
        (HarnessKind::Native, Some(_)) => {
            Err(Failure::usage("the harness `native` runs no command").hint("leave --harness out, or name command"))
        }
        (HarnessKind::ClaudeCode | HarnessKind::OpenaiCodex | HarnessKind::GeminiCli, None) => {
            Ok(Brought { harness, command: None })
        }
        (HarnessKind::ClaudeCode | HarnessKind::OpenaiCodex | HarnessKind::GeminiCli, Some(_)) => {
            let sentence = format!("the harness `{harness}` runs no command");
            Err(Failure::usage(sentence).hint("leave --command out, or name --harness command"))
        }
    }
}

/// The vendor's program and its runtime, where they are on this machine.
fn programs(harness: HarnessKind, world: &World) -> Result<Programs, Failure> {
    let Some(facts) = program_of(harness) else { return Ok(Programs::default()) };
    let path = world.variable("PATH").unwrap_or(PATH_DEFAULT);
    let home = world.variable(variables::HOME);
    let find = |variable: &str, name: &str| {
        world.variable(variable).map(PathBuf::from).or_else(|| mi_pods::locate(name, path, home))
    };
    let place = find(facts.variable, facts.name).ok_or_else(|| {
        let sentence = format!("the program of {harness}, {}, isn't on this machine", facts.name);
        Failure::new(sentence).hint(format!("{} installs it; {} says where it is", facts.install(), facts.variable))
    })?;
    let install = mi_pods::resolve(facts.name, &place)
        .map_err(|reason| Failure::new(reason).hint(format!("set {} to the program itself", facts.variable)))?;
    Ok(Programs::new([(harness, install.program())], find(NODE_VARIABLE, NODE)))
}

/// What of the person's environment a program needs to find its own login.
fn own_login(args: &AgentRunArgs, harness: HarnessKind, world: &World) -> Result<Option<OwnLogin>, Failure> {
    if !args.own_login {
        return Ok(None);
    }
    if program_of(harness).is_none() {
        let sentence = format!("--own-login is for programs that have one, not for the harness {harness}");
        return Err(Failure::usage(sentence).hint("--harness claude-code, openai-codex or gemini-cli"));
    }
    let names = ["HOME"].iter().chain(login_variables(harness));
    let given = names.filter_map(|name| Some(((*name).to_owned(), world.variable(name)?.to_owned())));
    Ok(Some(OwnLogin { variables: given.collect() }))
}

/// Where a vendor's program keeps its login, and the keys and addresses that it reads instead; another one's are not its business.
const fn login_variables(harness: HarnessKind) -> &'static [&'static str] {
    match harness {
        HarnessKind::ClaudeCode => &[
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "ANTHROPIC_BASE_URL",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "CLAUDE_CONFIG_DIR",
        ],
        HarnessKind::OpenaiCodex => &["CODEX_HOME", "OPENAI_API_KEY"],
        HarnessKind::GeminiCli => &["GEMINI_API_KEY", "GEMINI_CLI_HOME", "GOOGLE_API_KEY"],
        HarnessKind::Native | HarnessKind::Command => &[],
    }
}

/// The agent that `mi agent join` kept here, or the one whose key was given.
async fn who(args: &AgentRunArgs, global: &Global, world: &World, home: &Path) -> Result<Worker, Failure> {
    if let Some(path) = &args.key_file {
        let named = format!("read {}", path.display());
        let key = fs::read_to_string(path).map_err(Failure::io(&named))?;
        return whose(key.trim(), args, global, world, home).await;
    }
    if let Some(key) = world.variable(variables::MI_AGENT_KEY) {
        return whose(key, args, global, world, home).await;
    }
    let (colony, name) = (args.colony.colony.as_deref(), args.name.as_deref().or(global.as_agent.as_deref()));
    let named = match (colony, name) {
        (Some(colony), Some(name)) => Some(format!("{colony}/{name}")),
        (_, name) => name.map(str::to_owned),
    };
    let found = AgentFile::find(home, named.as_deref()).map_err(unfound)?;
    let missing = || {
        let sentence = match &named {
            Some(name) => format!("no agent {name} joined from this machine"),
            None => "which agent? none, or more than one, joined from this machine".to_owned(),
        };
        Failure::new(sentence).exit(Exit::NotFound).hint(JOIN_HINT)
    };
    let file = found.ok_or_else(missing)?;
    let proof = proof_of(&file)?;
    let (office, agent) = (file.office, file.agent.clone());
    let settings = settings(global, world, home)?.of_agent(file, global).map_err(unfound)?;
    Ok(Worker { endpoint: settings.endpoint.to_string(), office, agent, proof, trusted: trusted(&settings)? })
}

fn settings(global: &Global, world: &World, home: &Path) -> Result<Settings, Failure> {
    let config = Config::load(home).map_err(|error| Failure::new(error.to_string()))?;
    Settings::find(global, world, &config).map_err(unfound)
}

fn trusted(settings: &Settings) -> Result<Option<Trusted>, Failure> {
    let certificates = settings.trust().map_err(unfound)?;
    Ok(settings.ca_cert_kept().zip(certificates).map(|(file, certificates)| Trusted { file, certificates }))
}

/// Whoever has a key pair signs; its API key then stays where it is.
fn proof_of(file: &AgentFile) -> Result<Proof, Failure> {
    if let Some(signer) = file.signer().map_err(unfound)? {
        return Ok(Proof::Signature(signer));
    }
    let keyless = || Failure::new(format!("{} has no key here", file.agent)).exit(Exit::Denied).hint(JOIN_HINT);
    let key = file.api_key.as_deref().ok_or_else(keyless)?;
    Ok(Proof::Secret(Ticket::new(key)))
}

/// What the command line says of its own files.
fn unfound(fault: mi_cli::Fault) -> Failure {
    let (sentence, exit, hint) = (fault.to_string(), fault.exit(), fault.hint());
    let failure = Failure::new(sentence).exit(exit);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// The server knows whose key it is.
async fn whose(key: &str, args: &AgentRunArgs, global: &Global, world: &World, home: &Path) -> Result<Worker, Failure> {
    let settings = settings(global, world, home)?;
    let client = Client::new(settings.endpoint.clone(), Credential::AgentKey(key.to_owned()));
    let client = client.with_trust(settings.trust().map_err(unfound)?);
    let me = client.server().whoami().await?;
    let not_an_agent = || Failure::new("this is not the key of an agent").exit(Exit::Denied).hint(JOIN_HINT);
    let office = me.office_id.ok_or_else(not_an_agent)?;
    let agent = me.name.parse().map_err(|_| not_an_agent())?;
    if let Some(wanted) = args.name.as_deref().filter(|wanted| *wanted != me.name) {
        return Err(Failure::usage(format!("this is the key of {}, not of {wanted}", me.name)));
    }
    let trusted = trusted(&settings)?;
    Ok(Worker {
        endpoint: settings.endpoint.to_string(),
        office,
        agent,
        proof: Proof::Secret(Ticket::new(key)),
        trusted,
    })
}

/// The agent's folders on this machine, and its programs.
fn prepare(home: &Path, args: &AgentRunArgs, worker: Worker, means: Means) -> Result<RunnerConfig, Failure> {
    let own = AgentFile::folder(home, worker.office, &worker.agent);
    let workspace = args.workspace.clone().unwrap_or_else(|| own.join("workspace"));
    let programs = own.join("bin");
    for folder in [&workspace, &programs] {
        make(folder).map_err(Failure::io("make the agent's folders"))?;
    }
    let workspace = workspace.canonicalize().map_err(Failure::io("find the workspace"))?;
    let programs = programs.canonicalize().map_err(Failure::io("find the agent's programs"))?;
    place_programs(&programs).map_err(Failure::io("place tq and mi for the agent"))?;
    Ok(RunnerConfig::elsewhere(Elsewhere {
        endpoint: worker.endpoint,
        office: worker.office,
        agent: worker.agent,
        proof: worker.proof,
        trusted: worker.trusted,
        brought: means.brought,
        workspace,
        programs,
        harnesses: means.harnesses,
        homes: own,
        own_login: means.own_login,
    })?)
}

fn make(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)
}

/// Links to this very program, made anew: it may have moved since the last time.
fn place_programs(folder: &Path) -> io::Result<()> {
    let program: PathBuf = std::env::current_exe()?;
    for name in PROGRAMS {
        let link = folder.join(name);
        let beside = folder.join(format!(".{name}.{}", std::process::id()));
        symlink(&program, &beside)?;
        fs::rename(&beside, &link)?;
    }
    Ok(())
}

fn greet(config: &RunnerConfig) -> Result<(), Failure> {
    if let Address::Given(endpoint) = &config.address {
        let bad = |error: mi_client::BadEndpoint| Failure::usage(error.to_string());
        let endpoint: Endpoint = endpoint.parse().map_err(bad)?;
        if endpoint.is_plain() && !endpoint.is_loopback() {
            voice::say(&format!("warning: the agent's credentials go to {endpoint} unencrypted; use https there"));
        }
    }
    let (name, office) = (&config.agent, config.office);
    voice::say(&format!("{name} of {office} works here, in {}", config.place.workspace.display()));
    voice::say("there is no sandbox: what it runs can do what you can do, and read what you can read");
    Ok(())
}

/// A key that no longer counts is the usual reason.
fn told(failure: Failure, name: &AgentName) -> Failure {
    failure.hint_if_denied(&format!("{name} may have been fired or have a new key; {JOIN_HINT}"))
}

fn leave(reason: ExitReason, name: &AgentName) -> Result<Exit, Failure> {
    match reason {
        ExitReason::Drained | ExitReason::Hibernate | ExitReason::Suspend | ExitReason::Restart => Ok(Exit::Done),
        ExitReason::Superseded => {
            let sentence = format!("another runner of {name} has taken over; this one ends");
            Err(Failure::new(sentence).exit(Exit::Conflict).hint("an agent has one runner at a time"))
        }
    }
}
