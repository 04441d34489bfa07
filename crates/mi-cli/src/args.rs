//! Arguments that many commands share.

use clap::Args;
use mi_core::credits::{BALANCE_MAX, Ceiling, Micro};
use mi_core::ids::ClaimToken;
use mi_core::moment::parse_length;
use mi_core::time::Time;

use crate::output::Format;

/// A parser for a closed set of words, so that help and completions name them.
macro_rules! one_of {
    ($words:ty) => {
        clap::builder::TypedValueParser::try_map(
            clap::builder::PossibleValuesParser::new(<$words>::ALL.iter().map(|word| word.as_str())),
            |text| text.parse::<$words>(),
        )
    };
}
pub(crate) use one_of;

/// Flags of every command.
#[derive(Clone, Default, Args)]
pub struct Global {
    /// The server's address [default: http://127.0.0.1:7700; MI_ENDPOINT]
    #[arg(long, global = true, value_name = "URL", help_heading = "Everywhere")]
    pub endpoint: Option<String>,
    /// The API key, for this command only (MI_API_KEY)
    #[arg(long, global = true, value_name = "KEY", help_heading = "Everywhere")]
    pub key: Option<String>,
    /// Act as an agent that joined from this machine: NAME, or COLONY/NAME by the colony's id (MI_AGENT_PROFILE)
    #[arg(long = "as-agent", global = true, value_name = "NAME", help_heading = "Everywhere")]
    pub as_agent: Option<String>,
    /// Under which name server, key and colony are kept in config.json (MI_PROFILE)
    #[arg(long, global = true, value_name = "NAME", help_heading = "Everywhere")]
    pub profile: Option<String>,
    /// A certificate in PEM to trust in place of the system's: an authority's, or the server's own (MI_CA_CERT)
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere")]
    pub ca_cert: Option<String>,
    /// Do it once, however often this command is repeated within 24 hours with this key
    #[arg(
        long = "idempotency-key",
        global = true,
        value_name = "KEY",
        value_parser = idempotency_key,
        help_heading = "Everywhere"
    )]
    pub idempotency_key: Option<String>,
    /// Print exactly what the API answers, for programs
    #[arg(long, global = true, help_heading = "Everywhere")]
    json: bool,
}

impl Global {
    pub fn format(&self) -> Format {
        if self.json { Format::Json } else { Format::People }
    }
}

/// Which colony (= office) a command is about.
#[derive(Debug, Clone, Default, Args)]
pub struct ColonyArg {
    /// The colony, by id or name; may be left out when there is only one (MI_COLONY)
    #[arg(short = 'c', short_alias = 'o', long, alias = "office", value_name = "COLONY")]
    pub colony: Option<String>,
}

/// The same where `-o` names an output.
#[derive(Debug, Clone, Default, Args)]
pub struct ColonyNoOutputArg {
    /// The colony, by id or name; may be left out when there is only one (MI_COLONY)
    #[arg(short = 'c', long, alias = "office", value_name = "COLONY")]
    pub colony: Option<String>,
}

/// A colony that may also be the first word.
#[derive(Debug, Clone, Default, Args)]
pub struct ColonyPlace {
    /// The colony, by id or name; may be left out when there is only one
    #[arg(value_name = "COLONY", conflicts_with = "colony")]
    pub place: Option<String>,
    #[command(flatten)]
    pub flag: ColonyArg,
}

impl ColonyPlace {
    pub fn named(&self) -> Option<&str> {
        self.place.as_deref().or(self.flag.colony.as_deref())
    }
}

/// The claim in whose name a task is written.
#[derive(Debug, Clone, Default, Args)]
pub struct ClaimArg {
    /// The claim's token, for writes of an attempt (MI_CLAIM)
    #[arg(long, value_name = "TOKEN")]
    pub claim: Option<ClaimToken>,
}

/// Which part of a list.
#[derive(Debug, Clone, Default, Args)]
pub struct PagingArgs {
    /// At most so many (the server's default is 50, its limit 500)
    #[arg(long, value_name = "N")]
    pub limit: Option<i64>,
    /// Leave out so many first
    #[arg(long, value_name = "N")]
    pub offset: Option<i64>,
}

impl From<&PagingArgs> for mi_client::Paging {
    fn from(args: &PagingArgs) -> Self {
        Self { limit: args.limit, offset: args.offset }
    }
}

/// Leaves room for the number that further writes of a command add.
fn idempotency_key(text: &str) -> Result<String, String> {
    const KEY_BYTES_MAX: usize = 240;
    if (1..=KEY_BYTES_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    Err(format!("it is 1 to {KEY_BYTES_MAX} visible ASCII characters, such as deploy-2026-04-27"))
}

/// `KEY=value`, where the value may hold more equals signs.
pub fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("it reads KEY=value".to_owned()),
    }
}

/// A moment, as the API writes it.
pub fn moment(text: &str) -> Result<Time, String> {
    Time::parse(text).ok_or_else(|| "it is a moment such as 2026-04-27T09:30:00Z".to_owned())
}

/// A length of time, in seconds.
pub fn seconds(text: &str) -> Result<i64, String> {
    const MS_PER_SECOND: i64 = 1_000;
    let length = parse_length(text.trim_start_matches('+'));
    length
        .map(|length| length.0 / MS_PER_SECOND)
        .ok_or_else(|| "it is a length such as 90s, 15m, 2h or 1d12h".to_owned())
}

/// The most that may be spent: an amount of credits, or `none`.
pub fn ceiling(text: &str) -> Result<Ceiling, String> {
    match text {
        "none" => Ok(Ceiling::None),
        text => within(text, Micro(0))
            .map(Ceiling::At)
            .ok_or_else(|| format!("it is a number of credits from 0 to {BALANCE_MAX}, or none")),
    }
}

/// An amount of credits, with at most six decimals.
pub fn amount(text: &str) -> Result<Micro, String> {
    within(text, Micro(1))
        .ok_or_else(|| format!("it is a number of credits above 0 and up to {BALANCE_MAX}, such as 100 or 2.5"))
}

/// What is larger than any balance is a slip, and couldn't be kept as it was written.
fn within(text: &str, least: Micro) -> Option<Micro> {
    let amount = serde_json::from_str(text).ok()?;
    (least..=BALANCE_MAX).contains(&amount).then_some(amount)
}
