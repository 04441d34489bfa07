//! The catalogue: what every manifest says, and which words name it.

use std::collections::HashMap;
use std::sync::LazyLock;

use mi_core::wire::integrations::{IntegrationCategory, IntegrationType};
use serde::Deserialize;

use super::manifests;
use crate::gateway::kinds::Kind;

/// How far a word may lie from one of ours to be taken for a slip.
const SLIP_EDITS_MAX: usize = 2;

/// One integration, as its file describes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub id: String,
    pub name: String,
    pub description: String,
    pub category: IntegrationCategory,
    #[serde(rename = "type")]
    pub kind: IntegrationType,
    #[serde(default)]
    pub aliases: Vec<String>,
    pub capabilities: Vec<String>,
    #[serde(default)]
    pub channels: Vec<String>,
    pub hosts: Vec<String>,
    pub docs: String,
    /// For models: the provider whose key the gateway uses.
    pub provider: Option<String>,
    /// What a reader of its status should know.
    pub note: Option<String>,
    #[serde(default)]
    pub secrets: Vec<Secret>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    pub key: String,
    pub label: String,
    #[serde(rename = "type", default = "secret")]
    pub kind: String,
    #[serde(default = "yes")]
    pub required: bool,
    pub hint: String,
    /// Variables in which agents find it.
    pub env: Vec<String>,
}

fn secret() -> String {
    "secret".to_owned()
}

fn yes() -> bool {
    true
}

impl Manifest {
    pub fn is_llm(&self) -> bool {
        self.category == IntegrationCategory::Llm
    }

    /// Whose models it gives, if it does.
    pub fn kind_of_provider(&self) -> Option<Kind> {
        self.provider.as_deref().and_then(Kind::parse)
    }

    pub fn env_vars(&self) -> Vec<String> {
        self.secrets.iter().flat_map(|secret| secret.env.iter().cloned()).collect()
    }

    pub fn required(&self) -> impl Iterator<Item = &Secret> {
        self.secrets.iter().filter(|secret| secret.required)
    }

    fn words(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.id).chain(&self.aliases)
    }
}

pub struct Catalogue {
    list: Vec<Manifest>,
    by_word: HashMap<String, usize>,
}

/// Read once, with the first question.
static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::read(&manifests::ALL));

pub fn catalogue() -> &'static Catalogue {
    &CATALOGUE
}

impl Catalogue {
    /// A manifest that can't be read is left out and told; a test sees to it that there is none.
    fn read(texts: &[(&str, &str)]) -> Self {
        let mut list: Vec<Manifest> = Vec::new();
        for (id, text) in texts {
            match toml::from_str(text) {
                Ok(manifest) => list.push(manifest),
                Err(error) => tracing::error!(id, %error, "the manifest of an integration can't be read"),
            }
        }
        let words = |(place, manifest): (usize, &Manifest)| {
            manifest.words().map(|word| (word.clone(), place)).collect::<Vec<_>>()
        };
        let by_word = list.iter().enumerate().flat_map(words).collect();
        Self { list, by_word }
    }

    pub fn all(&self) -> &[Manifest] {
        &self.list
    }

    /// By id or alias, in either case.
    pub fn find(&self, word: &str) -> Option<&Manifest> {
        self.by_word.get(&word.trim().to_ascii_lowercase()).map(|place| &self.list[*place])
    }

    /// The id that was perhaps meant.
    pub fn nearest(&self, word: &str) -> Option<&str> {
        let word = word.trim().to_ascii_lowercase();
        let close = |manifest: &&Manifest| manifest.words().map(|own| distance(own, &word)).min();
        let best = self.list.iter().min_by_key(close)?;
        close(&best).filter(|edits| *edits <= SLIP_EDITS_MAX).map(|_| best.id.as_str())
    }
}

/// The id behind a word; a word that the catalogue doesn't know stands for itself.
pub fn canonical(word: &str) -> &str {
    catalogue().find(word).map_or(word, |manifest| manifest.id.as_str())
}

/// Whether a list of integrations holds the one that a word names.
pub fn holds(list: &[String], word: &str) -> bool {
    list.iter().any(|item| canonical(item) == canonical(word))
}

/// Levenshtein's, by bytes: how many letters have to be changed, put in or taken out.
pub fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.bytes().enumerate() {
            let changed = corner + usize::from(a != b);
            corner = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(corner + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use mi_core::wire::env::{is_env_key, is_reserved_env_key};

    #[test]
    fn every_manifest_can_be_read_and_keeps_to_the_rules() {
        for (id, text) in manifests::ALL {
            let manifest: Manifest = toml::from_str(text).unwrap_or_else(|error| panic!("{id}: {error}"));
            assert_eq!(manifest.id, id);
            assert!(manifest.docs.starts_with("https://"), "{id}: {}", manifest.docs);
            assert!(!manifest.name.is_empty() && !manifest.description.is_empty(), "{id}");
            assert!(!manifest.capabilities.is_empty(), "{id} can do nothing");
            assert_eq!(
                manifest.is_llm(),
                manifest.provider.is_some(),
                "{id}: models have a provider, nothing else has"
            );
            assert_eq!(manifest.secrets.is_empty(), manifest.kind == IntegrationType::Service, "{id}");
            for host in &manifest.hosts {
                assert!(host.contains('.') && !host.contains(['/', ':', '*', ' ']), "{id}: {host}");
            }
            for secret in &manifest.secrets {
                assert!(is_env_key(&secret.key) && !secret.label.is_empty() && !secret.hint.is_empty(), "{id}");
                assert!(["secret", "text", "json"].contains(&secret.kind.as_str()), "{id}: {}", secret.kind);
                // Where a provider of models is, is the gateway's affair.
                let is_for_agents = !(manifest.is_llm() && secret.kind == "text" && !secret.required);
                assert_eq!(!secret.env.is_empty(), is_for_agents, "{id}: who sees {}?", secret.key);
                for name in &secret.env {
                    assert!(is_env_key(name) && !is_reserved_env_key(name), "{id}: {name}");
                }
            }
        }
        assert_eq!(catalogue().all().len(), manifests::ALL.len());
    }

    #[test]
    fn every_word_names_one_integration() {
        let words: Vec<&String> = catalogue().all().iter().flat_map(Manifest::words).collect();
        assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), words.len(), "{words:?}");
        assert!(words.iter().all(|word| **word == word.to_lowercase()), "{words:?}");
        assert_eq!(catalogue().by_word.len(), words.len());
    }

    #[test]
    fn words_lead_to_ids() {
        for (word, id) in [("gh", "github"), (" GitHub ", "github"), ("anthropic", "claude-code"), ("jira", "jira")] {
            assert_eq!(canonical(word), id);
        }
        let own = ["gh".to_owned(), "gemini".to_owned()];
        assert!(holds(&own, "github") && holds(&own, "google") && !holds(&own, "slack"));
    }

    #[test]
    fn slips_are_recognised() {
        for (word, id) in
            [("githb", Some("github")), ("lineer", Some("linear")), ("SLAK", Some("slack")), ("jira", None)]
        {
            assert_eq!(catalogue().nearest(word), id, "{word}");
        }
    }

    #[test]
    fn a_broken_manifest_hides_no_other() {
        let read = Catalogue::read(&[("bad", "id = 1"), manifests::ALL[0]]);
        assert_eq!(read.all().iter().map(|manifest| manifest.id.as_str()).collect::<Vec<_>>(), ["github"]);
    }
}
