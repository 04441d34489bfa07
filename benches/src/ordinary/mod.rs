//! Everyday work, done in a pod and outside: git, python, node, compilers, archives, signals, sockets. Walls that stop an
//! agent from working protect nobody; each line of the corpus must end the same way in both places.
//!
//! What a machine doesn't have is told and not judged.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::drive::Owner;
use crate::figures::report::{Figure, Unit};
use crate::http::Connection;
use crate::left;
use crate::lives;
use crate::memory;
use crate::office::Office;
use crate::server::{self, Manner, Server, Site};
use crate::verdict::Verdict;

const CORPUS: &str = include_str!("corpus.txt");
const RUN: &str = include_str!("run.sh");
const SEARCH: &str = "/usr/local/bin:/usr/bin:/bin";
/// A line that takes longer hangs.
const LINE_SECONDS_MAX: &str = "60";
const DONE_LIMIT: Duration = Duration::from_secs(600);
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// What the shell says of a program that isn't there.
const NOT_FOUND: &str = "127";
/// Numbers of this many digits are process ids, ports and moments.
const CHANCE_DIGITS: usize = 4;
/// Builds a crate without any dependency, offline, with the toolchain that lies on the drive.
const CARGO_LINE: &str = "PATH=$TOOLCHAIN/bin:$PATH; cargo new -q --vcs none c 2>&1; cd c; cargo build -q --offline 2>&1 && ./target/debug/c; cargo test -q --offline 2>&1 | grep -c ok";

#[derive(Debug, Clone)]
pub struct Plan {
    pub manner: Manner,
    /// A Rust toolchain to build a crate with, as `rustc --print sysroot` names it.
    pub toolchain: Option<PathBuf>,
}

/// How one line ended.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ended {
    code: String,
    output: String,
}

pub async fn prove(plan: &Plan) -> Result<Verdict> {
    server::during(&plan.manner, async |server, site| run(plan, server, site).await).await
}

async fn run(plan: &Plan, server: &Server, site: &Site) -> Result<Verdict> {
    let office = Office::open(server, site).await?;
    let owner = Owner::of(&plan.manner.program, server, site)?;
    let corpus = match plan.toolchain {
        Some(_) => format!("{CORPUS}{CARGO_LINE}\n"),
        None => CORPUS.to_owned(),
    };
    owner.push(office.id, "corpus.txt", &corpus)?;
    owner.push(office.id, "run.sh", RUN)?;
    if let Some(toolchain) = &plan.toolchain {
        let drive = left::find(&site.data_dir(), "run.sh", RUN).context("the drive isn't found on the host")?;
        bring(toolchain, &drive.with_file_name("toolchain"))?;
    }
    let inside = inside(server, &office).await?;
    let outside = outside(&corpus, plan.toolchain.as_deref())?;
    Ok(judge(&corpus, &inside, &outside))
}

/// What is needed to compile, and no documentation.
fn bring(toolchain: &Path, place: &Path) -> Result<()> {
    fs::create_dir_all(place)?;
    let copy = |what: &str| {
        let status = Command::new("cp").arg("-r").arg(toolchain.join(what)).arg(place.join(what)).status();
        status.context("cp can't be started").map(|status| status.success())
    };
    copy("bin")?;
    copy("lib")?;
    let opened = Command::new("chmod").args(["-R", "a+rX"]).arg(place).status()?;
    if !opened.success() {
        bail!("the toolchain can't be opened to the office");
    }
    Ok(())
}

