//! The fence in the SQL: every statement on what belongs to an office names the office.
//!
//! Read from the sources of all stores, so that a new statement is judged as soon as it is written.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Statements that look across offices on purpose: concept, how the statement begins, why.
const ACROSS_OFFICES: &[(&str, &str, &str)] = &[
    (
        "identity",
        "select office_id, agent_id, revoked_at, id from agent_keys",
        "an agent's key says which office it belongs to",
    ),
    (
        "agent_keys",
        "select k.office_id, k.agent_id, k.public_key, k.created_at, case when k.revoked_at is null and a.fired_at is \
         null then 0 else 1 end, k.id from agent_keys k",
        "an agent's id says which office it belongs to, as far as its signature is right",
    ),
    (
        "agent_keys",
        "select k.office_id, k.agent_id, k.public_key, k.created_at, 0, k.id from agents a",
        "agents of one name: the key that signed says which of them it is",
    ),
    (
        "agent_keys",
        "select a.office_id, a.id from agents a left join agent_keys k",
        "who has no pair yet, at the start",
    ),
    ("infra/act", "delete from nonces where expires_at < $1", "nonces whose time is over: a sweep"),
    ("identity", "select office_id from api_key_offices", "the offices that a key opens"),
    ("offices", "select id, name, owner_id, status, created_at, settings, role", "the offices of one person"),
    ("offices", "select count(*) from (select id from", "the offices of one person, counted"),
    ("offices", "select id from (select o.id, o.name", "an office of one person by its name"),
    ("invites", "select office_id, id, kind, role, for_whom from invites", "a code says which office it opens"),
    ("invites", "update invites set revoked_at = $2 where code_hash", "an expired code may be made again, anywhere"),
    (
        "invites",
        "select a.id, a.kind, a.role, a.name, a.statement",
        "what waits for an owner's word, in all their offices",
    ),
    ("invites", "select office_id, id from applications", "an applicant's token says what it applied for"),
    (
        "transfers",
        "select office_id, agent_id, origin, caller, status",
        "a transfer's id says which office it belongs to",
    ),
    ("gateway", "select distinct office_id from llm_calls", "calls that an earlier server left: at the start"),
    (
        "credits",
        "select distinct office_id from agents",
        "budgets of a day that is over: the sweep acts in each office",
    ),
    ("credits", "select distinct office_id from purses", "budgets that hold something: at the start"),
    ("credits", "select office_id from pods where (desired", "minutes that began: the sweep acts in each office"),
    ("checks", "select r.office_id, r.task_id from check_rounds r", "due checks: the sweep then acts in each office"),
    (
        "tasks",
        "select office_id, assigned_agent, count(*) from tasks where ready = 1",
        "tasks whose time has come: a sweep that wakes claimers",
    ),
    ("tasks", "select min(not_before) from tasks", "until when that sweep sleeps"),
    ("tasks", "select office_id, id from tasks where deadline_at is not null", "missed deadlines: a sweep marks them"),
    ("tasks", "select min(deadline_at) from tasks", "until when that sweep sleeps"),
    (
        "gateway",
        "select office_id, provider from provider_marks",
        "quotas that are over: the sweep acts in each office",
    ),
    ("gateway", "select min(parked_until) from provider_marks", "until when that sweep sleeps"),
    ("gateway", "update provider_marks set refusals = 0", "a server that starts may have another key"),
    ("schedules", "select s.office_id, s.id, s.next_at from schedules s", "schedules that are due: a sweep runs them"),
    ("schedules", "select min(s.next_at) from schedules s", "until when that sweep sleeps"),
    (
        "sessions",
        "select office_id, lease_expires_at, number from sessions where state = 'live'",
        "lapsed leases: the sweep then acts in each office",
    ),
    (
        "sessions",
        "select office_id, ended_at, number from sessions where ended_at < $1",
        "old sessions whose words go: the sweep then acts in each office",
    ),
    (
        "sessions",
        "select office_id, lease_expires_at, number from sessions where state = 'settled'",
        "runners elsewhere that fell silent: the sweep then acts in each office",
    ),
    (
        "sessions",
        "select distinct office_id from sessions where epoch is not null",
        "hosted sessions that a dead server left behind",
    ),
    (
        "sessions",
        "select distinct office_id from sessions where epoch is null",
        "after a restart agents elsewhere get one fresh term: the sweep then acts in each office",
    ),
    (
        "tasks",
        "select office_id, id from tasks where status = 'blocked'",
        "blocks that end: the sweep acts in each office",
    ),
    ("pods", "select p.office_id, p.agent_id, a.name", "every pod of this server: one supervisor minds them all"),
    ("webhooks", "select w.office_id, w.id, w.cursor_seq", "every active webhook: one sweep minds them all"),
    ("webhooks", "select distinct office_id, webhook_id from webhook_deliveries", "deliveries whose time has come"),
    ("webhooks", "select min(next_at) from webhook_deliveries", "when the sweep has to look again"),
    ("webhooks", "select office_id, id from webhooks", "pruning, which then acts in each office"),
    ("pods", "select distinct office_id from pods", "pods that a dead server left behind"),
    (
        "backups",
        "select p.office_id, p.agent_id from pods p join agents a",
        "what those who left leave behind: the sweep acts in each office, page by page",
    ),
    (
        "agents",
        "select a.office_id, a.id from agents a cross join pods p",
        "specialists that have rested: the sweep acts in each office, page by page",
    ),
    (
        "chat",
        "select office_id, name from agents where read_again_at",
        "pauses that end: the sweep acts in each office",
    ),
    ("chat", "select min(read_again_at) from agents", "until when that sweep sleeps"),
];

