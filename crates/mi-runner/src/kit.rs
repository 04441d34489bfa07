//! What an agent finds in its workspace, whichever program it is: `AGENTS.md`, and skills where each program looks.
//!
//! Only in pods. On somebody's own machine the workspace may be their work, and nothing is written into it unasked.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use mi_core::roles::{guide, placed, skills_of};
use mi_core::wire::runner::SessionContext;

use crate::config::Drive;

const GUIDE: &str = "AGENTS.md";
/// Pages that programs read in place of `AGENTS.md`, with the line that leads there.
const LEADING_THERE: [(&str, &str); 2] = [("CLAUDE.md", "@AGENTS.md\n"), ("GEMINI.md", "@AGENTS.md\n")];
const SKILLS: &str = "skills";
/// Where programs look for skills; each is a link to `skills`, unless the agent keeps a folder of its own there. Codex finds
/// them in `.agents`; a folder `.codex` would be settings of the project for it, of which it warns in every session.
const SKILLS_OF_PROGRAMS: [&str; 3] = [".agents", ".claude", ".gemini"];
/// A page that an agent let grow beyond this is its own.
const PAGE_BYTES_MAX: u64 = 1024 * 1024;

/// What could not be written, and why.
#[derive(Debug, thiserror::Error)]
#[error("{} could not be written for the agent: {why}", path.display())]
pub(crate) struct Unwritten {
    path: PathBuf,
    why: io::Error,
}

/// Whether there is a kit where sessions run here.
pub(crate) fn is_laid_out(drive: &Drive) -> bool {
    match drive {
        Drive::Standard | Drive::At(_) => true,
        Drive::ApiOnly => false,
    }
}

/// Writes what has changed since the last session.
pub(crate) fn lay_out(workspace: &Path, context: &SessionContext) -> Result<(), Unwritten> {
    let text = guide(&context.agent, &context.office, &context.colleagues);
    let page = workspace.join(GUIDE);
    let old = read(&page).map_err(of(&page))?;
    write(&page, &placed(&text, old.as_deref()))?;
    for (name, line) in LEADING_THERE {
        let page = workspace.join(name);
        if !exists(&page) {
            write(&page, line)?;
        }
    }
    let skills = workspace.join(SKILLS);
    for skill in skills_of(&context.agent) {
        let folder = skills.join(&skill.name);
        fs::create_dir_all(&folder).map_err(of(&folder))?;
        write(&folder.join("SKILL.md"), &skill.text)?;
    }
    SKILLS_OF_PROGRAMS.iter().try_for_each(|program| lead(&workspace.join(program)))
}

fn lead(folder: &Path) -> Result<(), Unwritten> {
    let link = folder.join(SKILLS);
    if exists(&link) {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(of(folder))?;
    symlink(Path::new("..").join(SKILLS), &link).map_err(of(&link))
}

fn write(path: &Path, text: &str) -> Result<(), Unwritten> {
    if read(path).map_err(of(path))?.as_deref() == Some(text) {
        return Ok(());
    }
    fs::write(path, text).map_err(of(path))
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::metadata(path) {
        // A pipe would keep its reader waiting for ever.
        Ok(about) if !about.is_file() => Err(io::Error::other("what is there is no file")),
        Ok(about) if about.len() > PAGE_BYTES_MAX => Err(io::Error::other("what is there is too large")),
        Ok(_) => Ok(Some(String::from_utf8_lossy(&fs::read(path)?).into_owned())),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// A link that leads nowhere is there too.
fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn of(path: &Path) -> impl FnOnce(io::Error) -> Unwritten {
    let path = path.to_path_buf();
    move |why| Unwritten { path, why }
}
