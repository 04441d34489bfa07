//! A JSON file held against a JSON Schema.
//!
//! A schema can be written so that a small file keeps its judge busy for years, and both are an agent's work. So the judge
//! is this program again, in a sandbox with a time limit: `mi check-json FILE [--schema JSON | --schema-file FILE]`. It
//! fetches nothing: references lead into the schema itself, or nowhere.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use mi_core::checks::JsonCheck;
use mi_core::checks::judge::{CommandEnd, Judgement};
use mi_core::checks::read::remote_reference;
use mi_core::limits::FILE_CHECK_SECONDS;
use serde_json::Value;

use super::sandbox::{self, Errand};
use super::{Found, Unable};
use crate::checks::service::Job;
use crate::house::House;

const COMMAND: &str = "check-json";
const JSON_BYTES_MAX: u64 = 16 * 1024 * 1024;
const SCHEMA_BYTES_MAX: u64 = 1024 * 1024;
/// Places that break the schema, said one by one.
const ERRORS_SHOWN_MAX: usize = 20;
const ERROR_CHARS_MAX: usize = 300;
/// How the judge ends, besides 0.
const FAILED: u8 = 1;
const MISUSED: u8 = 64;

pub(super) async fn run(house: &House, job: &Job, check: &JsonCheck) -> Result<Found, Unable> {
    let mut args = vec![COMMAND.to_owned(), check.path.as_str().to_owned()];
    match (&check.schema, &check.schema_path) {
        (Some(schema), _) => args.extend(["--schema".to_owned(), schema.to_string()]),
        (None, Some(path)) => args.extend(["--schema-file".to_owned(), path.as_str().to_owned()]),
        (None, None) => {}
    }
    let errand = Errand { program: house.settings.program.clone(), args, seconds: FILE_CHECK_SECONDS };
    let back = sandbox::send(house, job, errand).await?;
    let judgement = match back.end {
        CommandEnd::Code(0) if check.schema.is_none() && check.schema_path.is_none() => {
            Judgement::Passed("is JSON".to_owned())
        }
        CommandEnd::Code(0) => Judgement::Passed("follows its schema".to_owned()),
        CommandEnd::Code(code) if code == i64::from(FAILED) => Judgement::Failed(first_line(&back.output)),
        CommandEnd::Code(code) => return Err(Unable(format!("the judge of schemas ended with exit code {code}"))),
        CommandEnd::Signal(_) => Judgement::Failed("is too large to be judged".to_owned()),
        CommandEnd::OutOfTime => Judgement::Failed(format!("could not be judged within {FILE_CHECK_SECONDS} s")),
    };
    let output = back.output.split_once('\n').map(|(_, places)| places.to_owned());
    Ok(Found { judgement: sandbox::with_walls(house, judgement), exit_code: None, output })
}

fn first_line(output: &str) -> String {
    output.lines().next().unwrap_or("it failed without a word").to_owned()
}

/// `mi check-json …`, in the sandbox. Says what is wrong, a line each, and gives the exit code.
pub fn main(args: &[String], drive: &Path, out: &mut impl Write) -> u8 {
    let said = match judge(args, drive) {
        Ok(wrong) if wrong.is_empty() => return 0,
        Ok(wrong) => wrong.join("\n"),
        Err(misuse) => return if writeln!(out, "{misuse}").is_ok() { MISUSED } else { FAILED },
    };
    // With nobody to read it, the exit code alone must tell.
    drop(writeln!(out, "{said}"));
    FAILED
}

/// What is wrong with the file, or how the judge was misused.
fn judge(args: &[String], drive: &Path) -> Result<Vec<String>, String> {
    let (file, schema) = match args {
        [file] => (file, None),
        [file, flag, schema] if flag == "--schema" => (file, Some(Ok(schema.clone()))),
        [file, flag, path] if flag == "--schema-file" => (file, Some(read(drive.join(path), path, SCHEMA_BYTES_MAX))),
        _ => return Err(format!("{COMMAND} FILE [--schema JSON | --schema-file FILE]")),
    };
    let text = match read(drive.join(file), file, JSON_BYTES_MAX) {
        Ok(text) => text,
        Err(wrong) => return Ok(vec![wrong]),
    };
    let instance: Value = match serde_json::from_str(&text) {
        Ok(value) => value,
        Err(error) => return Ok(vec![format!("is no JSON: {error}")]),
    };
    Ok(match schema {
        None => Vec::new(),
        Some(Err(wrong)) => vec![format!("its schema: {wrong}")],
        Some(Ok(schema)) => breaches(&schema, &instance),
    })
}

