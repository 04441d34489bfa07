//! Which crate may know which, read from the manifests, and how many guests the program has.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::repo::File;

use super::Finding;

/// Packages in `cargo tree -e normal` of `mi`.
const PACKAGES_MAX: usize = 350;

/// What each shipped crate may depend on, among the crates of this workspace.
const ARROWS: &[(&str, &[&str])] = &[
    ("mi-core", &[]),
    ("mi-client", &["mi-core"]),
    ("mi-pods", &[]),
    ("mi-runner", &["mi-core", "mi-client"]),
    ("mi-server", &["mi-core", "mi-pods"]),
    ("mi-cli", &["mi-core", "mi-client"]),
    ("mi", &["mi-core", "mi-client", "mi-pods", "mi-server", "mi-runner", "mi-cli", "code-review"]),
    ("code-review", &[]),
];

pub fn check(files: &[File]) -> Vec<Finding> {
    let manifests: Vec<Manifest<'_>> = files.iter().filter_map(Manifest::read).collect();
    let mut findings: Vec<Finding> = files.iter().filter_map(wants_sabotage).collect();
    let ours: BTreeSet<&str> = manifests.iter().map(|manifest| manifest.name.as_str()).collect();
    for manifest in &manifests {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == manifest.name) else { continue };
        for dependency in manifest.dependencies.iter().filter(|name| ours.contains(name.as_str())) {
            if !allowed.contains(&dependency.as_str()) {
                let what = format!("{} must not depend on {dependency}", manifest.name);
                findings.push(Finding::whole(manifest.path, what));
            }
        }
    }
    findings
}

/// Deliberate bugs are asked for on a command line, never by a manifest: so no shipped build can have them.
fn wants_sabotage(file: &File) -> Option<Finding> {
    let is_manifest = file.path.rsplit('/').next() == Some("Cargo.toml");
    let wants = |line: &str| line.contains("\"sabotage\"") || line.contains("mi-server/sabotage");
    let number = file.text.lines().position(wants).filter(|_| is_manifest)?;
    Some(Finding::at(&file.path, number + 1, "a manifest asks for deliberate bugs: they are for a command line only"))
}

/// A package's name and its normal dependencies, those of single platforms included.
struct Manifest<'a> {
    path: &'a str,
    name: String,
    dependencies: Vec<String>,
}

impl<'a> Manifest<'a> {
    /// None for a file that isn't the manifest of a package; cargo itself refuses a broken one.
    fn read(file: &'a File) -> Option<Self> {
        if file.path.rsplit('/').next() != Some("Cargo.toml") {
            return None;
        }
        let table: toml::Table = file.text.parse().ok()?;
        let name = table.get("package")?.get("name")?.as_str()?.to_owned();
        let mut dependencies = names_in(table.get("dependencies"));
        for platform in table.get("target").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::values) {
            dependencies.extend(names_in(platform.get("dependencies")));
        }
        Some(Self { path: &file.path, name, dependencies })
    }
}

fn names_in(dependencies: Option<&toml::Value>) -> Vec<String> {
    let table = dependencies.and_then(toml::Value::as_table);
    table.map(|table| table.keys().cloned().collect()).unwrap_or_default()
}

/// Counts the packages that go into `mi`.
pub fn check_tree(root: &Path) -> Result<Vec<Finding>> {
    let arguments = ["tree", "--package", "mi", "--edges", "normal", "--prefix", "none", "--format", "{p}"];
    let output = Command::new("cargo").args(arguments).current_dir(root).output().context("can't run cargo tree")?;
    if !output.status.success() {
        bail!("cargo tree failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let count = count_packages(&String::from_utf8_lossy(&output.stdout));
    let what = format!("{count} packages go into mi; {PACKAGES_MAX} is the most");
    Ok(if count > PACKAGES_MAX { vec![Finding::whole("Cargo.toml", what)] } else { Vec::new() })
}

/// Distinct name and version pairs; cargo marks repeated ones with `(*)` and macros with `(proc-macro)`.
pub(super) fn count_packages(tree: &str) -> usize {
    let packages = tree.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words.next()?))
    });
    packages.collect::<BTreeSet<_>>().len()
}
