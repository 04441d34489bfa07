//! What a command works with: a way to the server, a way to the reader, and the colony it means.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::time::Duration;

use mi_client::{Call, Client, Credential, Endpoint, Paging, WriteKeys};
use mi_core::ids::{ClaimToken, OfficeId};
use mi_core::limits::LIST_LIMIT_MAX;
use mi_core::time::Time;
use mi_core::wire::offices::Office;

use crate::agent_file::AgentFile;
use crate::args::Global;
use crate::config::Config;
use crate::fault::Fault;
use crate::machine::Machine;
use crate::output::{Format, Output, Paint, Screen};
use crate::settings::Settings;
use crate::variables::{self, NO_COLOR};
use crate::window::Window;
use crate::world::World;

/// Colonies among which a name is looked for.
const OFFICE_PAGES_MAX: i64 = 20;
/// An answer to a question.
const LINE_BYTES_MAX: u64 = 4 * 1024;
/// A text that is read from stdin.
const STDIN_BYTES_MAX: u64 = 16 * 1024 * 1024;

pub struct Desk {
    pub out: Output,
    pub settings: Settings,
    pub pace: Duration,
    pub now: fn() -> Time,
    pub open_page: fn(&str) -> bool,
    pub window: Window,
    home: Option<PathBuf>,
    stdin: Box<dyn Read + Send>,
    claim: Option<ClaimToken>,
    agent: Option<String>,
    task: Option<String>,
    variables: BTreeMap<String, String>,
    global: Global,
    pub machine: Machine,
    write_keys: Option<WriteKeys>,
}

impl Desk {
    /// Fails, with the output to say so, when the configuration can't be used.
    pub fn set_up(world: World, global: &Global) -> Result<Self, (Output, Fault)> {
        let home = world.home();
        let found = find_settings(&world, global);
        let claim = claim_of(&world);
        let agent = world.variable(variables::MI_AGENT).map(str::to_owned);
        let task = world.variable(variables::MI_TASK).map(str::to_owned);
        let write_keys = global.idempotency_key.as_ref().map(WriteKeys::new);
        let (variables, now, machine) = (world.variables.clone(), world.now, world.machine.clone());
        let (global, open_page, window) = (global.clone(), world.open_page, world.window);
        let (out, stdin, pace) = split(world, global.format());
        match found.and_then(|settings| Ok((settings, claim?))) {
            Ok((settings, claim)) => Ok(Self {
                out,
                settings,
                pace,
                now,
                home,
                stdin,
                claim,
                agent,
                task,
                variables,
                global,
                machine,
                open_page,
                window,
                write_keys,
            }),
            Err(fault) => Err((out, fault)),
        }
    }

    pub fn home(&self) -> Result<PathBuf, Fault> {
        let nowhere = || Fault::failed("there is no home folder to keep the configuration in", "set MI_HOME or HOME");
        self.home.clone().ok_or_else(nowhere)
    }

    /// A caller that is logged in.
    pub fn client(&mut self) -> Result<Client, Fault> {
        if self.settings.key.is_none() && self.settings.signer()?.is_none() {
            return Err(Fault::not_logged_in());
        }
        self.any_client()
    }

    /// A caller, logged in or not.
    pub fn any_client(&mut self) -> Result<Client, Fault> {
        let signer = self.settings.signer()?;
        if signer.is_none() && self.settings.exposes_key() {
            let endpoint = self.settings.endpoint.clone();
            self.out.warn(&format!("your key goes to {endpoint} unencrypted; use https there"))?;
        }
        let credential = self.settings.key.clone().map_or(Credential::Nobody, Credential::Bearer);
        let client = Client::new(self.settings.endpoint.clone(), credential).with_trust(self.settings.trust()?);
        Ok(client.with_signer(signer).with_claim(self.claim).with_write_keys(self.write_keys.clone()))
    }

    /// A caller who shows nothing: for joining, and for those who then sign.
    pub fn nobody_at(&self, endpoint: Endpoint) -> Result<Client, Fault> {
        Ok(Client::new(endpoint, Credential::Nobody).with_trust(self.settings.trust()?))
    }

