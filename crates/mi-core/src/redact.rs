//! Keeps secrets out of logs: what an agent was given in its environment doesn't come back in what it prints.

use std::borrow::Cow;

/// Shorter values are no secrets, and replacing them would make logs unreadable: `1`, `true`, `debug`.
pub const SECRET_CHARS_MIN: usize = 6;

/// Knows values, and the names under which they may be shown.
#[derive(Default)]
pub struct Redactor {
    /// Longest first, so that a value inside another leaves nothing of that one.
    known: Vec<(String, String)>,
}

impl Redactor {
    /// Values of several lines are known line by line, because logs are.
    pub fn new<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut known: Vec<(String, String)> = Vec::new();
        for (name, value) in variables {
            let lines = value.lines().map(str::trim).filter(|line| line.chars().count() >= SECRET_CHARS_MIN);
            known.extend(lines.map(|line| (line.to_owned(), format!("[{name}]"))));
        }
        known.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
        Self { known }
    }

    /// The text with `[NAME]` in place of each value.
    pub fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for (value, shown) in &self.known {
            if text.contains(value.as_str()) {
                text = Cow::Owned(text.replace(value.as_str(), shown));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(variables: &[(&str, &str)], text: &str, expect: &str) {
        assert_eq!(Redactor::new(variables.iter().copied()).clean(text), expect);
    }

    #[test]
    fn values_are_shown_by_their_names() {
        check(&[("TOKEN", "s3cret-value")], "token=s3cret-value, s3cret-value", "token=[TOKEN], [TOKEN]");
        check(&[("A", "abcdef"), ("B", "xabcdefx")], "xabcdefx abcdef", "[B] [A]");
        check(&[("KEY", "-----BEGIN-----\nMIIEabc\n--\n")], "  MIIEabc", "  [KEY]");
        check(&[("KEY", "gehéim")], "der gehéime", "der [KEY]e");
    }

    #[test]
    fn short_values_and_other_texts_stay() {
        check(&[("DEBUG", "1"), ("MODE", "fast")], "1 fast run", "1 fast run");
        check(&[], "anything", "anything");
        check(&[("EMPTY", "")], "anything", "anything");
    }
}