async fn inside(server: &Server, office: &Office) -> Result<BTreeMap<usize, Ended>> {
    let line = format!(
        "export CORPUS=/shared/files/corpus.txt PLACE=/workspace/work SEARCH={SEARCH} SECONDS_MAX={LINE_SECONDS_MAX} \
         MORE=TOOLCHAIN=/shared/files/toolchain; mkdir -p $PLACE; bash /shared/files/run.sh >/shared/files/results; \
         tq update --status done --result ok"
    );
    office.hire("worker", &line).await?;
    let mut connection = Connection::open(server.address()).await?;
    let task = lives::created(&mut connection, &office.pen.create("everyday work")).await?;
    let until = Instant::now() + DONE_LIMIT;
    while memory::detail(&mut connection, &office.pen, task).await?.task.status.as_str() != "done" {
        if Instant::now() >= until {
            bail!("the work isn't done after {DONE_LIMIT:?}");
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    let request = office.pen.request("GET", "/files/results", None, "");
    let text = String::from_utf8_lossy(connection.send(&request).await?.ok()?).into_owned();
    Ok(read(&text, "/workspace/work"))
}

fn outside(corpus: &str, toolchain: Option<&Path>) -> Result<BTreeMap<usize, Ended>> {
    let folder = tempfile::Builder::new().prefix("mi-ordinary-").tempdir()?;
    let (list, place) = (folder.path().join("corpus.txt"), folder.path().join("work"));
    fs::write(&list, corpus)?;
    fs::create_dir(&place)?;
    let toolchain = toolchain.map_or_else(String::new, |path| path.display().to_string());
    let output = Command::new("bash")
        .args(["-c", RUN])
        .env("CORPUS", &list)
        .env("PLACE", &place)
        .envs([("SEARCH", SEARCH), ("SECONDS_MAX", LINE_SECONDS_MAX), ("MORE", &format!("TOOLCHAIN={toolchain}"))])
        .stdin(Stdio::null())
        .output()
        .context("bash is needed for the work")?;
    Ok(read(&String::from_utf8_lossy(&output.stdout), &place.display().to_string()))
}

/// What was said of each line, with places and chance taken out.
fn read(text: &str, place: &str) -> BTreeMap<usize, Ended> {
    let mut ended = BTreeMap::new();
    for part in text.split("\n== ").skip(1) {
        let (head, output) = part.split_once('\n').unwrap_or((part, ""));
        let Some((number, code)) = head.split_once(' ') else { continue };
        let Ok(number) = number.parse() else { continue };
        let output = without_chance(&output.replace(place, "@"));
        ended.insert(number, Ended { code: code.to_owned(), output });
    }
    ended
}

fn without_chance(text: &str) -> String {
    let mut out = String::new();
    let mut digits = String::new();
    for letter in text.chars().chain(['\0']) {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        out.push_str(if digits.len() < CHANCE_DIGITS { &digits } else { "#" });
        digits.clear();
        out.push(letter);
    }
    out.pop();
    out
}

fn judge(corpus: &str, inside: &BTreeMap<usize, Ended>, outside: &BTreeMap<usize, Ended>) -> Verdict {
    let mut verdict = Verdict::default();
    let lines: Vec<&str> = corpus.lines().filter(|line| !line.starts_with('#')).collect();
    let (mut same, mut absent) = (0, 0);
    for (place, line) in lines.iter().enumerate() {
        match (inside.get(&(place + 1)), outside.get(&(place + 1))) {
            (Some(_), Some(there)) if there.code == NOT_FOUND => absent += 1,
            (Some(here), Some(there)) if here == there => same += 1,
            (here, there) => verdict.violations.push(format!("{line}\n  in a pod: {here:?}\n  outside:  {there:?}")),
        }
    }
    let judged = lines.len() - absent;
    let report = &mut verdict.report;
    report.add(
        Figure::new("lines of everyday work that end as outside", Unit::Count, f64::from(same)).exactly(judged as f64),
    );
    report.note("lines whose program this machine doesn't have", absent as f64);
    verdict
}

#[cfg(test)]
mod tests {
    use super::{read, without_chance};

    #[test]
    fn numbers_that_differ_by_chance_are_taken_out() {
        assert_eq!(without_chance("line 1: 12345 Killed 137"), "line 1: # Killed 137");
        assert_eq!(without_chance("99999"), "#");
    }

    #[test]
    fn results_are_read_by_line() {
        let read = read("\n== 1 0\nin /w/1\n\n== 2 3\n", "/w");
        assert_eq!((read[&1].code.as_str(), read[&1].output.as_str()), ("0", "in @/1\n"));
        assert_eq!((read[&2].code.as_str(), read[&2].output.as_str()), ("3", ""));
    }
}
