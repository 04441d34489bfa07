//! The kinds of providers: their names, their variables, their addresses. Data.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Anthropic,
    Openai,
    Google,
}

/// Other words for a provider: harnesses and servers that speak like it.
pub const ALIASES: [(&str, Kind); 7] = [
    ("claude-code", Kind::Anthropic),
    ("openai-codex", Kind::Openai),
    ("ollama", Kind::Openai),
    ("local", Kind::Openai),
    ("gemini", Kind::Google),
    ("gemini-cli", Kind::Google),
    ("google-gemini", Kind::Google),
];

impl Kind {
    /// In the order in which a default is looked for.
    pub const ALL: [Kind; 3] = [Kind::Anthropic, Kind::Openai, Kind::Google];

    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Anthropic => "anthropic",
            Kind::Openai => "openai",
            Kind::Google => "google",
        }
    }

    pub fn parse(name: &str) -> Option<Kind> {
        let own = Kind::ALL.into_iter().find(|kind| kind.as_str() == name);
        own.or_else(|| ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, kind)| *kind))
    }

    /// The first one is the one that we name.
    pub const fn key_variables(self) -> &'static [&'static str] {
        match self {
            Kind::Anthropic => &["ANTHROPIC_API_KEY"],
            Kind::Openai => &["OPENAI_API_KEY"],
            Kind::Google => &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        }
    }

    pub const fn base_variables(self) -> &'static [&'static str] {
        match self {
            Kind::Anthropic => &["ANTHROPIC_BASE_URL"],
            Kind::Openai => &["OPENAI_BASE_URL"],
            Kind::Google => &["GEMINI_BASE_URL", "GOOGLE_GEMINI_BASE_URL"],
        }
    }

    /// OpenAI's includes the version, as in its own clients; the others' don't.
    pub const fn default_base(self) -> &'static str {
        match self {
            Kind::Anthropic => "https://api.anthropic.com",
            Kind::Openai => "https://api.openai.com/v1",
            Kind::Google => "https://generativelanguage.googleapis.com",
        }
    }

    /// The version that clients write in the address and that a base may end with as well.
    pub const fn versions(self) -> &'static [&'static str] {
        match self {
            Kind::Anthropic | Kind::Openai => &["v1"],
            Kind::Google => &["v1beta", "v1"],
        }
    }

    /// Where a model client finds this provider below the server's address.
    pub const fn base_path(self) -> &'static str {
        match self {
            Kind::Anthropic => "/llm/anthropic/v1",
            Kind::Openai => "/llm/openai/v1",
            Kind::Google => "/llm/gemini/v1beta",
        }
    }
}
