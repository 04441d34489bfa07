//! Checks in one line, as people type them and lists show them.
//!
//! ```text
//! cmd: COMMAND                cmd[exit=N,timeout=SECONDS]: COMMAND
//! file: PATH [OPTION]…        OPTION: words>=N words<=N size>=N size<=N (B, KiB, MiB) sha256=HEX
//! json: PATH [SCHEMA]         SCHEMA: a JSON object, or a path on the drive
//! http: [METHOD] URL [STATUS] http[timeout=SECONDS]: …
//! ```

use std::fmt;

use serde_json::Value;

use super::{Check, CommandCheck, FileCheck, HttpCheck, JsonCheck};
use crate::drive::DrivePath;
use crate::ids::excerpt;
use crate::limits::{CHECK_SECONDS_DEFAULT, HTTP_CHECK_SECONDS_DEFAULT};

/// For help texts and refusals.
pub const FORMS: &str = "cmd: COMMAND, file: PATH [words>=N …], json: PATH [SCHEMA] or http: [METHOD] URL [STATUS]";

/// Reads the short form. What it says is judged by `read::checked`.
pub fn parse(text: &str) -> Result<Check, String> {
    let unknown = || format!("{:?} is no check; a check reads {FORMS}", excerpt(text));
    let (head, rest) = split_head(text).ok_or_else(unknown)?;
    let rest = rest.trim();
    let (word, options) = match head.split_once('[') {
        Some((word, options)) => (word, options.strip_suffix(']').ok_or_else(unknown)?),
        None => (head, ""),
    };
    match word.trim() {
        "cmd" | "command" => command(options, rest),
        "file" => file(options, rest),
        "json" | "json_schema" => json(options, rest),
        "http" => http(options, rest),
        _ => Err(unknown()),
    }
}

/// The head ends at the first colon that is outside brackets.
fn split_head(text: &str) -> Option<(&str, &str)> {
    let open = text.find('[').filter(|at| text.find(':').is_some_and(|colon| *at < colon));
    match open {
        None => text.split_once(':'),
        Some(_) => text.find("]:").map(|at| (&text[..=at], &text[at + 2..])),
    }
}

/// Each at most once: of two that contradict each other, nobody could say which was meant.
fn pairs<'a>(options: &'a str) -> Result<Vec<(&'a str, &'a str)>, String> {
    let parts = options.split(',').map(str::trim).filter(|part| !part.is_empty());
    let pair = |part: &'a str| part.split_once('=').map_or((part, ""), |(name, value)| (name.trim(), value.trim()));
    let mut pairs: Vec<(&'a str, &'a str)> = Vec::new();
    for (name, value) in parts.map(pair) {
        if pairs.iter().any(|(known, _)| *known == name) {
            return Err(twice(name));
        }
        pairs.push((name, value));
    }
    Ok(pairs)
}

fn twice(option: &str) -> String {
    format!("its option {:?} stands there twice", excerpt(option))
}

fn number(name: &str, text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("{name} is a whole number, not {:?}", excerpt(text)))
}

fn command(options: &str, rest: &str) -> Result<Check, String> {
    let mut check = CommandCheck { command: rest.to_owned(), exit: 0, timeout_seconds: CHECK_SECONDS_DEFAULT };
    for (name, value) in pairs(options)? {
        match name {
            "exit" => check.exit = number(name, value)?,
            "timeout" => check.timeout_seconds = number(name, value)?,
            other => return Err(format!("cmd has no option {:?}; it has exit and timeout", excerpt(other))),
        }
    }
    Ok(Check::Command(check))
}

/// Options stand last, so that a path may hold spaces.
fn file(options: &str, rest: &str) -> Result<Check, String> {
    if !options.is_empty() {
        return Err("file has its options after the path: file: report.md words>=100".to_owned());
    }
    let mut asked = Asked::default();
    let mut left = rest;
    loop {
        let (before, last) = left.rsplit_once(char::is_whitespace).unwrap_or(("", left));
        if before.trim().is_empty() || !asked.take(last)? {
            break;
        }
        left = before.trim_end();
    }
    Ok(Check::File(FileCheck {
        path: path(left)?,
        sha256: asked.sha256,
        size_min: asked.size_min,
        size_max: asked.size_max,
        words_min: asked.words_min,
        words_max: asked.words_max,
    }))
}

