//! A JSON file held against a JSON Schema.
//!
//! A schema can be written so that a small file keeps its judge busy for years, and both are an agent's work. So the judge
//! is this program again, in a sandbox with a time limit: `mi check-json FILE [--schema JSON | --schema-file FILE]`. It
//! fetches nothing: references lead into the schema itself, or nowhere. It opens files as checks of files do: regular
//! ones on the drive, never through a link. A file that breaks its schema is the agent's fault; a schema that is none is
//! the fault of whoever asked for it, and rejects nobody's work.

use std::io::{Read, Write};
use std::path::Path;

use mi_core::checks::JsonCheck;
use mi_core::checks::judge::{CommandEnd, Judgement};
use mi_core::checks::read::remote_reference;
use mi_core::drive::DrivePath;
use mi_core::limits::FILE_CHECK_SECONDS;
use serde_json::Value;

use super::sandbox::{self, Errand};
use super::{Found, Unable, storable};
use crate::checks::service::Job;
use crate::files::disk::Folder;
use crate::files::examine::{self, Unfit};
use crate::house::House;

const COMMAND: &str = "check-json";
const JSON_BYTES_MAX: u64 = 16 * 1024 * 1024;
const SCHEMA_BYTES_MAX: u64 = 1024 * 1024;
/// Places that break the schema, said one by one.
const ERRORS_SHOWN_MAX: usize = 20;
const ERROR_CHARS_MAX: usize = 300;
/// How the judge ends, besides 0.
const FAILED: u8 = 1;
/// There is nothing to hold the file against, or the drive itself can't be read.
const UNABLE: u8 = 2;
const MISUSED: u8 = 64;

/// Why the judge has no judgement, or one that isn't good.
#[derive(Debug, PartialEq, Eq)]
enum Trouble {
    /// Of the file, a line each.
    Breaches(Vec<String>),
    /// Of the schema or the drive, which whoever worked on the file can't help.
    NotTheFiles(String),
    Misuse(String),
}

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
        CommandEnd::Code(code) if code == i64::from(UNABLE) => return Err(Unable(storable(&first_line(&back.output)))),
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
    let (said, code) = match judge(args, drive) {
        Ok(()) => return 0,
        Err(Trouble::Breaches(lines)) => (lines.join("\n"), FAILED),
        Err(Trouble::NotTheFiles(why)) => (why, UNABLE),
        Err(Trouble::Misuse(misuse)) => (misuse, MISUSED),
    };
    // With nobody to read it, the exit code alone must tell.
    drop(writeln!(out, "{said}"));
    code
}

fn judge(args: &[String], drive: &Path) -> Result<(), Trouble> {
    let drive =
        Folder::open(drive).map_err(|error| Trouble::NotTheFiles(format!("the drive can't be read: {error}")))?;
    let (file, schema) = match args {
        [file] => (file, None),
        [file, flag, schema] if flag == "--schema" => (file, Some(read_schema(schema)?)),
        [file, flag, path] if flag == "--schema-file" => (file, Some(schema_on(&drive, path)?)),
        _ => return Err(Trouble::Misuse(format!("{COMMAND} FILE [--schema JSON | --schema-file FILE]"))),
    };
    let failed = |why| Trouble::Breaches(vec![why]);
    let text = read(&drive, file, JSON_BYTES_MAX)?.map_err(failed)?;
    let instance: Value = serde_json::from_str(&text).map_err(|error| failed(format!("is no JSON: {error}")))?;
    schema.map_or(Ok(()), |schema| compare(&schema, &instance))
}

fn schema_on(drive: &Folder, path: &str) -> Result<Value, Trouble> {
    let text = read(drive, path, SCHEMA_BYTES_MAX)?;
    read_schema(&text.map_err(|why| Trouble::NotTheFiles(format!("its schema {path}: {why}")))?)
}

fn read_schema(text: &str) -> Result<Value, Trouble> {
    let schema: Value =
        serde_json::from_str(text).map_err(|error| Trouble::NotTheFiles(format!("its schema is no JSON: {error}")))?;
    match remote_reference(&schema) {
        Some(address) => Err(Trouble::NotTheFiles(format!(
            "its schema refers to {}, and only references within it are followed",
            shortened(address)
        ))),
        None => Ok(schema),
    }
}

/// The text of a regular file, or what is wrong with that file. A pipe or a link that an agent planted is neither waited
/// for nor followed.
fn read(drive: &Folder, name: &str, bytes_max: u64) -> Result<Result<String, String>, Trouble> {
    let path: DrivePath = name.parse().map_err(|bad| Trouble::Misuse(format!("{name}: {bad}")))?;
    let (file, _) = match drive.open_file(&path).map_err(examine::unfit) {
        Ok(opened) => opened,
        Err(Unfit::File(why)) => return Ok(Err(why)),
        Err(Unfit::Drive(why)) => return Err(Trouble::NotTheFiles(why)),
    };
    let mut text = String::new();
    if let Err(error) = file.take(bytes_max + 1).read_to_string(&mut text) {
        return Ok(Err(format!("is no text: {}", error.kind())));
    }
    if text.len() as u64 > bytes_max {
        return Ok(Err(format!("is longer than {bytes_max} bytes, the most that is judged")));
    }
    Ok(Ok(text))
}

