//! Keys of model providers in the environment of whoever starts a server: named, and used only with their yes.

use std::io::{BufRead, BufReader, IsTerminal, Read};

use mi_server::infra::config;
use mi_server::server::Options;

use crate::failure::Failure;
use crate::voice;

const ANSWER_BYTES_MAX: u64 = 256;

/// At a terminal it asks; elsewhere it says what it does.
pub fn offer(options: &mut Options) -> Result<(), Failure> {
    let found = config::model_keys(|name| options.environment.get(name).cloned());
    if found.is_empty() {
        return Ok(());
    }
    let names = found.join(", ");
    let asks = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if asks && !is_yes(&ask(&format!("agents may call models with {names} from your environment? [Y/n]"))?) {
        options.environment.retain(|name, _| !found.contains(&name.as_str()));
        voice::say("they are left alone; mi integrations set gives a colony a key of its own");
        return Ok(());
    }
    voice::say(&format!("models: agents call them with {names} from the environment, unless their colony has its own"));
    Ok(())
}

fn ask(question: &str) -> Result<String, Failure> {
    voice::say(question);
    let mut line = String::new();
    let mut answer = BufReader::new(std::io::stdin().take(ANSWER_BYTES_MAX));
    answer.read_line(&mut line).map_err(Failure::io("read the answer"))?;
    Ok(line)
}

/// Whoever says nothing agrees: the keys stand in the environment for that.
fn is_yes(answer: &str) -> bool {
    !matches!(answer.trim().to_ascii_lowercase().as_str(), "n" | "no")
}

#[cfg(test)]
mod tests {
    use super::is_yes;

    #[test]
    fn only_a_no_is_a_no() {
        for (answer, yes) in [("", true), ("\n", true), ("y\n", true), ("n\n", false), (" No ", false)] {
            assert_eq!(is_yes(answer), yes, "{answer:?}");
        }
    }
}
