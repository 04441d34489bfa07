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

/// How keys of well-known services begin, and ours.
const KEY_HEADS: [&str; 16] = [
    "sk-",
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "AIza",
    "AKIA",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "mis_",
    "mir_",
    "mit_",
];
/// Our API keys are hexadecimal, and many a name begins like them.
const HEX_KEY_HEAD: &str = "mi_";
/// What follows the head of a key; shorter is a word.
const KEY_TAIL_CHARS_MIN: usize = 20;
const KEY_SHOWN: &str = "[key]";

/// The text with `[key]` in place of whatever looks like a key of a well-known service, whoever it belongs to.
pub fn shapes(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut done = 0;
    for (start, word) in words(text) {
        if is_key(word) {
            out.push_str(&text[done..start]);
            out.push_str(KEY_SHOWN);
            done = start + word.len();
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

const fn is_of_a_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' || byte == b'.'
}

/// Runs of what keys are made of, with their places.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split(|char: char| !(char.is_ascii() && is_of_a_key(char as u8))).map(move |word| {
        let start = text[at..].find(word).map_or(at, |found| at + found);
        at = start + word.len();
        (start, word)
    })
}

/// A head, and a tail that is long enough and no identifier: some of its characters are digits.
fn is_key(word: &str) -> bool {
    let hex = word.strip_prefix(HEX_KEY_HEAD).unwrap_or_default();
    if hex.len() >= KEY_TAIL_CHARS_MIN && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return true;
    }
    KEY_HEADS.iter().any(|head| {
        let tail = word.strip_prefix(head).unwrap_or_default();
        tail.len() >= KEY_TAIL_CHARS_MIN && tail.bytes().any(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_key_is_not_shown() {
        for key in [
            "sk-ant-api03-AbC1defGhiJklMnoPqrs",
            "AIzaSyA1b2c3d4e5f6g7h8i9j0",
            "ghp_1234567890abcdefghijABCD",
            "mi_0123456789abcdef0123456789abcdef",
        ] {
            assert_eq!(shapes(key), "[key]", "{key}");
            assert_eq!(shapes(&format!("key={key}, \"{key}\" é {key}")), "key=[key], \"[key]\" é [key]");
        }
        for word in ["task-1", "sk-", "mi_core_tasks_rules_and_their_properties", "risk-12345678901234567890x", ""] {
            assert_eq!(shapes(word), word);
        }
    }

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
