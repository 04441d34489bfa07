//! Signatures of other programs: each signs many requests with one key, and all of them must be accepted.
//!
//! Node's own signatures are OpenSSL's, which draw a random nonce and leave `s` in either half; noble's are RFC 6979 in
//! the lower half; Python has a library of its own and one that is OpenSSL's. What isn't installed is said, and no fault.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mi_core::signing::keys::{PrivateKey, PublicKey};
use mi_core::signing::payload::{Request, sha256_hex};
use mi_core::signing::signature::Signature;

/// A key of tests alone.
const KEY: &str = "0707070707070707070707070707070707070707070707070707070707070707";
const JAVASCRIPT: &str = include_str!("sign.mjs");
const PYTHON: &str = include_str!("sign.py");

#[derive(Debug, Clone)]
pub struct Plan {
    /// Of each program.
    pub signatures: usize,
    pub node: PathBuf,
    /// A folder with `node_modules/@noble/curves`.
    pub modules: PathBuf,
    pub python: PathBuf,
}

/// Who signs, and how.
#[derive(Debug, Clone, Copy)]
pub struct Signer {
    pub language: Language,
    pub library: &'static str,
    pub form: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    JavaScript,
    Python,
}

const SIGNERS: [Signer; 7] = [
    Signer { language: Language::JavaScript, library: "node", form: "der" },
    Signer { language: Language::JavaScript, library: "node", form: "compact" },
    Signer { language: Language::JavaScript, library: "noble", form: "der" },
    Signer { language: Language::JavaScript, library: "noble", form: "compact" },
    Signer { language: Language::Python, library: "ecdsa", form: "der" },
    Signer { language: Language::Python, library: "ecdsa", form: "compact" },
    Signer { language: Language::Python, library: "cryptography", form: "der" },
];

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let language = match self.language {
            Language::JavaScript => "JavaScript",
            Language::Python => "Python",
        };
        write!(f, "{language}, {}, {}", self.library, self.form)
    }
}

/// What became of one signer's signatures.
#[derive(Debug)]
pub enum Outcome {
    NotInstalled(String),
    Judged { accepted: usize, wrong: Vec<String>, each: Duration },
}

pub fn prove(plan: &Plan) -> Result<Vec<(Signer, Outcome)>> {
    let key: PrivateKey = KEY.parse()?;
    let messages: Vec<String> = (0..plan.signatures).map(message).collect();
    SIGNERS.into_iter().map(|signer| Ok((signer, judge(plan, signer, &key.public(), &messages)?))).collect()
}

/// Some request, of version 2.
fn message(n: usize) -> String {
    let (timestamp, target) = ((1_767_225_600 + n).to_string(), format!("/api/v1/offices/office/tasks?offset={n}"));
    let body = format!(r#"{{"title":"request {n}"}}"#);
    let request = Request { timestamp: &timestamp, method: "POST", target: &target };
    request.v2(&sha256_hex(body.as_bytes()), &format!("{n:032x}"))
}

fn judge(plan: &Plan, signer: Signer, key: &PublicKey, messages: &[String]) -> Result<Outcome> {
    let signatures = match signed(plan, signer, messages)? {
        Ok(signatures) => signatures,
        Err(why) => return Ok(Outcome::NotInstalled(why)),
    };
    if signatures.len() != messages.len() {
        bail!("{signer} made {} signatures of {} messages", signatures.len(), messages.len());
    }
    let (mut accepted, mut wrong, began) = (0, Vec::new(), Instant::now());
    for (message, text) in messages.iter().zip(&signatures) {
        match Signature::parse(text) {
            Ok(signature) if key.verifies(message.as_bytes(), &signature) => accepted += 1,
            Ok(_) => wrong.push(format!("{signer}: {text} is refused")),
            Err(bad) => wrong.push(format!("{signer}: {text}: {bad}")),
        }
    }
    let each = began.elapsed() / u32::try_from(messages.len().max(1)).context("too many messages")?;
    for (message, text) in messages.iter().zip(signatures.iter().skip(1)) {
        if Signature::parse(text).is_ok_and(|signature| key.verifies(message.as_bytes(), &signature)) {
            wrong.push(format!("{signer}: {text} is accepted for another message"));
        }
    }
    Ok(Outcome::Judged { accepted, wrong, each })
}

/// A signature for each message, or why this program makes none here.
fn signed(plan: &Plan, signer: Signer, messages: &[String]) -> Result<Result<Vec<String>, String>> {
    let mut command = program(plan, signer.language);
    command.env("KEY", KEY).env("LIBRARY", signer.library).env("FORM", signer.form);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let mut input = child.stdin.take().context("no way in")?;
    let lines: String = messages.iter().map(|message| format!("{}\n", serde_json::json!(message))).collect();
    // The program reads while it writes, so that neither waits for the other; one that ended at once reads nothing.
    let feeding = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output()?;
    let fed = feeding.join().map_err(|_| anyhow::anyhow!("the messages' thread broke"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let missing = ["ModuleNotFoundError", "ERR_MODULE_NOT_FOUND"].iter().any(|word| said.contains(word));
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned();
        if missing { return Ok(Err("the library is not installed".to_owned())) } else { bail!("{signer}: {last}") }
    }
    fed?;
    Ok(Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect()))
}

fn program(plan: &Plan, language: Language) -> Command {
    let (program, arguments, folder): (&Path, &[&str], &Path) = match language {
        Language::JavaScript => (&plan.node, &["--input-type=module", "--eval", JAVASCRIPT], &plan.modules),
        Language::Python => (&plan.python, &["-c", PYTHON], Path::new(".")),
    };
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder);
    command
}
