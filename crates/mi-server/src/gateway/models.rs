//! Which model a tier means at which provider.

use super::kinds::{Kind, tiers};

/// The model for a tier; a word that is no tier is taken as a model's own name.
pub fn model(kind: Kind, tier: Option<&str>) -> String {
    let at = |name: &str| kind.facts().tiers.get(name).cloned();
    let Some(wanted) = tier else { return tiers().first().and_then(|tier| at(&tier.name)).unwrap_or_default() };
    let word = wanted.to_ascii_lowercase();
    let known = tiers().iter().find(|tier| tier.name == word || tier.words.contains(&word));
    known.and_then(|tier| at(&tier.name)).unwrap_or_else(|| wanted.to_owned())
}

/// Every model that a tier means at a provider, each once.
pub fn all(kind: Kind) -> Vec<&'static str> {
    let mut found: Vec<&'static str> = Vec::new();
    for model in tiers().iter().filter_map(|tier| kind.facts().tiers.get(&tier.name)) {
        if !found.contains(&model.as_str()) {
            found.push(model);
        }
    }
    found
}

/// Whose model this is, if its name tells.
pub fn family(model: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.facts().families.iter().any(|start| model.starts_with(start.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_mean_a_model_everywhere_and_other_words_mean_themselves() {
        assert_eq!(model(Kind::Anthropic, Some("sonnet")), "claude-sonnet-4-6");
        assert_eq!(model(Kind::Openai, Some("Haiku")), "gpt-5-mini");
        assert_eq!(model(Kind::Google, Some("opus")), "gemini-2.5-pro");
        assert_eq!(model(Kind::Openrouter, Some("fast")), "anthropic/claude-haiku-4.5");
        assert_eq!(model(Kind::Openai, None), "gpt-5.5");
        assert_eq!(model(Kind::Openai, Some("qwen3:8b")), "qwen3:8b");
        assert_eq!(all(Kind::Openai), ["gpt-5.5", "gpt-5-mini"]);
    }

    #[test]
    fn a_models_name_tells_its_provider() {
        assert_eq!(family("claude-opus-4-6"), Some(Kind::Anthropic));
        assert_eq!(family("gpt-5.5"), Some(Kind::Openai));
        assert_eq!(family("gemini-2.5-flash"), Some(Kind::Google));
        assert_eq!(family("sonnet"), None);
    }
}
