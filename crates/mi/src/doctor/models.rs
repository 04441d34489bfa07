//! Keys of model providers that a server started here would find.

use mi_cli::World;
use mi_server::infra::config;

use super::finding::{Finding, Section};

const SECTION: Section = Section::Configuration;
const NAME: &str = "models";

/// An office may have keys of its own, which only its server knows.
pub fn look(world: &World) -> Finding {
    let found = config::model_keys(|name| world.variable(name).map(str::to_owned));
    if found.is_empty() {
        let fix = "mi integrations set claude-code gives a colony a key; ANTHROPIC_API_KEY and its like, all of them";
        return Finding::less(SECTION, NAME, "no key of a model provider in the environment", fix);
    }
    Finding::ok(SECTION, NAME, format!("{} (environment)", found.join(", ")))
}
