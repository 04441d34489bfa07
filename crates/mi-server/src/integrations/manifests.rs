//! The manifests that come with the server, in the order in which they are shown.

macro_rules! manifests {
    ($($id:literal),* $(,)?) => {
        [$(($id, include_str!(concat!("../../../../integrations/", $id, ".toml")))),*]
    };
}

/// Each with the id that it must have.
pub const ALL: [(&str, &str); 19] = manifests![
    "github",
    "google-workspace",
    "slack",
    "whatsapp",
    "telegram",
    "discord",
    "claude-code",
    "openai-codex",
    "google",
    "openai",
    "venice",
    "openrouter",
    "elevenlabs",
    "tailscale",
    "chromium",
    "browserbase",
    "firecrawl",
    "linear",
    "cloudflare",
];
