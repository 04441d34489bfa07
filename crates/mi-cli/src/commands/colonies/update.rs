//! `mi colonies update [COLONY] [--allow HOST]… [--deny HOST]… [--egress HOST]… [--set KEY=VALUE]…`.

use clap::Args;
use serde_json::{Map, Value, json};

use super::settings::value;
use crate::args::{ColonyPlace, key_value};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::offices;

const HELP: &str = "\
Examples:
  mi colonies update --allow github.com --allow packages.example.org:443
  mi colonies update --allow '*.example.com' --deny example.org
  mi colonies update --set egress=[]                 back to nowhere
  mi colonies update --set maxAgents=10

A host without a port means 80 and 443.";

#[derive(Args)]
#[command(after_help = HELP)]
pub struct UpdateArgs {
    #[command(flatten)]
    place: ColonyPlace,
    #[command(flatten)]
    changes: Changes,
}

#[derive(Args)]
#[group(required = true, multiple = true)]
struct Changes {
    /// Let its pods reach this host as well
    #[arg(long, value_name = "HOST[:PORT]")]
    allow: Vec<String>,
    /// Take this entry of what its pods may reach away
    #[arg(long, value_name = "HOST[:PORT]")]
    deny: Vec<String>,
    /// Let its pods reach these hosts and no others
    #[arg(long, value_name = "HOST[:PORT]", conflicts_with_all = ["allow", "deny"])]
    egress: Vec<String>,
    /// Change a setting; a value is JSON where it can be read as such, else text
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    settings: Vec<(String, String)>,
}

pub async fn run(desk: &mut Desk, args: UpdateArgs) -> Result<(), Fault> {
    let UpdateArgs { place, changes } = args;
    let (client, office) = desk.office(place.named()).await?;
    let mut new: Map<String, Value> = changes.settings.into_iter().map(|(key, text)| (key, value(text))).collect();
    if !changes.egress.is_empty() {
        new.insert("egress".to_owned(), json!(changes.egress));
    }
    if !changes.allow.is_empty() || !changes.deny.is_empty() {
        let now = client.offices().settings(office).await?.egress;
        new.insert("egress".to_owned(), json!(changed(now, &changes.allow, &changes.deny)?));
    }
    desk.show(client.offices().update_settings(office, &Value::Object(new)), offices::settings).await
}

/// The same list with these entries and without those.
fn changed(mut list: Vec<Value>, allow: &[String], deny: &[String]) -> Result<Vec<Value>, Fault> {
    for entry in deny {
        let before = list.len();
        list.retain(|known| !is_called(known, entry));
        if list.len() == before {
            let shown = mi_core::ids::excerpt(entry);
            let message = format!("the colony's egress has no entry {shown}");
            return Err(Fault::not_found(message, "`mi colonies get` shows what it has"));
        }
    }
    for entry in allow {
        if !list.contains(&json!(entry)) {
            list.push(json!(entry));
        }
    }
    Ok(list)
}

/// An entry with ports or methods goes by its host.
fn is_called(entry: &Value, text: &str) -> bool {
    let host = entry.get("host").unwrap_or(entry);
    host.as_str().is_some_and(|known| known.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_once_and_go_by_their_name() {
        let now = vec![json!("a.org"), json!({"host": "B.org", "methods": ["GET"]})];
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let more = changed(now.clone(), &texts(&["c.org:443", "a.org"]), &[]).unwrap();
        assert_eq!(more, [now[0].clone(), now[1].clone(), json!("c.org:443")]);
        assert_eq!(changed(now.clone(), &[], &texts(&["b.org"])).unwrap(), [json!("a.org")]);
        let missing = changed(now, &[], &texts(&["c.org"])).unwrap_err();
        assert_eq!(missing.to_string(), "the colony's egress has no entry c.org");
    }
}
