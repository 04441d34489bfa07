//! The vendors' programs, as `./ci` installs them: unmodified, at the versions of `tests/harnesses/package.json`.

use std::path::{Path, PathBuf};

use crate::server::Start;
use crate::sha256;

/// Where `./ci` put them.
const FOLDER_VARIABLE: &str = "MI_TEST_HARNESSES";
const FOLDER_NAME_LENGTH: usize = 12;
const MACHINE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };

/// A server that knows all of them, wherever they are.
#[track_caller]
pub fn with_programs(start: Start) -> Start {
    let folder = folder().join("node_modules");
    let claude = folder.join(format!("@anthropic-ai/claude-code-linux-{MACHINE}/claude"));
    let codex = folder.join("@openai/codex/bin/codex.js");
    let gemini = folder.join("@google/gemini-cli/bundle/gemini.js");
    let found = [("MI_CLAUDE_CODE", claude), ("MI_CODEX", codex), ("MI_GEMINI_CLI", gemini)];
    // Only where the machine's own is too old for them.
    let node = folder.join(format!("node-linux-{MACHINE}/bin/node"));
    let node = node.is_file().then_some(("MI_NODE", node));
    found.into_iter().chain(node).fold(start, |start, (name, path)| {
        assert!(path.is_file(), "{} is missing: {}", path.display(), how());
        start.with_env(name, path.display().to_string())
    })
}

#[track_caller]
fn folder() -> PathBuf {
    if let Some(named) = std::env::var_os(FOLDER_VARIABLE) {
        return PathBuf::from(named);
    }
    let wanted = std::fs::read(wish()).unwrap();
    let name = format!("mi-harnesses/{}", &sha256(&wanted)[..FOLDER_NAME_LENGTH]);
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let caches = [Some(PathBuf::from("/var/cache")), std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from), home];
    let found = caches.into_iter().flatten().map(|cache| cache.join(&name)).find(|folder| folder.is_dir());
    found.unwrap_or_else(|| panic!("the vendors' programs are missing: {}", how()))
}

fn wish() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("harnesses/package.json")
}

fn how() -> String {
    format!(
        "`./ci` installs them, and so does `npm install --ignore-scripts --prefix FOLDER` beside a copy of {}; \
         {FOLDER_VARIABLE} says where FOLDER is",
        wish().display()
    )
}
