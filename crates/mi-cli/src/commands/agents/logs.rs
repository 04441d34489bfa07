//! `mi logs NAME [-f]`: what an agent's sessions and its pod wrote.

use clap::Args;
use mi_client::{Agents, LogsFilter, Message};
use mi_core::ids::AgentName;
use mi_core::moment::parse_length;
use mi_core::time::{Millis, Time};
use serde::Deserialize;

use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::{Format, clean};
use crate::targets::Target;

/// So many lines are shown before those that come.
const FIRST_LINES: i64 = 50;

#[derive(Args)]
pub struct LogsArgs {
    #[command(flatten)]
    target: Target,
    /// Go on until interrupted, its pod's own lines included
    #[arg(short, long)]
    follow: bool,
    /// The last so many lines
    #[arg(long, alias = "limit", value_name = "N")]
    tail: Option<i64>,
    /// Only later than this time (RFC 3339), or than so long ago, such as 15m
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

pub async fn run(desk: &mut Desk, args: LogsArgs) -> Result<(), Fault> {
    let found = args.target.read::<AgentName>()?;
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    let agents = client.agents(office);
    let since = args.since.map(|text| moment(&text, (desk.now)()));
    let filter = LogsFilter { tail: args.tail, since };
    if args.follow {
        return follow(desk, &agents, &found.thing, filter).await;
    }
    desk.show(agents.logs(&found.thing, &filter), |logs, _| clean(&logs.logs).into_owned()).await
}

/// A length of time is counted back from now; anything else is for the server to read.
fn moment(text: &str, now: Time) -> String {
    match parse_length(text) {
        Some(length) => (now + Millis(-length.0)).to_string(),
        None => text.to_owned(),
    }
}

/// One line of a message.
#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    at: String,
    #[serde(default)]
    text: String,
}

async fn follow(desk: &mut Desk, agents: &Agents, name: &AgentName, filter: LogsFilter) -> Result<(), Fault> {
    let filter = LogsFilter { tail: filter.tail.or(Some(FIRST_LINES)), ..filter };
    let mut stream = agents.follow_logs(name, &filter).with_pause(desk.pace);
    loop {
        let message = stream.next().await?;
        match desk.out.format {
            Format::Json => desk.out.json(message.data.as_bytes())?,
            Format::People => tell(desk, &message)?,
        }
    }
}

fn tell(desk: &mut Desk, message: &Message) -> Result<(), Fault> {
    if message.event == "reset" {
        return desk.out.warn("some lines of the pod's log are gone: the file was replaced meanwhile");
    }
    let line: Line = message.json()?;
    let text = match message.event.as_str() {
        "pod" => format!("pod  {}", line.text),
        _ => format!("{} {}", line.at, line.text),
    };
    desk.out.data(&format!("{}\n", clean(&text)))
}
