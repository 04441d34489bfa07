//! Which of this machine's programs a pod is given: the one that its agent works with, and the runtime that it needs.
//!
//! Looked up at each start of a pod: a program that was installed a minute ago is there after `mi restart`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use mi_core::harnesses::{NODE, NODE_VARIABLE, Program, SILENCE_VARIABLE, program_of, variables};
use mi_core::wire::agents::HarnessKind;
use mi_pods::{HarnessRoot, Install, RunsOn, locate, resolve};

const PATH_DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin";

/// Where programs are looked for.
#[derive(Debug, Clone, Default)]
pub struct Programs {
    environment: BTreeMap<String, String>,
}

impl Programs {
    pub fn from_env(environment: &BTreeMap<String, String>) -> Self {
        let known = variables().filter_map(|name| Some((name.to_owned(), environment.get(name)?.clone())));
        Self { environment: known.filter(|(_, value)| !value.is_empty()).collect() }
    }

    /// What a pod of this harness is shown. Blocks for a few looks at the disk. What isn't there isn't shown: the runner
    /// says so, and works without it.
    pub(super) fn of(&self, kind: HarnessKind) -> Vec<HarnessRoot> {
        let Some(program) = program_of(kind) else { return Vec::new() };
        match self.find(program) {
            Ok(Some(install)) => self.with_runtime(program, install),
            Ok(None) => Vec::new(),
            Err(reason) => {
                tracing::warn!(harness = %kind, variable = program.variable, "{reason}; the variable names the program itself");
                Vec::new()
            }
        }
    }

    /// For the pod's environment.
    pub(super) fn settings(&self) -> impl Iterator<Item = (String, String)> {
        self.get(SILENCE_VARIABLE).into_iter().map(|value| (SILENCE_VARIABLE.to_owned(), value.to_owned()))
    }

    fn find(&self, program: &Program) -> Result<Option<Install>, String> {
        let named = self.get(program.variable).map(PathBuf::from);
        let Some(place) = named.or_else(|| self.search(program.name)) else { return Ok(None) };
        resolve(program.name, &place).map(Some)
    }

    fn with_runtime(&self, program: &Program, install: Install) -> Vec<HarnessRoot> {
        let node = (install.runs_on == RunsOn::Node).then(|| self.node()).flatten();
        let mut out = vec![root(program.kind.as_str(), program.variable, install)];
        out.extend(node.map(|install| root(NODE, NODE_VARIABLE, install)));
        out
    }

    fn node(&self) -> Option<Install> {
        let place = self.get(NODE_VARIABLE).map(PathBuf::from).or_else(|| self.search(NODE))?;
        let found = resolve(NODE, &place);
        found.inspect_err(|reason| tracing::warn!(variable = NODE_VARIABLE, "{reason}")).ok()
    }

    fn search(&self, name: &str) -> Option<PathBuf> {
        locate(name, self.get("PATH").unwrap_or(PATH_DEFAULT), self.get("HOME"))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str)
    }
}

fn root(name: &str, variable: &str, install: Install) -> HarnessRoot {
    let Install { root, entry, .. } = install;
    HarnessRoot { name: name.to_owned(), root, entry, variable: variable.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    fn program(path: &Path, text: &[u8]) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn programs(pairs: &[(&str, &Path)]) -> Programs {
        let pairs = pairs.iter().map(|(name, path)| ((*name).to_owned(), path.display().to_string()));
        Programs::from_env(&pairs.collect())
    }

    #[test]
    fn a_pod_is_shown_its_own_harness_and_what_that_needs() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().canonicalize().unwrap();
        program(&home.join("bin/claude"), b"\x7fELF");
        program(&home.join("bin/node"), b"\x7fELF");
        program(&home.join("lib/node_modules/@google/gemini-cli/bundle/gemini.js"), b"#!/usr/bin/env node\n");
        let gemini = home.join("lib/node_modules/@google/gemini-cli/bundle/gemini.js");
        let found = programs(&[("PATH", &home.join("bin")), ("MI_GEMINI_CLI", &gemini), ("SECRET", &home)]);
        let shown = |kind| found.of(kind).into_iter().map(|root| (root.name, root.root, root.variable));
        let claude = ("claude-code".to_owned(), home.join("bin/claude"), "MI_CLAUDE_CODE".to_owned());
        assert_eq!(shown(HarnessKind::ClaudeCode).collect::<Vec<_>>(), [claude]);
        let package = home.join("lib/node_modules/@google/gemini-cli");
        let gemini = ("gemini-cli".to_owned(), package, "MI_GEMINI_CLI".to_owned());
        let node = ("node".to_owned(), home.join("bin/node"), "MI_NODE".to_owned());
        assert_eq!(shown(HarnessKind::GeminiCli).collect::<Vec<_>>(), [gemini, node]);
        for kind in [HarnessKind::Native, HarnessKind::Command, HarnessKind::OpenaiCodex] {
            assert_eq!(found.of(kind), [], "{kind}");
        }
        assert!(!format!("{found:?}").contains("SECRET"));
    }

    #[test]
    fn a_launcher_that_leads_elsewhere_is_not_shown() {
        let home = tempfile::tempdir().unwrap();
        program(&home.path().join("claude"), b"#!/bin/sh\nexec elsewhere\n");
        assert_eq!(programs(&[("PATH", home.path())]).of(HarnessKind::ClaudeCode), []);
    }
}
