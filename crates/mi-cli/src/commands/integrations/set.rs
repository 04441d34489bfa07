//! `mi integrations set ID`: a secret from a prompt, from stdin, from a variable, or from the command line.

use std::collections::BTreeMap;

use clap::Args;
use mi_client::Integrations;
use mi_core::wire::integrations::{Integration, IntegrationStatus, SetSecret};

use crate::args::{ColonyArg, key_value};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::prompt;
use crate::views::integrations;

#[derive(Args)]
#[command(after_help = "Without a value it asks for what is missing, and shows nothing of what you type.\n\
    `mi integrations set github -` reads the value from stdin, `--from-env GITHUB_TOKEN` from a variable,\n\
    `WHATSAPP_ACCESS_TOKEN=@token.txt` from a file; `@@` begins a value with `@`.")]
pub struct SetArgs {
    /// Its id or an alias, such as github or gh
    #[arg(value_name = "INTEGRATION")]
    id: String,
    /// `-` (stdin), the value itself where one is enough, or NAME=VALUE, where the value may be `-` or `@FILE`
    #[arg(value_name = "VALUE")]
    values: Vec<String>,
    /// Take the value of a variable of yours; NAME=VARIABLE where the names differ
    #[arg(long = "from-env", visible_alias = "fromEnv", value_name = "VARIABLE", conflicts_with = "values")]
    from_env: Vec<String>,
    /// Whether agents in pods get the real value instead of a placeholder; alone, it changes only this
    #[arg(
        long = "raw-keys",
        visible_alias = "rawKeys",
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    raw_keys: Option<bool>,
    /// Store a key of models without asking the provider whether it takes it
    #[arg(long = "no-check", visible_alias = "force")]
    no_check: bool,
    #[command(flatten)]
    colony: ColonyArg,
}

pub async fn run(desk: &mut Desk, args: SetArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    let all = client.integrations(office);
    let mut secret = if !args.values.is_empty() {
        of_words(desk, &args, &all).await?
    } else if !args.from_env.is_empty() {
        of_variables(desk, &args.from_env, &all.get(&args.id).await?)?
    } else if args.raw_keys.is_some() {
        SetSecret::default()
    } else {
        of_prompt(&all.get(&args.id).await?)?
    };
    secret.raw_keys = args.raw_keys;
    secret.check = args.no_check.then_some(false);
    let (card, answer) = all.set_secret(&args.id, &secret).both().await?;
    match desk.out.format {
        crate::output::Format::Json => desk.out.json(&answer.body),
        crate::output::Format::People => tell(desk, &card),
    }
}

async fn of_words(desk: &mut Desk, args: &SetArgs, all: &Integrations) -> Result<SetSecret, Fault> {
    if let [word] = args.values.as_slice()
        && word == "-"
    {
        return Ok(SetSecret { key: Some(desk.text_or_file(word)?.trim().to_owned()), ..SetSecret::default() });
    }
    let mut data = BTreeMap::new();
    for (name, value) in named(&args.values, &args.id, all).await? {
        if value != "-" && !value.starts_with('@') {
            desk.out.warn(
                "a value on the command line can be seen by others on this machine and stays in the shell's history; \
                 `-`, --from-env or no value at all keeps it to yourself",
            )?;
        }
        data.insert(name, desk.text_or_file(&value)?.trim().to_owned());
    }
    Ok(SetSecret { data: Some(data), ..SetSecret::default() })
}

/// The values by their names. One may stand alone where only one is needed, which its card says.
async fn named(words: &[String], id: &str, all: &Integrations) -> Result<Vec<(String, String)>, Fault> {
    if let Ok(pairs) = words.iter().map(|word| key_value(word)).collect() {
        return Ok(pairs);
    }
    let card = all.get(id).await?;
    let required = card.required_secrets.iter().filter(|secret| secret.required);
    let required: Vec<&str> = required.map(|secret| secret.key.as_str()).collect();
    match (words, required.as_slice()) {
        ([value], [only]) => Ok(vec![((*only).to_owned(), value.clone())]),
        (_, []) => {
            let hint = format!("`mi integrations enable {} AGENT` lets an agent use it", card.id);
            Err(Fault::usage(format!("{} needs no secret", card.id), hint))
        }
        (_, [first, ..]) => {
            let what = format!("a value without its name; {} takes {}", card.id, required.join(", "));
            Err(Fault::usage(what, format!("write {first}=VALUE, `-` for stdin, or nothing to be asked")))
        }
    }
}

fn of_variables(desk: &Desk, words: &[String], card: &Integration) -> Result<SetSecret, Fault> {
    let mut secret = SetSecret::default();
    for word in words {
        let (name, variable) = word.split_once('=').map_or((None, word.as_str()), |(name, var)| (Some(name), var));
        let value = desk.variable(variable).map(str::to_owned).ok_or_else(|| {
            Fault::usage(format!("the variable {variable} is not set"), format!("export {variable}=… first"))
        })?;
        match name.or_else(|| is_known(card, variable).then_some(variable)) {
            Some(name) => {
                secret.data.get_or_insert_default().insert(name.to_owned(), value);
            }
            // The server knows whether one value is enough.
            None => secret.key = Some(value),
        }
    }
    Ok(secret)
}

fn is_known(card: &Integration, name: &str) -> bool {
    card.agent_env_vars.iter().any(|known| known == name) || card.required_secrets.iter().any(|own| own.key == name)
}

/// Asks for what is missing, or for everything that is required if nothing is.
fn of_prompt(card: &Integration) -> Result<SetSecret, Fault> {
    let missing = &card.metadata.missing;
    let asked = card.required_secrets.iter().filter(|secret| secret.required);
    let asked = asked.filter(|secret| missing.is_empty() || missing.contains(&secret.key));
    let mut data = BTreeMap::new();
    for secret in asked {
        data.insert(secret.key.clone(), prompt::secret(&format!("{} ({})", secret.label, secret.hint))?);
    }
    if data.is_empty() {
        let hint = format!("`mi integrations enable {} AGENT` lets an agent use it", card.id);
        return Err(Fault::usage(format!("{} needs no secret", card.id), hint));
    }
    Ok(SetSecret { data: Some(data), ..SetSecret::default() })
}

fn tell(desk: &mut Desk, card: &Integration) -> Result<(), Fault> {
    desk.out.note(&format!("{} is {}", card.id, card.status))?;
    if let Some(note) = card.metadata.note.as_deref().filter(|_| card.status != IntegrationStatus::Pending) {
        desk.out.warn(note)?;
    }
    if let Some(note) = integrations::left_to_do(card) {
        return desk.out.hint(&note);
    }
    match card.status {
        IntegrationStatus::Configured => {
            desk.out.hint(&format!("`mi integrations enable {} AGENT` lets an agent use it", card.id))
        }
        IntegrationStatus::Pending | IntegrationStatus::Active => Ok(()),
    }
}
