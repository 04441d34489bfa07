//! The loop breaker: a model that does the same thing again and again only spends tokens.
//!
//! Pure: it is told of each tool call once it is answered, and says when it is enough. Whatever is done in between, a step
//! towards an end or not, begins the count anew.

use mi_core::ids::excerpt;

/// The same call with the same answer, in a row.
const SAME_ANSWER_MAX: usize = 5;
/// The same call in a row, whatever was answered: somebody waits by asking, at a price for each question.
const SAME_CALL_MAX: usize = 20;
/// The same call with the same failure, in a row.
const SAME_FAILURE_MAX: usize = 2;

/// How a tool call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    Well,
    Badly,
}

#[derive(Debug, Default)]
pub(crate) struct Loops {
    last: Option<Seen>,
}

#[derive(Debug)]
struct Seen {
    name: String,
    arguments: String,
    answer: String,
    done: Done,
    /// How often this call came in a row, and how often with this answer.
    calls: usize,
    answers: usize,
}

impl Loops {
    /// Why the session must end, when this call was one too many. The reason shows the beginnings of what it is told, so
    /// that is told without secrets.
    pub(crate) fn see(&mut self, name: &str, arguments: String, answer: String, done: Done) -> Option<String> {
        let before = self.last.take().filter(|seen| seen.name == name && seen.arguments == arguments);
        let (calls, answers) = match &before {
            Some(seen) if seen.answer == answer && seen.done == done => (seen.calls + 1, seen.answers + 1),
            Some(seen) => (seen.calls + 1, 1),
            None => (1, 1),
        };
        let now = Seen { name: name.to_owned(), arguments, answer, done, calls, answers };
        let reason = now.reason();
        self.last = Some(now);
        reason
    }
}

impl Seen {
    fn reason(&self) -> Option<String> {
        let call = || format!("{} {}", self.name, excerpt(&self.arguments));
        if self.done == Done::Badly && self.answers >= SAME_FAILURE_MAX {
            let answer = excerpt(self.answer.trim());
            return Some(format!(
                "the same call failed in the same way {} times in a row: {}: {answer}",
                self.answers,
                call()
            ));
        }
        let times = if self.answers >= SAME_ANSWER_MAX { self.answers } else { self.calls };
        let is_enough = self.answers >= SAME_ANSWER_MAX || self.calls >= SAME_CALL_MAX;
        is_enough.then(|| format!("the same call came {times} times in a row: {}", call()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// At which call the loop is seen; each is its command, its answer and how it went.
    fn caught(calls: impl IntoIterator<Item = (&'static str, String, Done)>) -> Option<usize> {
        let mut loops = Loops::default();
        let mut calls = calls.into_iter().enumerate();
        calls.find_map(|(n, (command, answer, done))| {
            loops.see("shell", json!({"command": command}).to_string(), answer, done).map(|_| n + 1)
        })
    }

    fn same(
        times: usize,
        answer: fn(usize) -> String,
        done: Done,
    ) -> impl Iterator<Item = (&'static str, String, Done)> {
        (0..times).map(move |n| ("a", answer(n), done))
    }

    #[test]
    fn the_same_again_and_again_is_a_loop() {
        let still = |_| "x".to_owned();
        let counting = |n: usize| n.to_string();
        assert_eq!(caught(same(100, still, Done::Well)), Some(SAME_ANSWER_MAX));
        assert_eq!(caught(same(100, still, Done::Badly)), Some(SAME_FAILURE_MAX));
        assert_eq!(caught(same(100, counting, Done::Well)), Some(SAME_CALL_MAX));
        assert_eq!(caught(same(SAME_ANSWER_MAX - 1, still, Done::Well)), None);
    }

    #[test]
    fn something_else_in_between_is_none() {
        let step = |n: usize| if n.is_multiple_of(2) { "a" } else { "b" };
        assert_eq!(caught((0..100).map(|n| (step(n), "x".to_owned(), Done::Badly))), None);
        let another_failure = |n: usize| (n / 100).to_string() + if n.is_multiple_of(2) { "x" } else { "y" };
        assert_eq!(caught(same(SAME_CALL_MAX - 1, another_failure, Done::Badly)), None);
    }

    #[test]
    fn the_reason_names_the_call() {
        let mut loops = Loops::default();
        let mut fails = || loops.see("shell", json!({"command": "make"}).to_string(), "no rule\n".into(), Done::Badly);
        assert_eq!(fails(), None);
        let reason = fails().unwrap();
        assert_eq!(
            reason,
            r#"the same call failed in the same way 2 times in a row: shell {"command":"make"}: no rule"#
        );
    }
}
