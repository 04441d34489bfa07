//! `mi logs NAME [-f]`: what an agent's pod wrote.

use clap::Args;
use mi_client::{Agents, LogsFilter};
use mi_core::ids::AgentName;

use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::{Format, clean};
use crate::targets::Target;

/// While following, each look sees so many lines.
const FOLLOWED_LINES: i64 = 500;
/// And shows so many at first.
const FIRST_LINES: usize = 50;

#[derive(Args)]
pub struct LogsArgs {
    #[command(flatten)]
    target: Target,
    /// Go on until interrupted
    #[arg(short, long)]
    follow: bool,
    /// The last so many lines
    #[arg(long, alias = "limit", value_name = "N")]
    tail: Option<i64>,
    /// Only later than this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

pub async fn run(desk: &mut Desk, args: LogsArgs) -> Result<(), Fault> {
    let found = args.target.read::<AgentName>()?;
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    let agents = client.agents(office);
    let filter = LogsFilter { tail: args.tail, since: args.since };
    if args.follow {
        return follow(desk, &agents, &found.thing, filter).await;
    }
    desk.show(agents.logs(&found.thing, &filter), |logs, _| clean(&logs.logs).into_owned()).await
}

/// Each look sees the same number of lines, so that what is new stands at the end.
async fn follow(desk: &mut Desk, agents: &Agents, name: &AgentName, filter: LogsFilter) -> Result<(), Fault> {
    let shown_first = filter.tail.and_then(|tail| usize::try_from(tail).ok()).unwrap_or(FIRST_LINES);
    let filter = LogsFilter { tail: Some(FOLLOWED_LINES), ..filter };
    let mut seen: Option<Vec<String>> = None;
    loop {
        let (logs, answer) = agents.logs(name, &filter).both().await?;
        let lines: Vec<String> = logs.logs.lines().map(str::to_owned).collect();
        let news = match &seen {
            None => &lines[lines.len().saturating_sub(shown_first)..],
            Some(seen) => news(seen, &lines),
        };
        match desk.out.format {
            Format::Json if !news.is_empty() => desk.out.json(&answer.body)?,
            Format::Json => {}
            Format::People => desk.out.data(&clean(&news.join("\n")))?,
        }
        seen = Some(lines);
        tokio::time::sleep(desk.pace).await;
    }
}

/// The lines after those of the last look: the longest end of `seen` that `lines` begins with is old.
fn news<'a>(seen: &[String], lines: &'a [String]) -> &'a [String] {
    let begins = (0..=seen.len()).find(|from| lines.starts_with(&seen[*from..]));
    &lines[begins.map_or(0, |from| seen.len() - from)..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(seen: &str, lines: &str, expected: &str) {
        let split = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(news(&split(seen), &split(lines)).join(" "), expected);
    }

    #[test]
    fn only_new_lines_are_shown() {
        check("", "a b", "a b");
        check("a b", "a b", "");
        check("a b", "a b c", "c");
        check("a b c", "c d", "d");
        check("a b", "x y", "x y");
        check("a b", "", "");
    }
}