#[derive(Default)]
struct Asked {
    sha256: Option<String>,
    size_min: Option<i64>,
    size_max: Option<i64>,
    words_min: Option<i64>,
    words_max: Option<i64>,
}

impl Asked {
    /// Whether the word is an option.
    fn take(&mut self, word: &str) -> Result<bool, String> {
        if let Some(digest) = word.strip_prefix("sha256=") {
            let before = self.sha256.replace(digest.to_ascii_lowercase());
            return before.map_or(Ok(true), |_| Err(twice("sha256=")));
        }
        let places: [(&str, &mut Option<i64>, Unit); 4] = [
            ("words>=", &mut self.words_min, Unit::Words),
            ("words<=", &mut self.words_max, Unit::Words),
            ("size>=", &mut self.size_min, Unit::Bytes),
            ("size<=", &mut self.size_max, Unit::Bytes),
        ];
        for (prefix, place, unit) in places {
            if let Some(amount) = word.strip_prefix(prefix) {
                let before = place.replace(unit.amount(prefix, amount)?);
                return before.map_or(Ok(true), |_| Err(twice(prefix)));
            }
        }
        let meant = ["words", "size", "sha256"]
            .iter()
            .any(|name| word.strip_prefix(name).is_some_and(|rest| rest.starts_with(['<', '>', '='])));
        match meant {
            true => Err(format!(
                "{:?} is no option of file; it has words>=N, words<=N, size>=N, size<=N and sha256=HEX",
                excerpt(word)
            )),
            false => Ok(false),
        }
    }
}

#[derive(Clone, Copy)]
enum Unit {
    Words,
    Bytes,
}

impl Unit {
    fn amount(self, name: &str, text: &str) -> Result<i64, String> {
        const KIB: i64 = 1024;
        let (digits, factor) = match self {
            Unit::Words => (text, 1),
            Unit::Bytes => match (text.strip_suffix("MiB"), text.strip_suffix("KiB"), text.strip_suffix('B')) {
                (Some(digits), _, _) => (digits, KIB * KIB),
                (_, Some(digits), _) => (digits, KIB),
                (_, _, Some(digits)) => (digits, 1),
                (None, None, None) => (text, 1),
            },
        };
        number(name, digits)?.checked_mul(factor).ok_or_else(|| format!("{name}{} is too large", excerpt(text)))
    }
}

fn path(text: &str) -> Result<DrivePath, String> {
    DrivePath::from_typed(text.trim()).map_err(|bad| bad.to_string())
}

fn json(options: &str, rest: &str) -> Result<Check, String> {
    if !options.is_empty() {
        return Err("json has no options: json: out.json schema.json".to_owned());
    }
    let (name, schema) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let schema = schema.trim();
    let mut check = JsonCheck { path: path(name)?, schema: None, schema_path: None };
    if schema.starts_with('{') {
        let given: Value = serde_json::from_str(schema).map_err(|error| format!("its schema is no JSON: {error}"))?;
        check.schema = Some(given);
    } else if !schema.is_empty() {
        check.schema_path = Some(path(schema)?);
    }
    Ok(Check::JsonSchema(check))
}

fn http(options: &str, rest: &str) -> Result<Check, String> {
    let mut timeout_seconds = HTTP_CHECK_SECONDS_DEFAULT;
    for (name, value) in pairs(options)? {
        match name {
            "timeout" => timeout_seconds = number(name, value)?,
            other => return Err(format!("http has no option {:?}; it has timeout", excerpt(other))),
        }
    }
    let words: Vec<&str> = rest.split_whitespace().collect();
    let (method, url, status) = match words.as_slice() {
        [url] => ("GET", *url, 200),
        [first, second] if first.contains("://") => ("GET", *first, number("the status", second)?),
        [method, url] => (*method, *url, 200),
        [method, url, status] => (*method, *url, number("the status", status)?),
        _ => return Err("http reads: http: [METHOD] URL [STATUS]".to_owned()),
    };
    Ok(Check::Http(HttpCheck { method: method.to_ascii_uppercase(), url: url.to_owned(), status, timeout_seconds }))
}