/// A string of a source file.
struct Piece {
    text: String,
    /// What stands before it on its line, for pieces of a macro.
    before: String,
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn stores(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            stores(&path, found);
        } else if path.iter().any(|part| part == "store.rs" || part == "store") {
            found.push(path);
        }
    }
}

/// Tables with an `office_id`, from the migrations.
fn owned_tables() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let mut tables = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for table in text.split("create table ").skip(1) {
            let (name, rest) = table.split_once(' ').unwrap();
            if rest.split(';').next().unwrap().contains("office_id text") {
                tables.insert(name.to_owned());
            }
        }
    }
    tables
}

/// The strings of a file, without comments; a `\` at a line's end joins as in Rust.
fn strings(source: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['"', '/', '\'']) {
        let (before, found) = rest.split_at(at);
        if found.starts_with("//") {
            rest = found.split_once('\n').map_or("", |(_, rest)| rest);
        } else if let Some(inside) = found.strip_prefix('"') {
            let end = end_of_string(inside);
            let line_start = source.len() - rest.len() + before.rfind('\n').map_or(0, |newline| newline + 1);
            let line = source[line_start..source.len() - found.len()].trim().to_owned();
            pieces.push(Piece { text: joined(&inside[..end]), before: line });
            rest = &inside[end + 1..];
        } else if let Some(after) = found.strip_prefix("'\"'") {
            rest = after;
        } else {
            rest = &found[1..];
        }
    }
    pieces
}

fn end_of_string(inside: &str) -> usize {
    let mut escaped = false;
    let end = inside.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.unwrap_or_else(|| panic!("a string without an end: {inside}"))
}

fn joined(text: &str) -> String {
    let lines: Vec<&str> = text.split("\\\n").map(str::trim_start).collect();
    lines.concat().replace("\\\"", "\"")
}

/// `from tasks t` → (`tasks`, `t`); a table without an alias is its own.
fn tables_of<'a>(words: &[&'a str], owned: &BTreeSet<String>) -> Vec<(&'a str, &'a str)> {
    const AFTER_A_TABLE: [&str; 12] =
        ["where", "on", "join", "left", "set", "order", "group", "limit", "values", "as", "union", "returning"];
    let mut tables = Vec::new();
    for pair in words.windows(2).enumerate() {
        let (at, [word, name]) = (pair.0, pair.1) else { continue };
        let name = name.trim_end_matches([',', ')']);
        if ["from", "join", "update", "into"].contains(word) && owned.contains(name) {
            let next = words.get(at + 2).copied().unwrap_or_default();
            let is_alias = !next.is_empty() && !next.starts_with('(') && !AFTER_A_TABLE.contains(&next);
            tables.push((name, if is_alias { next } else { name }));
        }
    }
    tables
}