    /// The caller as an agent that joined from this machine: the one named by `--as-agent`, or the only one here; in a
    /// pod the agent whose pod it is. Gives its office too.
    pub fn as_agent(&mut self) -> Result<(Client, Option<OfficeId>), Fault> {
        if self.settings.agent.is_none() && self.agent.is_none() && self.global.key.is_none() {
            let agent = AgentFile::find(&self.home()?, None)?.ok_or_else(Self::which_agent)?;
            self.settings = self.settings.clone().of_agent(agent, &self.global)?;
        }
        let office = self.settings.agent.as_ref().map(|agent| agent.office);
        Ok((self.client()?, office))
    }

    fn which_agent() -> Fault {
        Fault::usage(
            "as which agent?",
            "--as-agent NAME names one that joined from this machine; `mi agent join CODE -n NAME` lets one join",
        )
    }

    /// The claim of a flag wins over the one of the environment.
    pub fn set_claim(&mut self, claim: Option<ClaimToken>) {
        self.claim = claim.or(self.claim);
    }

    /// In a pod: whose it is.
    pub fn agent(&self) -> Option<&str> {
        self.agent.as_deref()
    }

    /// In a pod: the number of its task.
    pub fn task(&self) -> Option<&str> {
        self.task.as_deref()
    }

    /// A variable of whoever called, by a name that they gave.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// One line of stdin; nothing at its end.
    pub fn read_line(&mut self) -> Result<String, Fault> {
        let mut line = String::new();
        let mut stdin = BufReader::with_capacity(1, self.stdin.by_ref()).take(LINE_BYTES_MAX);
        stdin.read_line(&mut line).map_err(|fault| Fault::io("stdin can't be read", fault))?;
        Ok(line)
    }

    /// Where a key is about to travel in the clear.
    pub fn warn_of_open_wire(&mut self) -> Result<(), Fault> {
        if !self.settings.is_open_wire() {
            return Ok(());
        }
        let endpoint = self.settings.endpoint.clone();
        self.out.warn(&format!("your new key will come from {endpoint} unencrypted; use https there"))
    }

    /// The colony of that id or name; `None` when there is none of that name.
    pub async fn find_office(&mut self, client: &Client, named: &str) -> Result<Option<OfficeId>, Fault> {
        find_office(client, named).await
    }

    /// Sends a call and shows its answer: as it came, or as `view` tells it to people.
    pub async fn show<T: 'static>(
        &mut self,
        call: Call<T>,
        view: impl FnOnce(&T, Screen) -> String,
    ) -> Result<(), Fault> {
        match self.out.format {
            Format::Json => {
                let answer = call.answer().await?;
                self.out.json(&answer.body)
            }
            Format::People => {
                let value = call.await?;
                let screen = self.out.screen;
                self.out.data(&view(&value, screen))
            }
        }
    }

    /// The caller and the colony: of the flag, of the settings, or the only one there is.
    pub async fn office(&mut self, named: Option<&str>) -> Result<(Client, OfficeId), Fault> {
        let client = self.client()?;
        let client = self.holding(client).await?;
        let named = named.map(str::to_owned).or_else(|| self.settings.colony.clone());
        let office = match named {
            Some(named) => office_named(&client, &named).await?,
            None => only_office(&client).await?,
        };
        Ok((client, office))
    }

    /// An agent that holds one task and names no claim means that one: what it writes is part of that attempt.
    async fn holding(&mut self, client: Client) -> Result<Client, Fault> {
        if self.settings.agent.is_none() || self.claim.is_some() {
            return Ok(client);
        }
        match client.join().own().await?.claims.as_slice() {
            [one] => {
                self.claim = Some(one.token);
                Ok(client.with_claim(self.claim))
            }
            _ => Ok(client),
        }
    }

    /// `-` reads stdin, `@FILE` a file, `@@` begins a text that begins with `@`, anything else is the text itself.
    pub fn text_or_file(&mut self, given: &str) -> Result<String, Fault> {
        match given.strip_prefix('@') {
            Some(text) if text.starts_with('@') => Ok(text.to_owned()),
            Some(path) => read_file(path),
            None => self.text_or_stdin(given),
        }
    }

    /// `-` reads stdin, anything else is the text itself: for texts in which `@` begins a name.
    pub fn text_or_stdin(&mut self, given: &str) -> Result<String, Fault> {
        if given == "-" { self.read_stdin() } else { Ok(given.to_owned()) }
    }

    /// The text of a file, or of stdin for `-`.
    pub fn file_text(&mut self, path: &str) -> Result<String, Fault> {
        if path == "-" { self.read_stdin() } else { read_file(path) }
    }

    /// For a program that reads it all the time; here it is empty from then on.
    pub fn take_stdin(&mut self) -> Box<dyn Read + Send> {
        std::mem::replace(&mut self.stdin, Box::new(std::io::empty()))
    }

    fn read_stdin(&mut self) -> Result<String, Fault> {
        let mut text = String::new();
        let mut stdin = self.stdin.by_ref().take(STDIN_BYTES_MAX);
        stdin.read_to_string(&mut text).map_err(|fault| Fault::io("stdin can't be read", fault))?;
        Ok(text)
    }
}

