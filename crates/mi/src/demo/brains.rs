//! What the demo's agents think with: a model whose key is there, a local model server, or two small analysers.

use std::time::Duration;

use mi_cli::World;
use mi_client::{Client, Credential, Endpoint, Method};
use mi_core::wire::agents::{CommandLine, HireAgent};

/// Where a local model server usually listens.
const LOCAL_SERVER: &str = "127.0.0.1:11434";
/// A server on this machine answers at once or isn't there.
const LOCAL_ANSWER_LIMIT: Duration = Duration::from_millis(500);

/// Keys in the order in which they are looked for, with the provider's name.
const KEYS: [(&str, &str); 4] = [
    ("ANTHROPIC_API_KEY", "anthropic"),
    ("OPENAI_API_KEY", "openai"),
    ("GEMINI_API_KEY", "google"),
    ("GOOGLE_API_KEY", "google"),
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Brains {
    Provider(&'static str),
    /// A model server on this machine, and its first model.
    Local {
        model: String,
    },
    Analysers,
}

impl Brains {
    pub async fn find(world: &World) -> Self {
        let keyed = KEYS.into_iter().find(|(variable, _)| world.variable(variable).is_some());
        if let Some((_, provider)) = keyed {
            return Brains::Provider(provider);
        }
        match local_model().await {
            Some(model) => Brains::Local { model },
            None => Brains::Analysers,
        }
    }

    pub fn sentence(&self) -> String {
        match self {
            Brains::Provider(provider) => format!("the agents use {provider}, with the key in your environment"),
            Brains::Local { model } => format!("the agents use {model} of the model server at {LOCAL_SERVER}"),
            Brains::Analysers => "no model key found: the agents are two small analysers, which really read the file \
                                  (with ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY set they are models)"
                .to_owned(),
        }
    }

    pub fn word(&self) -> &str {
        match self {
            Brains::Provider(provider) => provider,
            Brains::Local { .. } => "local",
            Brains::Analysers => "analysers",
        }
    }

    /// What the server is told beside its environment.
    pub fn variables(&self) -> Vec<(String, String)> {
        match self {
            Brains::Local { .. } => vec![("OPENAI_BASE_URL".to_owned(), format!("http://{LOCAL_SERVER}/v1"))],
            Brains::Provider(_) | Brains::Analysers => Vec::new(),
        }
    }

    /// How an agent is hired that looks at the file through this lens.
    pub fn hire(&self, name: &str, lens: &str) -> HireAgent {
        let hire = HireAgent { name: name.to_owned(), ..HireAgent::default() };
        match self {
            Brains::Provider(provider) => HireAgent { provider: Some((*provider).to_owned()), ..hire },
            Brains::Local { model } => {
                HireAgent { provider: Some("openai".to_owned()), model_tier: Some(model.clone()), ..hire }
            }
            Brains::Analysers => HireAgent {
                harness: Some("command".to_owned()),
                command: Some(CommandLine::Argv(["mi", "example", "code-review", lens].map(str::to_owned).to_vec())),
                ..hire
            },
        }
    }
}

async fn local_model() -> Option<String> {
    let endpoint: Endpoint = LOCAL_SERVER.parse().ok()?;
    let client = Client::new(endpoint, Credential::Nobody).with_patience(mi_client::Patience::NONE);
    let asked = async move { client.server().raw(Method::GET, "/v1/models", None).await };
    let answer = tokio::time::timeout(LOCAL_ANSWER_LIMIT, asked).await.ok()?.ok()?;
    let models: serde_json::Value = answer.json().ok()?;
    Some(models["data"][0]["id"].as_str()?.to_owned())
}