fn read(path: PathBuf, name: &str, bytes_max: u64) -> Result<String, String> {
    let file = File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("there is no file {name}"),
        kind => format!("{name} can't be opened: {kind}"),
    })?;
    let mut text = String::new();
    let read = file.take(bytes_max + 1).read_to_string(&mut text);
    read.map_err(|error| format!("{name} is no text: {}", error.kind()))?;
    if text.len() as u64 > bytes_max {
        return Err(format!("{name} is longer than {bytes_max} bytes, the most that is judged"));
    }
    Ok(text)
}

/// A head and the places that break the schema; empty if none does.
fn breaches(schema: &str, instance: &Value) -> Vec<String> {
    let schema: Value = match serde_json::from_str(schema) {
        Ok(schema) => schema,
        Err(error) => return vec![format!("its schema is no JSON: {error}")],
    };
    if let Some(address) = remote_reference(&schema) {
        return vec![format!("its schema refers to {address}, and only references within it are followed")];
    }
    let validator = match jsonschema::options().build(&schema) {
        Ok(validator) => validator,
        Err(error) => return vec![format!("its schema is none: {}", shortened(&error.to_string()))],
    };
    let mut errors = validator.iter_errors(instance);
    let mut lines: Vec<String> = errors.by_ref().take(ERRORS_SHOWN_MAX).map(|error| line(&error)).collect();
    let more = errors.next().is_some();
    if !lines.is_empty() {
        let count = if more { format!("more than {ERRORS_SHOWN_MAX}") } else { lines.len().to_string() };
        lines.insert(0, format!("breaks its schema in {count} places"));
    }
    lines
}

fn line(error: &jsonschema::ValidationError<'_>) -> String {
    let at = error.instance_path().to_string();
    let at = if at.is_empty() { "the whole" } else { &at };
    format!("{at}: {}", shortened(&error.to_string()))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(ERROR_CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(file: &str, words: &[&str]) -> (u8, String) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("out.json"), file).unwrap();
        std::fs::write(folder.path().join("schema.json"), r#"{"required": ["a"]}"#).unwrap();
        let mut out = Vec::new();
        let args: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let code = main(&args, folder.path(), &mut out);
        (code, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_file_follows_its_schema_or_is_told_where_it_breaks_it() {
        let schema = r#"{"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "integer"}}}"#;
        assert_eq!(said(r#"{"a": 1, "b": 2}"#, &["out.json", "--schema", schema]), (0, String::new()));
        let (code, text) = said(r#"{"a": "x"}"#, &["out.json", "--schema", schema]);
        assert_eq!(code, FAILED);
        assert!(
            text.starts_with("breaks its schema in 2 places\n") && text.contains("/a: \"x\" is not of type"),
            "{text}"
        );
        assert_eq!(said(r#"{"a": 1}"#, &["out.json", "--schema-file", "schema.json"]).0, 0);
        assert_eq!(said("{}", &["out.json", "--schema-file", "schema.json"]).0, FAILED);
        assert_eq!(said("[]", &["out.json"]), (0, String::new()));
    }

    #[test]
    fn what_cannot_be_judged_says_why_and_nothing_is_fetched() {
        for (file, words, expected) in [
            ("{", ["out.json", "--schema", "{}"], "is no JSON"),
            ("{}", ["none.json", "--schema", "{}"], "there is no file none.json"),
            ("{}", ["out.json", "--schema-file", "none.json"], "its schema: there is no file none.json"),
            ("{}", ["out.json", "--schema", "{"], "its schema is no JSON"),
            ("{}", ["out.json", "--schema", r#"{"type": "nonsense"}"#], "its schema is none"),
            ("{}", ["out.json", "--schema", r#"{"$ref": "http://127.0.0.1:1/x"}"#], "only references within it"),
            ("{}", ["out.json", "--schema", r#"{"$schema": "http://127.0.0.1:1/x"}"#], "its schema is none"),
            (
                "{}",
                ["out.json", "--schema", r#"{"$id": "http://127.0.0.1:1/", "allOf": [{"$ref": "x"}]}"#],
                "only references within it",
            ),
        ] {
            let (code, text) = said(file, &words);
            assert_eq!(code, FAILED, "{words:?}");
            assert!(text.contains(expected), "{words:?}: {text}");
        }
        assert_eq!(said("{}", &["out.json", "--nonsense", "x"]).0, MISUSED);
    }
}