/// What is wrong with a statement, if anything.
fn judge(piece: &Piece, owned: &BTreeSet<String>) -> Option<String> {
    let sql = piece.text.as_str();
    let words: Vec<&str> = sql.split_whitespace().collect();
    let verb = *words.first()?;
    let is_macro = piece.before.is_empty() || piece.before.ends_with("concat!(");
    match verb {
        "insert" => judge_insert(sql, &tables_of(&words, owned)),
        "select" | "update" | "delete" => {
            let tables = tables_of(&words, owned);
            // The beginning of a statement whose end is given to a macro.
            let is_begun = is_macro && sql.ends_with(' ') && !sql.contains(" where ");
            judge_reach(sql, &tables, if is_begun { Part::Beginning } else { Part::Whole })
        }
        // The end of a statement that a macro begins.
        "where" | "join" if sql.contains('$') => judge_reach(sql, &tables_of(&words, owned), Part::End),
        _ => None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    Beginning,
    End,
}

/// Whether an `or` stands at the same depth as a condition on the office, so that it opens the statement to all of them.
fn has_a_way_around(sql: &str) -> bool {
    let mut open: Vec<Condition> = vec![Condition::default()];
    let spaced = sql.replace('(', " ( ").replace(')', " ) ");
    for word in spaced.split_whitespace() {
        match word {
            "(" => open.push(Condition::default()),
            ")" => {
                if open.pop().is_some_and(|inner| inner.is_open()) {
                    return true;
                }
                if open.is_empty() {
                    open.push(Condition::default());
                }
            }
            // Another condition begins.
            "where" | "on" | "union" => {
                if open.last().is_some_and(Condition::is_open) {
                    return true;
                }
                open.pop();
                open.push(Condition::default());
            }
            _ => {
                if let Some(here) = open.last_mut() {
                    here.hear(word);
                }
            }
        }
    }
    open.iter().any(Condition::is_open)
}

/// What was heard of one condition, at one depth.
#[derive(Default)]
struct Condition {
    names_office: bool,
    has_or: bool,
}

impl Condition {
    fn hear(&mut self, word: &str) {
        self.names_office |= word.ends_with("office_id");
        self.has_or |= word == "or";
    }

    const fn is_open(&self) -> bool {
        self.names_office && self.has_or
    }
}

fn judge_insert(sql: &str, tables: &[(&str, &str)]) -> Option<String> {
    let (table, _) = tables.first()?;
    let begins = sql.starts_with(&format!("insert into {table} (office_id,"));
    let first = sql.contains("values ($1,") || sql.contains("select $1,");
    (!begins || !first).then(|| format!("an insert into {table} that doesn't begin with the office"))
}

fn judge_reach(sql: &str, tables: &[(&str, &str)], part: Part) -> Option<String> {
    let anchored = sql.contains("office_id = $1");
    if part == Part::End && !anchored {
        return Some("a condition without its office".to_owned());
    }
    if anchored && has_a_way_around(sql) {
        return Some("an `or` beside its office: what stands after it holds in every office".to_owned());
    }
    if tables.is_empty() || (part == Part::Whole && !anchored) {
        return (!tables.is_empty()).then(|| format!("{} without its office", tables[0].0));
    }
    // Every table but one is tied to another by the office, or to the parameter itself.
    let tied = |alias: &str| {
        let (left, right, own) =
            (format!("{alias}.office_id = "), format!(" = {alias}.office_id"), format!("from {alias} where office_id"));
        sql.contains(&left) || sql.contains(&right) || sql.contains(&own)
    };
    let loose: Vec<&str> = tables.iter().filter(|(_, alias)| !tied(alias)).map(|(name, _)| *name).collect();
    let allowed = usize::from(tables.len() == 1);
    (loose.len() > allowed).then(|| format!("{} joined without the office", loose.join(", ")))
}

#[test]
fn every_statement_on_what_belongs_to_an_office_names_the_office() {
    let owned = owned_tables();
    assert!(owned.len() >= 17, "{owned:?}");
    let (mut files, mut wrong, mut judged) = (Vec::new(), Vec::new(), 0);
    stores(&sources(), &mut files);
    let mut unused: BTreeSet<&str> = ACROSS_OFFICES.iter().map(|(_, begins, _)| *begins).collect();
    for file in files {
        let name = file.strip_prefix(sources()).unwrap().display().to_string();
        if name.starts_with("testing/") || name.starts_with("facts/") {
            continue;
        }
        for piece in strings(&std::fs::read_to_string(&file).unwrap()) {
            judged += 1;
            let Some(what) = judge(&piece, &owned) else { continue };
            let excuse =
                ACROSS_OFFICES.iter().find(|(at, begins, _)| name.starts_with(at) && piece.text.starts_with(begins));
            match excuse {
                Some((_, begins, _)) => {
                    unused.remove(begins);
                }
                None => wrong.push(format!("{name}: {what}:\n    {}", piece.text)),
            }
        }
    }
    println!("{judged} strings of stores judged");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(unused.is_empty(), "no statement needs these excuses any more: {unused:?}");
}

#[test]
fn the_judge_sees_what_is_missing() {
    let owned = owned_tables();
    let verdict = |sql: &str| judge(&Piece { text: sql.to_owned(), before: "let sql =".to_owned() }, &owned);
    for good in [
        "select id from tasks where office_id = $1 and id = $2",
        "insert into tasks (office_id, id) values ($1, $2)",
        "select t.id from tasks t join sessions s on s.office_id = t.office_id where t.office_id = $1",
        "select value from server_state where key = $1",
        "select id from tasks where office_id = $1 and (id = $2 or title = $3)",
        "select t.id from tasks t join sessions s on s.office_id = t.office_id and (s.number = t.session or s.number = $2) \
         where t.office_id = $1",
        "select id from tasks where office_id = $1 and (id = $2 or exists (select 1 from sessions s where s.office_id = \
         tasks.office_id and s.number = $3))",
    ] {
        assert_eq!(verdict(good), None, "{good}");
    }
    for bad in [
        "select id from tasks where id = $1",
        "update tasks set title = $2 where id = $1",
        "delete from tasks",
        "insert into tasks (id, office_id) values ($1, $2)",
        "select t.id from tasks t join sessions s on s.number = t.session where t.office_id = $1",
        "where t.id = $1",
        "select id from tasks where office_id = $1 and id = $2 or title = $3",
        "select id from tasks where title = $3 or office_id = $1",
        "select id from tasks where (office_id = $1 or id = $2) and title = $3",
        "update tasks set title = $2 where office_id = $1 and id = $3 or id = $4 returning id",
        "select t.id from tasks t join sessions s on s.office_id = t.office_id or s.number = $2 where t.office_id = $1",
        "where t.office_id = $1 and t.id = $2 or t.id = $3",
    ] {
        assert!(verdict(bad).is_some(), "{bad}");
    }
}
