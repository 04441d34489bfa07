//! Which events a webhook is told of: by category, by type, or by the beginning of a type.

use mi_core::limits::WEBHOOK_PATTERNS_MAX;

use super::faults;
use crate::infra::fault::Fault;

pub const CATEGORIES: [&str; 6] = ["task", "message", "session", "lifecycle", "office", "file"];
const EVERYTHING: &str = "*";
const PATTERN_CHARS_MAX: usize = 60;

/// The patterns as they were asked for; none means everything.
pub fn read(asked: &[String]) -> Result<Vec<String>, Fault> {
    if asked.len() > WEBHOOK_PATTERNS_MAX {
        return Err(faults::too_many_patterns(WEBHOOK_PATTERNS_MAX));
    }
    if let Some(bad) = asked.iter().find(|pattern| !is_pattern(pattern)) {
        return Err(faults::bad_pattern(bad));
    }
    let everything = asked.iter().any(|pattern| pattern == EVERYTHING);
    Ok(if everything { Vec::new() } else { asked.to_vec() })
}

fn is_pattern(text: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    match text.split_once('.') {
        _ if text.len() > PATTERN_CHARS_MAX => false,
        None => text == EVERYTHING || CATEGORIES.contains(&text),
        Some((concept, act)) => is_word(concept) && (act == EVERYTHING || is_word(act)),
    }
}

pub fn matches(patterns: &[String], category: &str, kind: &str) -> bool {
    let wanted = |pattern: &String| match pattern.strip_suffix(EVERYTHING) {
        Some(beginning) => kind.starts_with(beginning),
        None => pattern == kind || pattern == category,
    };
    patterns.is_empty() || patterns.iter().any(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_categories_types_and_beginnings() {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        for good in ["task", "tasks.update", "tasks.*", "*"] {
            assert!(read(&own(&[good])).is_ok(), "{good}");
        }
        for bad in ["", "tasks", "tasks.", ".update", "tasks.update.more", "Tasks.*", "tasks.up*", "**", "tasks .x"] {
            assert!(read(&own(&[bad])).is_err(), "{bad}");
        }
        assert_eq!(read(&own(&["task", "*"])).unwrap(), Vec::<String>::new());
        assert!(read(&vec!["task".to_owned(); 51]).is_err());

        let cases = [
            (own(&[]), true),
            (own(&["task"]), true),
            (own(&["tasks.claim"]), true),
            (own(&["tasks.*"]), true),
            (own(&["message", "tasks.*"]), true),
            (own(&["message"]), false),
            (own(&["tasks.create"]), false),
            (own(&["sessions.*"]), false),
        ];
        for (patterns, expected) in cases {
            assert_eq!(matches(&patterns, "task", "tasks.claim"), expected, "{patterns:?}");
        }
    }
}
