//! Programs that agents use: where they are, which version they are, and the one command that brings them.

use std::path::PathBuf;

use mi_cli::World;
use mi_core::harnesses::{Fit, NODE, NODE_VARIABLE, PROGRAMS, Program as Harness, begins, number};
use mi_pods::{Install, Program, RunsOn, find_install, find_program, locate, resolve};

use super::finding::{Finding, Section};

const SECTION: Section = Section::Programs;
const PATH_DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin";

/// A program of the system that is good to have.
struct Wanted {
    program: &'static str,
    /// What it is for, where it isn't there.
    purpose: &'static str,
    /// The versions that we worked with, by their first numbers; empty where any will do.
    tested: &'static str,
    /// Their names at the system's installer.
    packages: &'static str,
}

const WANTED: [Wanted; 3] = [
    Wanted { program: "git", purpose: "agents can't work with repositories", tested: "2.", packages: "git" },
    Wanted { program: "bwrap", purpose: "walls are raised by our own means", tested: "0.", packages: "bubblewrap" },
    Wanted { program: "node", purpose: "the harness programs below need it", tested: "", packages: "nodejs npm" },
];

/// How the packages of a system are installed, by the program that does it.
const INSTALLERS: [(&str, &str); 6] = [
    ("apt-get", "apt-get install -y"),
    ("dnf", "dnf install -y"),
    ("pacman", "pacman -S --noconfirm"),
    ("apk", "apk add"),
    ("zypper", "zypper install -y"),
    ("brew", "brew install"),
];

pub fn look(world: &World) -> Vec<Finding> {
    let path = world.variable("PATH").unwrap_or(PATH_DEFAULT);
    let home = world.variable(mi_cli::variables::HOME);
    let is_there = |program: &str| path.split(':').any(|folder| std::path::Path::new(folder).join(program).is_file());
    let installer =
        INSTALLERS.iter().find(|(program, _)| is_there(program)).map_or("install the packages", |(_, command)| command);
    let system = WANTED.iter().map(|wanted| of_system(wanted, find_program(wanted.program, path, home), installer));
    system.chain(PROGRAMS.iter().map(|program| harness(program, world, path, home))).collect()
}

fn of_system(wanted: &Wanted, found: Option<Program>, installer: &str) -> Finding {
    let install = format!("{installer} {}", wanted.packages);
    let Some(found) = found else {
        return Finding::less(SECTION, wanted.program, format!("not found: {}", wanted.purpose), install);
    };
    let place = found.path.display();
    match found.version.as_deref().map(|said| (said, number(said))) {
        None => Finding::less(SECTION, wanted.program, format!("{place} doesn't say its version"), install),
        Some((_, Some(number))) if begins(number, wanted.tested) => {
            Finding::ok(SECTION, wanted.program, format!("{number} at {place}"))
        }
        Some((said, number)) => {
            let shown = number.unwrap_or(said);
            let detail = format!("{shown} at {place}; we worked with {}", wanted.tested);
            Finding::less(SECTION, wanted.program, detail, install)
        }
    }
}

/// A vendor's program, as pods would be given it.
fn harness(facts: &Harness, world: &World, path: &str, home: Option<&str>) -> Finding {
    let named = world.variable(facts.variable).map(PathBuf::from);
    let Some(place) = named.or_else(|| locate(facts.name, path, home)) else {
        let detail = format!("not found: only for agents with the harness {}", facts.kind);
        return Finding::less(SECTION, facts.name, detail, facts.install());
    };
    match resolve(facts.name, &place) {
        Ok(install) => {
            let node = world.variable(NODE_VARIABLE).map(PathBuf::from).or_else(|| locate(NODE, path, home));
            if install.runs_on == RunsOn::Node && node.is_none() {
                return without_node(facts, &install);
            }
            judged(facts, &find_install(&install, node.as_deref(), path, home))
        }
        Err(reason) => Finding::less(SECTION, facts.name, reason, format!("{}=/path/of/the/program", facts.variable)),
    }
}

/// In a pod it would not start.
fn without_node(facts: &Harness, install: &Install) -> Finding {
    let detail = format!("{} is a script of {NODE}, which is not found", install.program().display());
    Finding::less(SECTION, facts.name, detail, format!("install {NODE}, or {NODE_VARIABLE}=/path/of/{NODE}"))
}

fn judged(facts: &Harness, found: &Program) -> Finding {
    let place = found.path.display();
    let Some(number) = found.version.as_deref().and_then(number) else {
        return Finding::less(SECTION, facts.name, format!("{place} doesn't say its version"), facts.install());
    };
    let tested = facts.tested.join(", ");
    match facts.fit(number) {
        Fit::Tested => Finding::ok(SECTION, facts.name, format!("{number} at {place}, tested")),
        Fit::Untested => {
            let detail = format!("{number} at {place} is used, but not tested; we worked with {tested}");
            Finding::less(SECTION, facts.name, detail, format!("{}@{tested}", facts.install()))
        }
        Fit::TooOld => {
            let detail = format!("{number} at {place} is too old: {} or newer is needed", facts.oldest);
            Finding::less(SECTION, facts.name, detail, facts.install())
        }
    }
}

#[cfg(test)]
mod tests {
    use mi_core::harnesses::program_of;
    use mi_core::wire::agents::HarnessKind;

    use super::super::finding::State;
    use super::*;

    #[test]
    fn what_is_missing_comes_with_one_command() {
        let missing = of_system(&WANTED[0], None, "apt-get install -y");
        assert_eq!((missing.state, missing.fix.as_deref()), (State::Less, Some("apt-get install -y git")));
        let claude = program_of(HarnessKind::ClaudeCode).unwrap();
        let script = Install { root: "/opt/claude".into(), entry: "cli.js".into(), runs_on: RunsOn::Node };
        let finding = without_node(claude, &script);
        assert_eq!(finding.detail, "/opt/claude/cli.js is a script of node, which is not found");
        assert_eq!(finding.fix.as_deref(), Some("install node, or MI_NODE=/path/of/node"));
        for (version, state, detail) in [
            (Some("2.1.199 (Claude Code)"), State::Ok, "2.1.199 at /opt/claude, tested"),
            (
                Some("3.0.1 (Claude Code)"),
                State::Less,
                "3.0.1 at /opt/claude is used, but not tested; we worked with 2.1",
            ),
            (Some("1.0.9"), State::Less, "1.0.9 at /opt/claude is too old: 2.1 or newer is needed"),
            (None, State::Less, "/opt/claude doesn't say its version"),
        ] {
            let found = Program { path: "/opt/claude".into(), version: version.map(str::to_owned) };
            let finding = judged(claude, &found);
            assert_eq!((finding.state, finding.detail.as_str()), (state, detail));
        }
    }
}
