//! Where a program of this machine is really installed, so that a pod can be given it and nothing around it.
//!
//! Programs of agents live in homes: below an npm prefix, in `~/.local`, in a node that nvm brought. What stands on the
//! search path is a link, a script or a launcher; what runs is elsewhere. That place alone is shown in pods, read-only.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Below a home, beside the search path: a server that a system service started has a short one.
const HOME_FOLDERS: [&str; 6] =
    [".local/bin", ".npm-global/bin", ".npm/bin", ".bun/bin", ".claude/local/node_modules/.bin", "node_modules/.bin"];
/// Each folder in it is a node with its own programs.
const NVM_FOLDER: &str = ".nvm/versions/node";
/// In pods everything below is where it is outside.
pub(crate) const SHOWN_ANYWAY: &str = "/usr";
const SCRIPT_ENDINGS: [&str; 3] = ["js", "mjs", "cjs"];
const ELF_MAGIC: [u8; 4] = *b"\x7fELF";
const ANYBODY_MAY_RUN_IT: u32 = 0o111;
/// How deep a package's program lies in it.
const PACKAGE_DEPTH_MAX: usize = 5;
/// A package of one program has few folders; one with more isn't searched to its end.
const FOLDERS_LOOKED_AT_MAX: usize = 200;

/// What has to be there for a program to run, and which file of it is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Install {
    /// A folder, or the program itself.
    pub root: PathBuf,
    /// Below the root; empty where that is the program.
    pub entry: PathBuf,
    pub runs_on: RunsOn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunsOn {
    Itself,
    Node,
}

impl Install {
    #[must_use]
    pub fn program(&self) -> PathBuf {
        below(&self.root, &self.entry)
    }

    /// Whether pods see it without being shown it.
    #[must_use]
    pub fn is_everywhere(&self) -> bool {
        self.root.starts_with(SHOWN_ANYWAY)
    }
}

/// A path below another; an empty one adds nothing, not even a slash.
pub(crate) fn below(root: &Path, entry: &Path) -> PathBuf {
    if entry.as_os_str().is_empty() { root.to_owned() } else { root.join(entry) }
}

/// The first program of this name on the search path, or else where programs of a home usually are.
#[must_use]
pub fn locate(name: &str, search_path: &str, home: Option<&str>) -> Option<PathBuf> {
    let named = search_path.split(':').filter(|folder| folder.starts_with('/')).map(PathBuf::from);
    let home = home.map(Path::new).filter(|home| home.is_absolute());
    let usual = home.into_iter().flat_map(|home| HOME_FOLDERS.iter().map(move |folder| home.join(folder)));
    let nodes = home.map(|home| nodes_of(&home.join(NVM_FOLDER))).unwrap_or_default();
    named.chain(usual).chain(nodes).map(|folder| folder.join(name)).find(|path| is_program(path))
}

/// The newest first, as far as their names tell.
fn nodes_of(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let version = |path: &Path| -> Vec<u64> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.trim_start_matches('v').split('.').map_while(|part| part.parse().ok()).collect()
    };
    let mut found: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    found.sort_by_key(|path| std::cmp::Reverse(version(path)));
    found.into_iter().map(|path| path.join("bin")).collect()
}

/// From the name on a search path to what really runs. The error is a sentence that begins with the path.
pub fn resolve(name: &str, place: &Path) -> Result<Install, String> {
    let shown = place.display();
    let unread = |error: io::Error| format!("{shown} can't be read: {error}");
    let real = place.canonicalize().map_err(unread)?;
    if let Some(package) = package_of(&real) {
        if let Some(install) = native_in(name, &package) {
            return Ok(install);
        }
        let entry = real.strip_prefix(&package).map(Path::to_path_buf).map_err(|error| format!("{shown}: {error}"))?;
        if is_elf(&real).map_err(unread)? {
            return Ok(Install { root: package, entry, runs_on: RunsOn::Itself });
        }
        if is_node_script(&real).map_err(unread)? {
            return Ok(Install { root: package, entry, runs_on: RunsOn::Node });
        }
    }
    if is_elf(&real).map_err(unread)? {
        return Ok(Install { root: real, entry: PathBuf::new(), runs_on: RunsOn::Itself });
    }
    Err(format!("{shown} is a launcher that leads elsewhere, so a pod can't be given what it starts"))
}

/// The folder of the npm package that a file belongs to: `…/node_modules/NAME` or `…/node_modules/@SCOPE/NAME`.
fn package_of(file: &Path) -> Option<PathBuf> {
    let modules = file.ancestors().find(|folder| folder.file_name().is_some_and(|name| name == "node_modules"))?;
    let mut parts = file.strip_prefix(modules).ok()?.components();
    let first = parts.next()?.as_os_str();
    let package = modules.join(first);
    if first.to_str()?.starts_with('@') { Some(package.join(parts.next()?)) } else { Some(package) }
}

/// Launchers of npm start a program that a package beside them holds for this kind of machine: `NAME-linux-x64`.
fn native_in(name: &str, package: &Path) -> Option<Install> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let own = package.file_name()?.to_str()?;
    let scope = package.parent()?.file_name()?.to_str()?;
    let beside = package.parent()?.to_owned();
    let inside = package.join("node_modules").join(scope);
    let folders = [beside, inside];
    let names = ["", "-musl"].map(|libc| format!("{own}-linux-{arch}{libc}"));
    let found = folders.iter().flat_map(|folder| names.iter().map(move |name| folder.join(name)));
    found.into_iter().find_map(|root| {
        let program = find_elf(&root, name)?;
        let entry = program.strip_prefix(&root).ok()?.to_owned();
        Some(Install { root, entry, runs_on: RunsOn::Itself })
    })
}

