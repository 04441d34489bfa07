//! The report for people: one head per section, one line per thing, its remedy below it.

use mi_cli::{Paint, Tone};

use super::finding::{Finding, Section, State};

/// A longer name pushes its own line out and no other.
const NAME_CHARS_MAX: usize = 16;

pub fn render(findings: &[Finding], paint: Paint) -> String {
    let width = findings.iter().map(|finding| finding.name.chars().count()).max().unwrap_or(0).min(NAME_CHARS_MAX);
    let mut out = String::new();
    let mut section = None;
    for finding in findings {
        if section != Some(finding.section) {
            section = Some(finding.section);
            let gap = if out.is_empty() { "" } else { "\n" };
            out.push_str(&format!("{gap}{}\n", paint.tint(Tone::Strong, head(finding.section))));
        }
        out.push_str(&line(finding, width, paint));
    }
    out.trim_end().to_owned()
}

const fn head(section: Section) -> &'static str {
    match section {
        Section::Configuration => "Configuration",
        Section::Data => "Data",
        Section::Server => "Server",
        Section::Walls => "Walls of pods",
        Section::Limits => "Limits of pods",
        Section::Machine => "Machine",
        Section::Programs => "Programs for agents",
    }
}

fn line(finding: &Finding, width: usize, paint: Paint) -> String {
    let (sign, word, tone) = match finding.state {
        State::Ok => ("✓", "ok   ", Tone::Good),
        State::Less => ("–", "less ", Tone::Waiting),
        State::Wrong => ("✗", "wrong", Tone::Bad),
    };
    let state = paint.tint(tone, &format!("{sign} {word}"));
    let first = format!("  {state}  {:width$}  {}\n", finding.name, tame(&finding.detail));
    match &finding.fix {
        None => first,
        Some(fix) => {
            format!("{first}           {:width$}  {}\n", "", paint.tint(Tone::Faint, &format!("→ {}", tame(fix))))
        }
    }
}

/// What a program or a server said of itself stays on its line and steers no terminal.
fn tame(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The last word, for people.
pub fn verdict(findings: &[Finding]) -> String {
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    match (count(State::Wrong), count(State::Less)) {
        (0, 0) => "all is well".to_owned(),
        (0, less) => format!("all that is needed is there; {} could be better", things(less)),
        (wrong, _) => format!(
            "{} to be mended",
            if wrong == 1 { "one thing is".to_owned() } else { format!("{wrong} things are") }
        ),
    }
}

fn things(count: usize) -> String {
    if count == 1 { "one thing".to_owned() } else { format!("{count} things") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_aligned_and_tame() {
        let findings = [
            Finding::ok(Section::Data, "folder", "/data"),
            Finding::less(Section::Data, "disk", "2 GiB free\u{1b}[2J", "free some"),
            Finding::wrong(Section::Server, "address", "in use\nby another", "choose another port"),
        ];
        let expected = "Data\n  ✓ ok     folder   /data\n  – less   disk     2 GiB free [2J\n                    → free some\n\n\
                        Server\n  ✗ wrong  address  in use by another\n                    → choose another port";
        assert_eq!(render(&findings, Paint::Plain), expected);
        assert_eq!(verdict(&findings), "one thing is to be mended");
        assert_eq!(verdict(&findings[..2]), "all that is needed is there; one thing could be better");
        assert_eq!(verdict(&findings[..1]), "all is well");
    }

    #[test]
    fn colours_stand_only_around_words_of_ours() {
        let text = render(&[Finding::ok(Section::Data, "folder", "/data")], Paint::Colour);
        assert_eq!(text.replace('\u{1b}', "^"), "^[1mData^[0m\n  ^[32m✓ ok   ^[0m  folder  /data");
    }
}