fn read_file(path: &str) -> Result<String, Fault> {
    std::fs::read_to_string(path).map_err(|fault| Fault::io(format!("{path} can't be read"), fault))
}

fn find_settings(world: &World, global: &Global) -> Result<Settings, Fault> {
    let config = match world.home() {
        Some(home) => Config::load(&home)?,
        None => Config::default(),
    };
    Settings::find(global, world, &config)
}

fn claim_of(world: &World) -> Result<Option<ClaimToken>, Fault> {
    let wrong = |fault: mi_core::ids::BadId| Fault::usage(format!("MI_CLAIM: {fault}"), "unset it");
    world.variable(variables::MI_CLAIM).map(|text| text.parse().map_err(wrong)).transpose()
}

/// The streams of a world, put to their use.
pub fn split(world: World, format: Format) -> (Output, Box<dyn Read + Send>, Duration) {
    let coloured = world.variable(NO_COLOR).is_none();
    let screen = |is_terminal: bool| Screen {
        paint: if is_terminal && coloured { Paint::Colour } else { Paint::Plain },
        is_terminal,
    };
    let (on_stdout, on_stderr) = (screen(world.stdout_is_terminal), screen(world.stderr_is_terminal));
    (Output::new(world.stdout, world.stderr, format, on_stdout, on_stderr), world.stdin, world.pace)
}

pub async fn office_named(client: &Client, named: &str) -> Result<OfficeId, Fault> {
    find_office(client, named).await?.ok_or_else(|| {
        Fault::not_found(format!("there is no colony named {named:?}"), "`mi colonies list` shows your colonies")
    })
}

async fn find_office(client: &Client, named: &str) -> Result<Option<OfficeId>, Fault> {
    if let Ok(id) = named.parse() {
        return Ok(Some(id));
    }
    let mut found: Vec<Office> = Vec::new();
    for page in 0..OFFICE_PAGES_MAX {
        let paging = Paging { limit: Some(LIST_LIMIT_MAX), offset: Some(page * LIST_LIMIT_MAX) };
        let (offices, _) = client.offices().list(paging).await?;
        let is_last = (offices.len() as i64) < LIST_LIMIT_MAX;
        found.extend(offices.into_iter().filter(|office| office.name == named));
        if is_last {
            break;
        }
    }
    match found.as_slice() {
        [office] => Ok(Some(office.id)),
        [] => Ok(None),
        several => Err(Fault::usage(format!("{} colonies are named {named:?}", several.len()), ids_of(several))),
    }
}

pub async fn only_office(client: &Client) -> Result<OfficeId, Fault> {
    let (offices, total) = client.offices().list(Paging { limit: Some(2), offset: None }).await?;
    match (offices.as_slice(), total) {
        ([office], _) => Ok(office.id),
        ([], _) => {
            Err(Fault::not_found("there is no colony yet", "`mi colonies create --name \"My Colony\"` makes one"))
        }
        (_, total) => Err(Fault::usage(
            format!("which of your {total} colonies?"),
            "--colony names it, `mi use COLONY` remembers one, `mi colonies list` shows them",
        )),
    }
}

fn ids_of(offices: &[Office]) -> String {
    let ids: Vec<String> = offices.iter().map(|office| office.id.to_string()).collect();
    format!("name it by its id: {}", ids.join(", "))
}