impl fmt::Display for Check {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Check::Command(check) => write_command(out, check),
            Check::File(check) => write_file(out, check),
            Check::JsonSchema(check) => {
                write!(out, "json: {}", check.path.as_str())?;
                match (&check.schema, &check.schema_path) {
                    (Some(schema), _) => write!(out, " {schema}"),
                    (None, Some(path)) => write!(out, " {}", path.as_str()),
                    (None, None) => Ok(()),
                }
            }
            Check::Http(check) => {
                match check.timeout_seconds {
                    HTTP_CHECK_SECONDS_DEFAULT => out.write_str("http: ")?,
                    seconds => write!(out, "http[timeout={seconds}]: ")?,
                }
                write!(out, "{} {} {}", check.method, check.url, check.status)
            }
        }
    }
}

fn write_command(out: &mut fmt::Formatter<'_>, check: &CommandCheck) -> fmt::Result {
    let exit = (check.exit != 0).then(|| format!("exit={}", check.exit));
    let timeout =
        (check.timeout_seconds != CHECK_SECONDS_DEFAULT).then(|| format!("timeout={}", check.timeout_seconds));
    let options: Vec<String> = exit.into_iter().chain(timeout).collect();
    match options.is_empty() {
        true => write!(out, "cmd: {}", check.command),
        false => write!(out, "cmd[{}]: {}", options.join(","), check.command),
    }
}

fn write_file(out: &mut fmt::Formatter<'_>, check: &FileCheck) -> fmt::Result {
    write!(out, "file: {}", check.path.as_str())?;
    let amounts = [
        ("words>=", check.words_min),
        ("words<=", check.words_max),
        ("size>=", check.size_min),
        ("size<=", check.size_max),
    ];
    for (name, amount) in amounts {
        if let Some(amount) = amount {
            write!(out, " {name}{amount}")?;
        }
    }
    check.sha256.as_ref().map_or(Ok(()), |digest| write!(out, " sha256={digest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(text: &str) -> String {
        parse(text).unwrap().to_string()
    }

    #[test]
    fn what_is_typed_is_shown_as_it_is_meant() {
        for (typed, shown) in [
            ("cmd: cargo test", "cmd: cargo test"),
            ("command:echo a:b", "cmd: echo a:b"),
            ("cmd: test [ -f x ]: y", "cmd: test [ -f x ]: y"),
            ("cmd[exit=0, timeout=60]: true", "cmd: true"),
            ("cmd[exit=3,timeout=5]: [ -f x ]", "cmd[exit=3,timeout=5]: [ -f x ]"),
            ("file: /shared/files/a b.md words>=100", "file: a b.md words>=100"),
            ("file: a size<=2KiB words<=9 size>=1B", "file: a words<=9 size>=1 size<=2048"),
            ("file: words", "file: words"),
            ("json: out.json", "json: out.json"),
            ("json: out.json schema.json", "json: out.json schema.json"),
            (r#"json: out.json {"type": "object"}"#, r#"json: out.json {"type":"object"}"#),
            ("http: https://example.com", "http: GET https://example.com 200"),
            ("http: https://example.com 204", "http: GET https://example.com 204"),
            ("http[timeout=3]: head https://example.com", "http[timeout=3]: HEAD https://example.com 200"),
        ] {
            assert_eq!(again(typed), shown);
            assert_eq!(again(shown), shown, "the shown form reads as the same check");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_can() {
        for (typed, said) in [
            ("make it good", "a check reads cmd:"),
            ("mail: boss", "a check reads cmd:"),
            ("cmd[exit=x]: true", "exit is a whole number"),
            ("cmd[exti=1]: true", "it has exit and timeout"),
            ("cmd[exit=1: true", "a check reads cmd:"),
            ("cmd[exit=5,exit=6]: true", "\"exit\" stands there twice"),
            ("http[timeout=1,timeout=1]: https://x.org", "\"timeout\" stands there twice"),
            ("file: a words>=1 words>=2", "\"words>=\" stands there twice"),
            ("file: a sha256=ab sha256=cd", "\"sha256=\" stands there twice"),
            ("file: a words=3", "it has words>=N"),
            ("file: a words>=many", "words>= is a whole number"),
            ("file[x=1]: a", "after the path"),
            ("file: ../a", "`..`"),
            ("json: a {", "its schema is no JSON"),
            ("http: a b c d", "[METHOD] URL [STATUS]"),
            ("http: https://x.org soon", "the status is a whole number"),
        ] {
            let refused = parse(typed).unwrap_err();
            assert!(refused.contains(said), "{typed}: {refused}");
        }
    }
}
