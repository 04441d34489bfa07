//! What was found, held against what was asked for.

use super::{CommandCheck, FileCheck, HttpCheck};

/// Whether a check holds, and in words why not (or what was seen).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    Passed(String),
    Failed(String),
}

/// A file as it was read; what the check doesn't ask for may be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    pub size: i64,
    pub sha256: Option<String>,
    pub words: Option<i64>,
}

/// Whether its bytes have to be read, or looking at it is enough.
pub const fn must_read(check: &FileCheck) -> bool {
    check.sha256.is_some() || check.words_min.is_some() || check.words_max.is_some()
}

pub fn file(check: &FileCheck, facts: &FileFacts) -> Judgement {
    let mut wrong = Vec::new();
    wrong.extend(amount("bytes", Some(facts.size), check.size_min, check.size_max));
    wrong.extend(amount("words", facts.words, check.words_min, check.words_max));
    if let Some(wanted) = &check.sha256
        && facts.sha256.as_ref() != Some(wanted)
    {
        wrong.push(format!("has sha256 {}", facts.sha256.as_deref().unwrap_or("unknown")));
    }
    if wrong.is_empty() { Judgement::Passed(seen(facts)) } else { Judgement::Failed(wrong.join(", ")) }
}

fn seen(facts: &FileFacts) -> String {
    match facts.words {
        Some(words) => format!("has {} bytes, {words} words", facts.size),
        None => format!("has {} bytes", facts.size),
    }
}

fn amount(what: &str, found: Option<i64>, least: Option<i64>, most: Option<i64>) -> Option<String> {
    let found = found?;
    let fits = least.is_none_or(|least| found >= least) && most.is_none_or(|most| found <= most);
    (!fits).then(|| format!("has {found} {what}"))
}

/// How a command came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandEnd {
    Code(i64),
    Signal(i64),
    /// Still running at its limit, and killed with everything it had started.
    OutOfTime,
}

pub fn command(check: &CommandCheck, end: CommandEnd) -> Judgement {
    match end {
        CommandEnd::Code(code) if code == check.exit => Judgement::Passed(format!("exit code {code}")),
        CommandEnd::Code(code) => Judgement::Failed(format!("exit code {code}, not {}", check.exit)),
        CommandEnd::Signal(signal) => Judgement::Failed(format!("ended by signal {signal}")),
        CommandEnd::OutOfTime => {
            Judgement::Failed(format!("still running after {} s, and killed", check.timeout_seconds))
        }
    }
}

pub fn http(check: &HttpCheck, status: i64) -> Judgement {
    if status == check.status {
        return Judgement::Passed(format!("answered {status}"));
    }
    Judgement::Failed(format!("answered {status}, not {}", check.status))
}

/// Words, counted over pieces of a text as they come.
#[derive(Debug, Default)]
pub struct WordCount {
    words: i64,
    inside: bool,
}

impl WordCount {
    pub fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let inside = !byte.is_ascii_whitespace();
            self.words += i64::from(inside && !self.inside);
            self.inside = inside;
        }
    }

    pub const fn words(&self) -> i64 {
        self.words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{Check, short};

    fn file_check(text: &str) -> FileCheck {
        match short::parse(text).unwrap() {
            Check::File(check) => check,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn files_are_measured_by_all_that_was_asked() {
        let facts = FileFacts { size: 60, sha256: Some("ab".repeat(32)), words: Some(12) };
        let digest = "ab".repeat(32);
        for (asked, expected) in [
            ("file: a".to_owned(), Judgement::Passed("has 60 bytes, 12 words".to_owned())),
            (
                "file: a words>=12 words<=12 size>=60 size<=60".to_owned(),
                Judgement::Passed("has 60 bytes, 12 words".to_owned()),
            ),
            (format!("file: a sha256={digest}"), Judgement::Passed("has 60 bytes, 12 words".to_owned())),
            ("file: a words>=100".to_owned(), Judgement::Failed("has 12 words".to_owned())),
            ("file: a words<=11 size<=59".to_owned(), Judgement::Failed("has 60 bytes, has 12 words".to_owned())),
            (format!("file: a sha256={}", "cd".repeat(32)), Judgement::Failed(format!("has sha256 {digest}"))),
        ] {
            assert_eq!(file(&file_check(&asked), &facts), expected, "{asked}");
        }
        assert!(!must_read(&file_check("file: a size>=1")) && must_read(&file_check("file: a words>=1")));
    }

    #[test]
    fn commands_and_answers_are_held_against_one_number() {
        let check = CommandCheck { command: "true".to_owned(), exit: 2, timeout_seconds: 5 };
        assert_eq!(command(&check, CommandEnd::Code(2)), Judgement::Passed("exit code 2".to_owned()));
        assert_eq!(command(&check, CommandEnd::Code(0)), Judgement::Failed("exit code 0, not 2".to_owned()));
        assert_eq!(command(&check, CommandEnd::Signal(9)), Judgement::Failed("ended by signal 9".to_owned()));
        let late = Judgement::Failed("still running after 5 s, and killed".to_owned());
        assert_eq!(command(&check, CommandEnd::OutOfTime), late);
        let Check::Http(asked) = short::parse("http: https://example.com 204").unwrap() else { panic!("no http") };
        assert_eq!(http(&asked, 204), Judgement::Passed("answered 204".to_owned()));
        assert_eq!(http(&asked, 200), Judgement::Failed("answered 200, not 204".to_owned()));
    }

    #[test]
    fn words_are_counted_across_pieces() {
        let mut count = WordCount::default();
        for piece in ["  one tw", "o", "\nthree ", " fo", "ur"] {
            count.take(piece.as_bytes());
        }
        assert_eq!(count.words(), 4);
    }
}
