//! Which model a tier means at which provider. Data, to be edited as models come and go.

use super::kinds::Kind;

/// A tier's words and its model at each provider.
struct Tier {
    words: &'static [&'static str],
    anthropic: &'static str,
    openai: &'static str,
    google: &'static str,
}

/// The first tier is what an agent gets that asked for none.
const TIERS: [Tier; 3] = [
    Tier {
        words: &["sonnet", "medium", "standard", "default"],
        anthropic: "claude-sonnet-4-6",
        openai: "gpt-5.5",
        google: "gemini-2.5-flash",
    },
    Tier {
        words: &["opus", "large", "premium"],
        anthropic: "claude-opus-4-6",
        openai: "gpt-5.5",
        google: "gemini-2.5-pro",
    },
    Tier {
        words: &["haiku", "small", "fast"],
        anthropic: "claude-haiku-4-5",
        openai: "gpt-5-mini",
        google: "gemini-2.5-flash-lite",
    },
];

/// How the names of a provider's models begin, to find the provider of a model named alone.
const FAMILIES: [(&str, Kind); 6] = [
    ("claude", Kind::Anthropic),
    ("gpt-", Kind::Openai),
    ("o1", Kind::Openai),
    ("o3", Kind::Openai),
    ("o4", Kind::Openai),
    ("gemini", Kind::Google),
];

/// The model for a tier; a word that is no tier is taken as a model's own name.
pub fn model(kind: Kind, tier: Option<&str>) -> String {
    let Some(wanted) = tier else { return TIERS[0].at(kind).to_owned() };
    let known = TIERS.iter().find(|tier| tier.words.contains(&wanted.to_ascii_lowercase().as_str()));
    known.map_or(wanted, |tier| tier.at(kind)).to_owned()
}

/// Every model that a tier means at a provider, each once.
pub fn all(kind: Kind) -> Vec<&'static str> {
    let mut found: Vec<&'static str> = Vec::new();
    for model in TIERS.iter().map(|tier| tier.at(kind)) {
        if !found.contains(&model) {
            found.push(model);
        }
    }
    found
}

/// Whose model this is, if its name tells.
pub fn family(model: &str) -> Option<Kind> {
    FAMILIES.iter().find(|(start, _)| model.starts_with(start)).map(|(_, kind)| *kind)
}

impl Tier {
    fn at(&self, kind: Kind) -> &'static str {
        match kind {
            Kind::Anthropic => self.anthropic,
            Kind::Openai => self.openai,
            Kind::Google => self.google,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_mean_a_model_everywhere_and_other_words_mean_themselves() {
        assert_eq!(model(Kind::Anthropic, Some("sonnet")), "claude-sonnet-4-6");
        assert_eq!(model(Kind::Openai, Some("Haiku")), "gpt-5-mini");
        assert_eq!(model(Kind::Google, Some("opus")), "gemini-2.5-pro");
        assert_eq!(model(Kind::Openai, None), "gpt-5.5");
        assert_eq!(model(Kind::Openai, Some("qwen3:8b")), "qwen3:8b");
    }

    #[test]
    fn a_models_name_tells_its_provider() {
        assert_eq!(family("claude-opus-4-6"), Some(Kind::Anthropic));
        assert_eq!(family("gpt-5.5"), Some(Kind::Openai));
        assert_eq!(family("gemini-2.5-flash"), Some(Kind::Google));
        assert_eq!(family("sonnet"), None);
    }
}
