//! Programs that agents use: where they are, which version they are, and the one command that brings them.

use mi_cli::World;
use mi_pods::{Program, find_program};

use super::finding::{Finding, Section};

const SECTION: Section = Section::Programs;
const PATH_DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin";

/// A program that is good to have.
struct Wanted {
    program: &'static str,
    /// What it is for, where it isn't there.
    purpose: &'static str,
    /// The versions that we worked with, by their first numbers; empty where any will do.
    tested: &'static str,
    from: From,
}

enum From {
    Npm(&'static str),
    /// The system's packages: their names there.
    System(&'static str),
}

const WANTED: [Wanted; 6] = [
    Wanted { program: "git", purpose: "agents can't work with repositories", tested: "2.", from: From::System("git") },
    Wanted {
        program: "bwrap",
        purpose: "walls are raised by our own means",
        tested: "0.",
        from: From::System("bubblewrap"),
    },
    Wanted {
        program: "node",
        purpose: "the harness programs below need it",
        tested: "",
        from: From::System("nodejs npm"),
    },
    Wanted {
        program: "claude",
        purpose: "only for agents with the harness claude-code",
        tested: "2.1",
        from: From::Npm("@anthropic-ai/claude-code"),
    },
    Wanted {
        program: "codex",
        purpose: "only for agents with the harness openai-codex",
        tested: "0.169",
        from: From::Npm("@openai/codex"),
    },
    Wanted {
        program: "gemini",
        purpose: "only for agents with the harness gemini-cli",
        tested: "0.61",
        from: From::Npm("@google/gemini-cli"),
    },
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
    WANTED.iter().map(|wanted| finding(wanted, find_program(wanted.program, path, home), installer)).collect()
}

fn finding(wanted: &Wanted, found: Option<Program>, installer: &str) -> Finding {
    let install = match wanted.from {
        From::Npm(package) => format!("npm install -g {package}"),
        From::System(packages) => format!("{installer} {packages}"),
    };
    let Some(found) = found else {
        return Finding::less(SECTION, wanted.program, format!("not found: {}", wanted.purpose), install);
    };
    let place = found.path.display();
    match found.version.as_deref().map(|said| (said, number(said))) {
        None => Finding::less(SECTION, wanted.program, format!("{place} doesn't say its version"), install),
        Some((_, Some(number))) if is_tested(number, wanted.tested) => {
            Finding::ok(SECTION, wanted.program, format!("{number} at {place}"))
        }
        Some((said, number)) => {
            let shown = number.unwrap_or(said);
            let detail = format!("{shown} at {place}; we worked with {}", wanted.tested);
            Finding::less(SECTION, wanted.program, detail, install)
        }
    }
}

/// The first word that looks like a version: `git version 2.50.1`, `v22.1.0`, `2.1.199 (Claude Code)`.
fn number(said: &str) -> Option<&str> {
    let words = said.split_whitespace().map(|word| word.trim_start_matches('v'));
    let is_version = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    words.into_iter().find(is_version)
}

/// By whole numbers: 2.1 stands for 2.1 and 2.1.9, not for 2.10.
fn is_tested(number: &str, tested: &str) -> bool {
    let Some(rest) = number.strip_prefix(tested) else { return false };
    tested.is_empty() || tested.ends_with('.') || rest.is_empty() || rest.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::*;

    #[test]
    fn versions_are_read_and_judged() {
        for (said, read) in [
            ("git version 2.50.1", Some("2.50.1")),
            ("v22.1.0", Some("22.1.0")),
            ("2.1.199 (Claude Code)", Some("2.1.199")),
            ("codex-cli 0.169.0", Some("0.169.0")),
            ("nothing to say", None),
        ] {
            assert_eq!(number(said), read, "{said}");
        }
        for (number, tested, good) in [
            ("2.1.9", "2.1", true),
            ("2.1", "2.1", true),
            ("2.10.1", "2.1", false),
            ("2.50", "2.", true),
            ("9.9", "", true),
        ] {
            assert_eq!(is_tested(number, tested), good, "{number} {tested}");
        }
    }

    #[test]
    fn what_is_missing_comes_with_one_command() {
        let wanted = &WANTED[3];
        let missing = finding(wanted, None, "apt-get install -y");
        assert_eq!(
            (missing.state, missing.fix.as_deref()),
            (State::Less, Some("npm install -g @anthropic-ai/claude-code"))
        );
        let other = Program { path: "/opt/claude".into(), version: Some("3.0.1 (Claude Code)".into()) };
        assert_eq!(finding(wanted, Some(other), "").detail, "3.0.1 at /opt/claude; we worked with 2.1");
    }
}
