//! Whether a call has its provider go out with a tool of its own: a search, a shell, somebody's MCP server. Pure.
//!
//! Providers add such tools faster than anybody can list them, so what is listed is what the caller runs itself.

use mi_core::wire::runner::Wire;
use serde::Deserialize;
use serde_json::Value;

/// How the `type` of a tool begins that its caller runs, or that looks at nothing but the call.
const RUN_HERE: [&str; 10] = [
    "apply_patch",
    "bash_",
    "computer",
    "custom",
    "function",
    "local_shell",
    "memory_",
    "namespace",
    "text_editor_",
    "tool_search",
];
/// OpenAI's shell runs here, unless a place is named where it runs there.
const SHELL: &str = "shell";
/// Google's tools that the caller runs.
const DECLARED: [&str; 4] = ["computerUse", "computer_use", "functionDeclarations", "function_declarations"];
/// OpenRouter's plugins that fetch nothing.
const HARMLESS_PLUGINS: [&str; 1] = ["response-healing"];
/// What in a model's name makes it search, in lower case: OpenRouter's and Venice's words behind it, and models that do nothing else.
const SEARCHING: [&str; 9] = [
    ":online",
    "enable_web_",
    "enable_x_search",
    "-search-",
    "deep-research",
    "sonar",
    "@preset",
    "groq/compound",
    "compound-beta",
];

/// What turns such a tool on.
#[derive(Deserialize)]
struct Offered {
    tools: Option<Value>,
    /// Of Responses: an item may bring further tools.
    #[serde(default)]
    input: Input,
    plugins: Option<Value>,
    preset: Option<Value>,
    mcp_servers: Option<Value>,
    web_search_options: Option<Value>,
    search_parameters: Option<Value>,
    enable_search: Option<Value>,
    venice_parameters: Option<Value>,
}

/// Only the tools of its items are kept: conversations are large.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Input {
    Items(Vec<Item>),
    #[default]
    Nothing,
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Item {
    Bringing { tools: Value },
    Other(serde::de::IgnoredAny),
}

pub fn go_out(wire: Wire, body: &[u8]) -> Result<bool, serde_json::Error> {
    let offered: Offered = serde_json::from_slice(body)?;
    let switches = [
        &offered.preset,
        &offered.mcp_servers,
        &offered.web_search_options,
        &offered.search_parameters,
        &offered.enable_search,
    ];
    let searches = |all: &Value| {
        let is_search = |name: &str| name.contains("search") || name.contains("scraping");
        all.as_object().is_some_and(|all| all.iter().any(|(name, value)| is_search(name) && is_on(value)))
    };
    let goes_out = |tools: &Value| any(tools, |tool| goes_out(wire, tool));
    let brought = match &offered.input {
        Input::Items(items) => items.as_slice(),
        Input::Nothing | Input::Other(_) => &[],
    };
    let brings = |item: &Item| matches!(item, Item::Bringing { tools } if goes_out(tools));
    Ok(switches.into_iter().flatten().any(is_on)
        || brought.iter().any(brings)
        || offered.tools.as_ref().is_some_and(goes_out)
        || offered.plugins.as_ref().is_some_and(|plugins| any(plugins, fetches))
        || offered.venice_parameters.as_ref().is_some_and(searches))
}

/// A model that searches whatever it is asked.
pub fn is_searching(model: &str) -> bool {
    let model = model.to_ascii_lowercase();
    SEARCHING.iter().any(|word| model.contains(word))
}

/// What is no list is no list of tools either; only nothing at all is harmless then.
fn any(list: &Value, is: impl Fn(&Value) -> bool) -> bool {
    match list {
        Value::Array(items) => items.iter().any(is),
        other => is_on(other),
    }
}

fn is_on(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) | Value::Number(_) => true,
        Value::String(text) => !matches!(text.as_str(), "" | "off"),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => members.get("mode").is_none_or(is_on),
    }
}

fn goes_out(wire: Wire, tool: &Value) -> bool {
    let Some(members) = tool.as_object() else { return is_on(tool) };
    if wire == Wire::Gemini {
        return members.iter().any(|(name, value)| !DECLARED.contains(&name.as_str()) && !value.is_null());
    }
    match members.get("type") {
        // Claude's tools of the caller's own need none.
        None | Some(Value::Null) => wire != Wire::Anthropic,
        Some(Value::String(kind)) if kind == "namespace" => {
            members.get("tools").is_some_and(|tools| any(tools, |tool| goes_out(wire, tool)))
        }
        Some(Value::String(kind)) if kind == SHELL => {
            members.get("environment").is_some_and(|place| place["type"] != "local" && is_on(place))
        }
        Some(Value::String(kind)) => !RUN_HERE.iter().any(|start| kind.starts_with(start)),
        Some(_) => true,
    }
}

