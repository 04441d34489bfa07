//! The vendors' programs, as `./ci` installs them: unmodified, at the versions of `tests/harnesses/package.json`.
//!
//! A test that needs them fails where they are missing, and says how they come.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use mi_core::wire::agents::HarnessKind;
use sha2::{Digest, Sha256};

/// Where `./ci` put them.
const FOLDER_VARIABLE: &str = "MI_TEST_HARNESSES";
const FOLDER_NAME_LENGTH: usize = 12;
const MACHINE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };

/// The programs of one machine.
#[derive(Debug)]
pub struct VendorPrograms {
    folder: PathBuf,
}

impl VendorPrograms {
    /// An error where they are missing: it says how they come.
    pub fn find() -> anyhow::Result<Self> {
        let folder = folder().with_context(|| format!("the vendors' programs are missing: {}", how()))?;
        let found = Self { folder: folder.join("node_modules") };
        for (kind, path) in found.places() {
            ensure!(path.is_file(), "{kind}: {} is missing: {}", path.display(), how());
        }
        Ok(found)
    }

    pub fn places(&self) -> [(HarnessKind, PathBuf); 3] {
        // What its package calls the program is a stand-in that only an install script would replace.
        let claude = format!("@anthropic-ai/claude-code-linux-{MACHINE}/claude");
        [
            (HarnessKind::ClaudeCode, self.folder.join(claude)),
            (HarnessKind::OpenaiCodex, self.folder.join("@openai/codex/bin/codex.js")),
            (HarnessKind::GeminiCli, self.folder.join("@google/gemini-cli/bundle/gemini.js")),
        ]
    }

    /// Only where the machine's own is too old for them.
    pub fn node(&self) -> Option<PathBuf> {
        let path = self.folder.join(format!("node-linux-{MACHINE}/bin/node"));
        path.is_file().then_some(path)
    }
}

fn folder() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(FOLDER_VARIABLE) {
        return Some(PathBuf::from(named));
    }
    let wanted = std::fs::read(wish()).ok()?;
    let digest = hex::encode(Sha256::digest(&wanted));
    let name = format!("mi-harnesses/{}", &digest[..FOLDER_NAME_LENGTH]);
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let caches = [Some(PathBuf::from("/var/cache")), std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from), home];
    caches.into_iter().flatten().map(|cache| cache.join(&name)).find(|folder| folder.is_dir())
}

fn wish() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/harnesses/package.json")
}

fn how() -> String {
    format!(
        "`./ci` installs them, and so does `npm install --ignore-scripts --prefix FOLDER` beside a copy of {}; \
         {FOLDER_VARIABLE} says where FOLDER is",
        wish().display()
    )
}
