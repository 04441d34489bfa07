//! What a program said and how it ended.

use std::process::Output;

use serde_json::Value;

#[derive(Debug, Clone)]
pub struct Said {
    /// For messages: what was run.
    pub line: String,
    /// None when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    pub fn of(line: String, output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { line, code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// It must have gone well.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }

    /// It must have failed with this exit code, an `error:` and a `hint:`, and these words among what it said.
    #[track_caller]
    pub fn fails(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert!(self.stderr.contains("error:") && self.stderr.contains("hint:"), "no error with a hint: {self:#?}");
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not said: {self:#?}");
        }
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The value behind a name in a list of facts, as people see it.
    #[track_caller]
    pub fn fact(&self, name: &str) -> String {
        let mut lines = self.stdout.lines().map(|line| line.trim_matches([' ', '│', '|']));
        let found = lines.find_map(|line| line.strip_prefix(name).filter(|rest| rest.starts_with([' ', ':', '\t'])));
        let Some(value) = found else { panic!("no {name} in {self:#?}") };
        value.trim_start_matches([' ', ':', '\t', '│']).trim().to_owned()
    }
}