/// An executable of this name in a folder, nearest first.
fn find_elf(root: &Path, name: &str) -> Option<PathBuf> {
    let mut level = vec![root.to_owned()];
    let mut looked_at = 0;
    for _ in 0..PACKAGE_DEPTH_MAX {
        let mut next = Vec::new();
        for folder in level {
            looked_at += 1;
            if looked_at > FOLDERS_LOOKED_AT_MAX {
                return None;
            }
            let program = folder.join(name);
            if is_program(&program) && is_elf(&program).unwrap_or(false) {
                return Some(program);
            }
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            let entries = entries.filter_map(Result::ok);
            next.extend(
                entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()),
            );
        }
        level = next;
    }
    None
}

pub(crate) fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & ANYBODY_MAY_RUN_IT != 0)
}

fn is_elf(path: &Path) -> io::Result<bool> {
    Ok(head(path)?.starts_with(&ELF_MAGIC))
}

fn is_node_script(path: &Path) -> io::Result<bool> {
    let has_ending = path.extension().and_then(|ending| ending.to_str()).is_some_and(|e| SCRIPT_ENDINGS.contains(&e));
    let head = head(path)?;
    let first = String::from_utf8_lossy(head.split(|byte| *byte == b'\n').next().unwrap_or_default()).into_owned();
    let mut words = first.strip_prefix("#!").unwrap_or_default().split_whitespace();
    // `#!/usr/bin/env node`, `#!/usr/bin/env -S node --flag`, `#!/opt/node/bin/node`.
    Ok(has_ending || words.any(|word| Path::new(word).file_name().is_some_and(|name| name == "node")))
}

fn head(path: &Path) -> io::Result<Vec<u8>> {
    const HEAD_BYTES: u64 = 128;
    let mut head = Vec::new();
    File::open(path)?.take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn write(path: &Path, bytes: &[u8]) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn arch() -> &'static str {
        if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" }
    }

    #[test]
    fn a_launcher_of_npm_leads_to_the_program_of_this_machine() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        let modules = home.join("lib/node_modules");
        write(&modules.join("@a/tool/bin/tool.js"), b"#!/usr/bin/env node\n");
        fs::create_dir(home.join("bin")).unwrap();
        symlink("../lib/node_modules/@a/tool/bin/tool.js", home.join("bin/tool")).unwrap();
        let place = home.join("bin/tool");
        let script = Install { root: modules.join("@a/tool"), entry: "bin/tool.js".into(), runs_on: RunsOn::Node };
        assert_eq!(resolve("tool", &place), Ok(script));
        // Without an ending, what its first line says counts.
        for line in ["#!/usr/bin/env node", "#!/usr/bin/env -S node --no-warnings", "#!/opt/node/bin/node"] {
            write(&modules.join("plain/bin/plain"), format!("{line}\nrequire('x')\n").as_bytes());
            let plain = Install { root: modules.join("plain"), entry: "bin/plain".into(), runs_on: RunsOn::Node };
            assert_eq!(resolve("plain", &modules.join("plain/bin/plain")), Ok(plain), "{line}");
        }
        let native = modules.join(format!("@a/tool/node_modules/@a/tool-linux-{}", arch()));
        write(&native.join("vendor/x/bin/tool"), b"\x7fELF..");
        let install = resolve("tool", &place).unwrap();
        assert_eq!(
            (install.root.as_path(), install.entry.as_path()),
            (native.as_path(), Path::new("vendor/x/bin/tool"))
        );
        assert_eq!(install.runs_on, RunsOn::Itself);
        assert_eq!(install.program(), native.join("vendor/x/bin/tool"));
    }

    #[test]
    fn a_single_file_is_its_own_root_and_a_shell_launcher_is_none() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        write(&home.join("share/tool/versions/2.1.9"), b"\x7fELF..");
        fs::create_dir_all(home.join(".local/bin")).unwrap();
        symlink(home.join("share/tool/versions/2.1.9"), home.join(".local/bin/tool")).unwrap();
        let place = locate("tool", "/nowhere", home.to_str()).unwrap();
        assert_eq!(place, home.join(".local/bin/tool"));
        let install = resolve("tool", &place).unwrap();
        assert_eq!(install.program(), home.join("share/tool/versions/2.1.9"));
        assert!(!install.is_everywhere());
        write(&home.join("tool"), b"#!/bin/sh\nexec elsewhere\n");
        assert!(resolve("tool", &home.join("tool")).unwrap_err().contains("is a launcher that leads elsewhere"));
    }

    #[test]
    fn the_search_path_comes_first_then_the_newest_node() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        write(&home.join(".nvm/versions/node/v9.1.0/bin/tool"), b"\x7fELF");
        write(&home.join(".nvm/versions/node/v20.2.0/bin/tool"), b"\x7fELF");
        let found = locate("tool", "", home.to_str()).unwrap();
        assert_eq!(found, home.join(".nvm/versions/node/v20.2.0/bin/tool"));
        write(&home.join("first/tool"), b"\x7fELF");
        let path = format!("relative:{}", home.join("first").display());
        assert_eq!(locate("tool", &path, home.to_str()).unwrap(), home.join("first/tool"));
        assert_eq!(locate("other", &path, home.to_str()), None);
    }
}