fn fetches(plugin: &Value) -> bool {
    plugin["enabled"] != false && !plugin["id"].as_str().is_some_and(|id| HARMLESS_PLUGINS.contains(&id))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(wire: Wire, body: Value, expected: bool) {
        assert_eq!(go_out(wire, body.to_string().as_bytes()).unwrap(), expected, "{body}");
    }

    #[test]
    fn only_tools_that_the_caller_runs_stay_inside() {
        let tool = |wire: Wire, tool: Value, expected: bool| check(wire, json!({"tools": [tool]}), expected);
        let (chat, responses) = (Wire::OpenaiChat, Wire::OpenaiResponses);
        for kind in ["function", "custom", "local_shell", "apply_patch", "tool_search", "computer_use_preview"] {
            tool(responses, json!({"type": kind, "name": "web_search"}), false);
        }
        for kind in ["web_search", "mcp", "code_interpreter", "x_search", "openrouter:web_fetch", "a_new_one"] {
            tool(responses, json!({"type": kind}), true);
        }
        tool(responses, json!({"type": "shell"}), false);
        tool(responses, json!({"type": "shell", "environment": {"type": "container_auto"}}), true);
        tool(responses, json!({"type": "namespace", "name": "a", "tools": [{"type": "function"}]}), false);
        tool(responses, json!({"type": "namespace", "name": "a", "tools": [{"type": "web_search"}]}), true);
        tool(chat, json!({"type": 7}), true);
        tool(chat, json!({"googleSearch": {}}), true);
        let bringing =
            |tool: Value| json!({"input": [{"role": "user"}, {"type": "additional_tools", "tools": [tool]}]});
        check(responses, bringing(json!({"type": "web_search"})), true);
        check(responses, bringing(json!({"type": "function", "name": "a"})), false);
        check(responses, json!({"input": "hi"}), false);
        check(responses, json!({"input": null}), false);
        tool(Wire::Anthropic, json!({"name": "web_search", "input_schema": {"type": "object"}}), false);
        tool(Wire::Anthropic, json!({"type": "bash_20250124", "name": "bash"}), false);
        tool(Wire::Anthropic, json!({"type": "web_search_20250305", "name": "web_search"}), true);
        tool(Wire::Gemini, json!({"functionDeclarations": [{"name": "googleSearch"}]}), false);
        tool(Wire::Gemini, json!({"functionDeclarations": [], "google_maps": {}}), true);
        tool(Wire::Gemini, json!({"googleSearch": null}), false);
        check(chat, json!({"tools": {"type": "function"}}), true);
        check(chat, json!({"tools": null}), false);
    }

    #[test]
    fn a_switch_that_is_off_is_none() {
        let chat = |body: Value, expected: bool| check(Wire::OpenaiChat, body, expected);
        for (off, on) in [
            (json!({"web_search_options": null}), json!({"web_search_options": {}})),
            (json!({"plugins": [{"id": "response-healing"}]}), json!({"plugins": [{"id": "web"}]})),
            (json!({"plugins": []}), json!({"plugins": "web"})),
            (
                json!({"plugins": [{"id": "web", "enabled": false}]}),
                json!({"plugins": [{"id": "web", "enabled": true}]}),
            ),
            (json!({"search_parameters": {"mode": "off"}}), json!({"search_parameters": {"mode": "on"}})),
            (json!({"enable_search": false}), json!({"enable_search": true})),
            (
                json!({"venice_parameters": {"enable_web_search": "off", "character_slug": "x"}}),
                json!({"venice_parameters": {"enable_x_search": true}}),
            ),
        ] {
            chat(off, false);
            chat(on, true);
        }
        for (model, expected) in [
            ("gpt-5.5", false),
            ("openai/gpt-5:nitro", false),
            ("x:ONLINE", true),
            ("x:online:nitro", true),
            ("perplexity/sonar-pro", true),
            ("gpt-4o-search-preview", true),
            ("zai-org-glm-4.6:enable_web_search=on", true),
            ("qwen3-4b:strip_thinking_response=true&enable_web_scraping=on", true),
            ("groq/compound-mini", true),
        ] {
            assert_eq!(is_searching(model), expected, "{model}");
        }
    }
}
