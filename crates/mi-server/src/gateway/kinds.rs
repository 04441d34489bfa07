//! The kinds of providers, by what `providers.toml` says of them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use mi_core::harnesses::program_of;
use mi_core::wire::agents::HarnessKind;
use mi_core::wire::runner::Wire;
use serde::Deserialize;

use crate::integrations::catalogue::distance;

/// How far a word may lie from one of ours to be taken for a slip.
const SLIP_EDITS_MAX: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Anthropic,
    Openai,
    Google,
    Venice,
    Openrouter,
}

/// How a provider is spoken to: which paths it has, where its key goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    #[default]
    Anthropic,
    Openai,
    Google,
}

/// The header that carries the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    #[default]
    Bearer,
    XApiKey,
    XGoogApiKey,
}

/// One provider, as the table describes it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    name: String,
    /// For people.
    pub title: String,
    /// Other words: harnesses, and servers that speak like it.
    pub aliases: Vec<String>,
    /// Where an office sets its key, in the order in which they count.
    pub integrations: Vec<String>,
    pub dialect: Dialect,
    /// The protocols that it speaks; the first is how our own loop speaks to it.
    pub wires: Vec<Wire>,
    pub auth: Auth,
    /// OpenAI's includes the version, as in its own clients; the others' don't.
    pub base: String,
    /// Where a model client finds it below the server's address.
    pub path: String,
    /// The version that clients write in the address and that a base may end with as well.
    pub versions: Vec<String>,
    /// The first one is the one that we name.
    pub key_variables: Vec<String>,
    pub base_variables: Vec<String>,
    /// A path that answers only to a good key, and costs nothing.
    pub check: String,
    pub list: String,
    /// How the names of its models begin, to find the provider of a model named alone.
    pub families: Vec<String>,
    /// Its model for each tier.
    pub tiers: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    pub name: String,
    pub words: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    provider: Vec<Facts>,
    tier: Vec<Tier>,
}

/// A table that can't be read leaves a server without models, and is told; a test sees to it that it can.
static TABLE: LazyLock<Table> = LazyLock::new(|| {
    toml::from_str(include_str!("providers.toml")).unwrap_or_else(|error| {
        tracing::error!(%error, "the table of model providers can't be read");
        Table::default()
    })
});

static NOTHING: LazyLock<Facts> = LazyLock::new(Facts::default);

impl Kind {
    /// In the order in which a default is looked for.
    pub const ALL: [Kind; 5] = [Kind::Anthropic, Kind::Openai, Kind::Google, Kind::Venice, Kind::Openrouter];

    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Anthropic => "anthropic",
            Kind::Openai => "openai",
            Kind::Google => "google",
            Kind::Venice => "venice",
            Kind::Openrouter => "openrouter",
        }
    }

    pub fn facts(self) -> &'static Facts {
        TABLE.provider.iter().find(|facts| facts.name == self.as_str()).unwrap_or(&NOTHING)
    }

    /// By name or alias, in either case.
    pub fn parse(word: &str) -> Option<Kind> {
        let word = word.trim().to_ascii_lowercase();
        Kind::ALL.into_iter().find(|kind| kind.words().any(|own| own == word))
    }

    /// The provider whose key this integration holds.
    pub fn of_integration(id: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.facts().integrations.iter().any(|own| own == id))
    }

    pub fn words(self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.as_str()).chain(self.facts().aliases.iter().map(String::as_str))
    }

    pub fn dialect(self) -> Dialect {
        self.facts().dialect
    }

    /// The plainest one of its dialect.
    pub fn wire(self) -> Wire {
        match self.dialect() {
            Dialect::Anthropic => Wire::Anthropic,
            Dialect::Openai => Wire::OpenaiChat,
            Dialect::Google => Wire::Gemini,
        }
    }

    /// It speaks chat completions and nothing else.
    pub fn is_chat_only(self) -> bool {
        self.facts().wires == [Wire::OpenaiChat]
    }

    pub fn speaks(self, wire: Wire) -> bool {
        self.facts().wires.contains(&wire)
    }

    /// A harness can work with its models: any one without a program of its own, else one that speaks like it.
    pub fn serves(self, harness: HarnessKind) -> bool {
        program_of(harness).is_none_or(|program| program.wires.iter().any(|wire| self.speaks(*wire)))
    }

    /// The variable of the server's environment that we name.
    pub fn variable(self) -> &'static str {
        self.facts().key_variables.first().map_or("", String::as_str)
    }

    /// The integration that we name.
    pub fn integration(self) -> &'static str {
        self.facts().integrations.first().map_or(self.as_str(), String::as_str)
    }

    /// How it gets a key, as a command.
    pub fn setup(self) -> String {
        format!("mi integrations set {}", self.integration())
    }
}

/// The tiers, the first of which is the default.
pub fn tiers() -> &'static [Tier] {
    &TABLE.tier
}

/// Every name and alias, for people who chose another.
pub fn names() -> impl Iterator<Item = &'static str> {
    Kind::ALL.into_iter().flat_map(Kind::words)
}

/// The name that was perhaps meant.
pub fn nearest(word: &str) -> Option<&'static str> {
    let word = word.trim().to_ascii_lowercase();
    let best = names().min_by_key(|own| distance(own, &word))?;
    (distance(best, &word) <= SLIP_EDITS_MAX).then_some(best)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::integrations::catalogue::catalogue;

    #[test]
    fn the_table_can_be_read_and_says_all_of_every_kind() {
        let table: Table = toml::from_str(include_str!("providers.toml")).unwrap();
        let listed: Vec<&str> = table.provider.iter().map(|facts| facts.name.as_str()).collect();
        assert_eq!(listed, Kind::ALL.map(Kind::as_str));
        let tiers: BTreeSet<&str> = table.tier.iter().map(|tier| tier.name.as_str()).collect();
        for facts in &table.provider {
            let own: BTreeSet<&str> = facts.tiers.keys().map(String::as_str).collect();
            assert_eq!(own, tiers, "{}", facts.name);
            assert!(facts.base.starts_with("https://") && !facts.wires.is_empty(), "{}", facts.name);
            assert!(facts.path.starts_with("/llm/") && !facts.key_variables.is_empty(), "{}", facts.name);
        }
    }

    #[test]
    fn every_word_names_one_provider() {
        let words: Vec<&str> = names().collect();
        assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), words.len(), "{words:?}");
        assert_eq!(Kind::parse(" Ollama "), Some(Kind::Openai));
        assert_eq!(Kind::parse("skynet"), None);
    }

    #[test]
    fn integrations_and_providers_agree_on_who_belongs_to_whom() {
        for manifest in catalogue().all() {
            let named = Kind::of_integration(&manifest.id).map(Kind::as_str);
            assert_eq!(named, manifest.provider.as_deref(), "{}", manifest.id);
        }
    }

    #[test]
    fn slips_are_recognised() {
        for (word, name) in [("anthropc", Some("anthropic")), ("Gemni", Some("gemini")), ("skynet", None)] {
            assert_eq!(nearest(word), name, "{word}");
        }
    }
}
