//! Who is meant by `@name` in a text.

use std::collections::BTreeSet;

use crate::ids::AgentName;

/// More names than an office has agents.
const MENTIONS_MAX: usize = 1_000;

/// Every name after an `@` that doesn't stand inside a word, as in an e-mail address.
pub fn mentions(text: &str) -> BTreeSet<AgentName> {
    let mut found = BTreeSet::new();
    let mut before = ' ';
    for (at, char) in text.char_indices() {
        if char == '@' && !before.is_alphanumeric() {
            found.extend(name_at(&text[at + 1..]));
        }
        if found.len() >= MENTIONS_MAX {
            break;
        }
        before = char;
    }
    found
}

/// Whether a text is meant for somebody: by name, or by `@all`, which only the owner may say.
pub fn means(text: &str, name: &AgentName, by: Speaker) -> bool {
    let named = mentions(text);
    named.contains(name) || (by == Speaker::Owner && named.iter().any(|other| other.as_str() == ALL))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    Owner,
    Agent,
}

/// Everybody.
const ALL: &str = "all";

fn name_at(rest: &str) -> Option<AgentName> {
    let legal = |char: char| char.is_ascii_alphanumeric() || char == '-';
    let end = rest.find(|char| !legal(char)).unwrap_or(rest.len());
    rest[..end].trim_end_matches('-').to_ascii_lowercase().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found = mentions(text);
        let found: Vec<&str> = found.iter().map(AgentName::as_str).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn names_behind_an_at_sign_are_mentioned() {
        check("hello", &[]);
        check("@ada look", &["ada"]);
        check("(@Ada), @reviewer-2: and @ada!", &["ada", "reviewer-2"]);
        check("mail me@example.com", &[]);
        check("@ ada @-x @ada-", &["ada"]);
        check("ü@ada 好@ben", &[]);
        check("\n@ada\n@@ben", &["ada", "ben"]);
    }

    #[test]
    fn only_the_owner_can_mean_everybody() {
        let ada: AgentName = "ada".parse().unwrap();
        assert!(means("@ada", &ada, Speaker::Agent) && !means("@ben", &ada, Speaker::Owner));
        assert!(means("@all", &ada, Speaker::Owner) && !means("@all", &ada, Speaker::Agent));
    }
}
