//! `mi chat NAME [TEXT]`, `mi chat --group [TEXT]`: talk with an agent or with everybody.

use clap::Args;
use mi_client::{Agents, Call, Client, Messages, OFFICE_GROUP};
use mi_core::ids::{AgentName, OfficeId};
use mi_core::limits::LIST_LIMIT_MAX;
use mi_core::time::Time;
use mi_core::wire::chat::Conversation;
use mi_core::wire::runner::InboxMessage;

use crate::args::ColonyArg;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::{Format, Screen};
use crate::table::{Cell, Table};
use crate::views::{messages, moment};

/// As whom people speak.
const OWNER: &str = "owner";
const SHOWN_DEFAULT: i64 = 20;

#[derive(Args)]
#[command(override_usage = "mi chat [OPTIONS] NAME [TEXT]\n       mi chat [OPTIONS] --group [TEXT]\n       mi chat")]
pub struct ChatArgs {
    /// The agent, then what you say to it, `-` for stdin; without a text what was said is shown
    #[arg(value_name = "NAME [TEXT]", num_args = 0..=2)]
    words: Vec<String>,
    /// The group in which everybody of the colony is; `@name` in a text wakes that agent
    #[arg(short, long)]
    group: bool,
    /// Go on and show what comes until interrupted
    #[arg(short, long)]
    follow: bool,
    /// The newest so many
    #[arg(long, value_name = "N")]
    limit: Option<i64>,
    #[command(flatten)]
    colony: ColonyArg,
}

/// Whom it is about.
enum Peer {
    Agent(String),
    Group,
}

/// What was typed, understood.
enum Wish {
    Overview,
    Talk { peer: Peer, text: Option<String> },
}

pub async fn run(desk: &mut Desk, args: ChatArgs) -> Result<(), Fault> {
    let wish = read(args.words, args.group)?;
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    match wish {
        Wish::Overview => desk.show(client.messages(office).conversations(), |(list, _), s| overview(list, s)).await,
        Wish::Talk { peer, text } => {
            let talk = Talk { all: client.messages(office), me: me(desk), peer };
            let says_only = text.is_some() && !args.follow;
            if let Some(text) = text {
                let text = desk.text_or_stdin(&text)?;
                talk.say(desk, &text).await?;
            }
            match (args.follow, says_only) {
                (true, _) => talk.follow(desk, args.limit).await,
                (false, true) => Ok(()),
                (false, false) => talk.show(desk, &client.agents(office), args.limit).await,
            }
        }
    }
}

fn read(words: Vec<String>, group: bool) -> Result<Wish, Fault> {
    let mut words = words.into_iter();
    match (group, words.next(), words.next()) {
        (true, text, None) => Ok(Wish::Talk { peer: Peer::Group, text }),
        (true, _, Some(_)) => Err(Fault::usage("the group needs no name", "put the text in quotes: --group \"…\"")),
        (false, None, _) => Ok(Wish::Overview),
        (false, Some(name), text) => Ok(Wish::Talk { peer: Peer::Agent(name), text }),
    }
}

/// In a pod the agent itself.
fn me(desk: &Desk) -> String {
    desk.agent().unwrap_or(OWNER).to_owned()
}

fn overview(list: &[Conversation], screen: Screen) -> String {
    let mut table = Table::new(&["CONVERSATION", "MEMBERS", "LAST MESSAGE"]);
    for conversation in list {
        let last = conversation.last_message_at.map(|at| moment(Time(at)));
        let members = conversation.members.join(", ");
        table.row([(&conversation.name).into(), (&members).into(), Cell::maybe(last)]);
    }
    table.render(screen)
}

/// `tq group TEXT`.
pub async fn to_group(desk: &mut Desk, client: &Client, office: OfficeId, text: &str) -> Result<(), Fault> {
    let talk = Talk { all: client.messages(office), me: me(desk), peer: Peer::Group };
    talk.say(desk, text).await
}

struct Talk {
    all: Messages,
    me: String,
    peer: Peer,
}

impl Talk {
    async fn say(&self, desk: &mut Desk, text: &str) -> Result<(), Fault> {
        let (answer, to) = match &self.peer {
            Peer::Group => (self.all.send_group(OFFICE_GROUP, text).answer().await?, "the group"),
            Peer::Agent(name) => (self.all.send(name, text).await?, name.as_str()),
        };
        match desk.out.format {
            Format::Json => desk.out.json(&answer.body),
            Format::People => desk.out.note(&format!("sent to {to}")),
        }
    }

    fn said(&self, limit: Option<i64>) -> Call<(Vec<InboxMessage>, u64)> {
        let limit = limit.or(Some(SHOWN_DEFAULT));
        match &self.peer {
            Peer::Group => self.all.group_messages(OFFICE_GROUP, limit),
            Peer::Agent(name) => self.all.between(&self.me, name, limit),
        }
    }

    /// Where nothing was said, there has to be somebody.
    async fn show(&self, desk: &mut Desk, agents: &Agents, limit: Option<i64>) -> Result<(), Fault> {
        let ((list, _), answer) = self.said(limit).both().await?;
        if let (true, Peer::Agent(name)) = (list.is_empty(), &self.peer)
            && name != OWNER
        {
            let name: AgentName =
                name.parse().map_err(|_| Fault::usage(format!("{name} is no name"), "mi agents list"))?;
            agents.get(&name).await?;
        }
        match desk.out.format {
            Format::Json => desk.out.json(&answer.body),
            Format::People => desk.out.data(&messages::list(&list, desk.out.screen)),
        }
    }

    /// Each look sees the newest; what was shown before isn't shown again.
    async fn follow(&self, desk: &mut Desk, limit: Option<i64>) -> Result<(), Fault> {
        let mut shown = 0;
        let mut limit = limit;
        loop {
            let (list, _) = self.said(limit).await?;
            let news: Vec<InboxMessage> = list.into_iter().filter(|message| message.id > shown).collect();
            if let Some(newest) = news.last() {
                shown = newest.id;
                show(desk, &news)?;
            }
            limit = Some(LIST_LIMIT_MAX);
            tokio::time::sleep(desk.pace).await;
        }
    }
}

/// For programs one message a line.
fn show(desk: &mut Desk, news: &[InboxMessage]) -> Result<(), Fault> {
    match desk.out.format {
        Format::People => desk.out.data(&messages::list(news, desk.out.screen)),
        Format::Json => {
            for message in news {
                let line =
                    serde_json::to_vec(message).map_err(|fault| Fault::failed(fault.to_string(), "try again"))?;
                desk.out.json(&line)?;
            }
            Ok(())
        }
    }
}