/// A head and the places that break the schema, if any does.
fn compare(schema: &Value, instance: &Value) -> Result<(), Trouble> {
    let validator = jsonschema::options().build(schema).map_err(|error| Trouble::NotTheFiles(no_schema(&error)))?;
    let mut errors = validator.iter_errors(instance);
    let mut lines: Vec<String> = errors.by_ref().take(ERRORS_SHOWN_MAX).map(|error| line(&error)).collect();
    if lines.is_empty() {
        return Ok(());
    }
    let count = if errors.next().is_some() { format!("more than {ERRORS_SHOWN_MAX}") } else { lines.len().to_string() };
    lines.insert(0, format!("breaks its schema in {count} places"));
    Err(Trouble::Breaches(lines))
}

/// Whether it is a schema, by the rules of its draft. Nothing of it is compiled or followed, so this is quick whatever is
/// in it; what only shows when it is used shows then.
pub fn look_at_schema(schema: &Value) -> Result<(), String> {
    jsonschema::meta::validate(schema).map_err(|error| no_schema(&error))
}

fn no_schema(error: &jsonschema::ValidationError<'_>) -> String {
    format!("its schema is none: {}", shortened(&error.to_string()))
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
        for (file, words, code, expected) in [
            ("{", ["out.json", "--schema", "{}"], FAILED, "is no JSON"),
            ("{}", ["none.json", "--schema", "{}"], FAILED, "there is no such file"),
            ("{}", ["out.json", "--schema-file", "none.json"], UNABLE, "its schema none.json: there is no such file"),
            ("{}", ["out.json", "--schema", "{"], UNABLE, "its schema is no JSON"),
            ("{}", ["out.json", "--schema", r#"{"type": "nonsense"}"#], UNABLE, "its schema is none"),
            ("{}", ["out.json", "--schema", r#"{"pattern": "("}"#], UNABLE, "its schema is none"),
            ("{}", ["out.json", "--schema", r##"{"$ref": "#/none"}"##], UNABLE, "its schema is none"),
            (
                "{}",
                ["out.json", "--schema", r#"{"$ref": "http://127.0.0.1:1/x"}"#],
                UNABLE,
                "only references within it",
            ),
            ("{}", ["out.json", "--schema", r#"{"$schema": "http://127.0.0.1:1/x"}"#], UNABLE, "its schema is none"),
            (
                "{}",
                ["out.json", "--schema", r#"{"$id": "http://127.0.0.1:1/", "allOf": [{"$ref": "x"}]}"#],
                UNABLE,
                "only references within it",
            ),
        ] {
            let (ended, text) = said(file, &words);
            assert_eq!(ended, code, "{words:?}: {text}");
            assert!(text.contains(expected), "{words:?}: {text}");
        }
        assert_eq!(said("{}", &["out.json", "--nonsense", "x"]).0, MISUSED);
    }

    #[test]
    fn a_schema_is_known_by_its_draft_and_the_costly_ones_cost_nothing_yet() {
        use serde_json::json;
        let deep = (0..100).fold(json!({}), |inner, _| json!({"allOf": [inner, {"$ref": "#"}]}));
        let costly = json!({"pattern": "((a{1000}){1000}){1000}", "allOf": vec![json!({"$ref": "#"}); 1000]});
        let draft4 =
            json!({"$schema": "http://json-schema.org/draft-04/schema#", "maximum": 3, "exclusiveMaximum": true});
        for good in [json!({}), json!(true), json!({"type": ["object", "null"]}), deep, costly, draft4] {
            assert_eq!(look_at_schema(&good), Ok(()));
        }
        for bad in [
            json!({"type": "nonsense"}),
            json!({"properties": {"a": {"minItems": "two"}}}),
            json!({"required": "a"}),
            json!({"allOf": []}),
            json!({"$schema": "http://127.0.0.1:1/x"}),
        ] {
            let why = look_at_schema(&bad).unwrap_err();
            assert!(why.starts_with("its schema is none: "), "{bad}: {why}");
        }
    }

    /// Nothing that an agent plants on the drive counts as a file, or holds the judge up.
    #[test]
    fn links_and_pipes_are_no_files() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (drive, other) = (folder.path(), elsewhere.path());
        std::fs::write(other.join("x.json"), "{}").unwrap();
        std::fs::write(drive.join("real.json"), "{}").unwrap();
        std::os::unix::fs::symlink(other.join("x.json"), drive.join("out.json")).unwrap();
        std::os::unix::fs::symlink("real.json", drive.join("near.json")).unwrap();
        std::os::unix::fs::symlink(other, drive.join("folder")).unwrap();
        nix::unistd::mkfifo(&drive.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        std::fs::create_dir(drive.join("dir")).unwrap();
        let said = |words: &[&str]| {
            let mut out = Vec::new();
            let args: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            (main(&args, drive, &mut out), String::from_utf8(out).unwrap())
        };
        assert_eq!(said(&["real.json"]).0, 0);
        for (name, expected) in [
            ("out.json", "a link on the way leads out of the drive"),
            ("near.json", "no regular file"),
            ("folder/x.json", "a link on the way leads out of the drive"),
            ("pipe", "no regular file"),
            ("dir", "no regular file"),
        ] {
            let (code, text) = said(&[name]);
            assert!(code == FAILED && text.starts_with(expected), "{name}: {code} {text}");
            let (code, text) = said(&["real.json", "--schema-file", name]);
            assert!(code == UNABLE && text.contains(expected), "{name} as a schema: {code} {text}");
        }
        assert_eq!(said(&["../x.json"]).0, MISUSED);
    }
}
