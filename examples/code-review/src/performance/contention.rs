//! Rules about waiting: on locks, and in loops.

use crate::locks::Guard;
use crate::rules::{Access, Hit, Program, hit, is_mutex};
use crate::syntax::Loop;
use std::collections::HashSet;

const SLOW_CALLS: [(&str, &[&str]); 6] = [
    ("log", &["Print", "Printf", "Println"]),
    ("slog", &["Debug", "Info", "Warn", "Error"]),
    ("fmt", &["Print", "Printf", "Println"]),
    ("http", &["Get", "Post", "PostForm", "Head"]),
    ("os", &["Open", "Create", "OpenFile", "ReadFile", "WriteFile", "Rename", "Remove", "RemoveAll", "ReadDir"]),
    ("net", &["Dial", "DialTimeout", "LookupHost", "LookupAddr", "LookupIP"]),
];

pub(super) fn io_under_lock(program: &Program<'_>) -> Vec<Hit> {
    let file = &program.file;
    let mut hits = Vec::new();
    for index in 0..file.tokens.len() {
        let Some((package, name)) = file.package_call(index) else { continue };
        let slow = SLOW_CALLS.iter().any(|(known, names)| *known == package && names.contains(&name))
            || (package, name) == ("time", "Sleep")
            || writes_outside(program, index, package, name);
        if slow && let Some(lock) = lock_held(program, index) {
            hits.push(hit(index, format!("{package}.{name} runs while {lock} is held.")));
        }
    }
    hits
}

/// `fmt.Fprint…` to the response or a standard stream; a buffer is no I/O.
fn writes_outside(program: &Program<'_>, index: usize, package: &str, name: &str) -> bool {
    let file = &program.file;
    let target = index + 4;
    let to_response = || {
        let mut function = file.owner[index];
        while let Some(number) = function {
            let here = &file.functions[number];
            if here
                .params
                .iter()
                .any(|param| param.name == file.text(target) && param.type_text == "http.ResponseWriter")
            {
                return file.text(target + 1) == ",";
            }
            function = here.parent;
        }
        false
    };
    let to_stream = file.reads(target, &["os", "."]) && matches!(file.text(target + 2), "Stdout" | "Stderr");
    package == "fmt" && name.starts_with("Fprint") && (to_stream || to_response())
}

/// Names the lock that is surely held at a token.
fn lock_held(program: &Program<'_>, index: usize) -> Option<String> {
    match program.locks.guard(index) {
        Guard::None | Guard::Unclear => None,
        Guard::Read | Guard::Write => Some(match program.locks.held(index).last() {
            Some(hold) => format!("`{}` (line {})", hold.path, program.file.line(hold.taken_at)),
            None => "its callers' lock".to_owned(),
        }),
    }
}

pub(super) fn scan_under_lock(program: &Program<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (function, receiver, of) in program.methods() {
        for field in program.field_uses(function, of) {
            let walks = program.file.before(field.token) == "range" && field.access == Access::Read;
            if walks
                && field.type_text.starts_with("map[")
                && program.runs_per_request(field.token)
                && let Some(lock) = lock_held(program, field.token)
            {
                let message =
                    format!("A request walks all of `{}.{}` while {lock} is held.", receiver.name, field.name);
                hits.push(hit(field.token, message));
            }
        }
    }
    hits
}

/// One plain mutex over a map by string, taken for each request. A type that is itself a shard is left alone.
pub(super) fn one_lock_for_all(program: &Program<'_>) -> Vec<Hit> {
    let file = &program.file;
    let mut seen = HashSet::new();
    let mut hits = Vec::new();
    for (function, receiver, of) in program.methods() {
        let mutexes: Vec<_> = of.fields.iter().filter(|field| is_mutex(&field.type_text)).collect();
        let [mutex] = mutexes.as_slice() else { continue };
        let by_key = of.fields.iter().any(|field| field.type_text.starts_with("map[string]"));
        let shard = of.name.to_ascii_lowercase().contains("shard");
        if mutex.type_text != "sync.Mutex" || !by_key || shard {
            continue;
        }
        let taken = function.body.clone().find(|index| {
            file.reads(*index, &[receiver.name, ".", mutex.name, ".", "Lock", "("]) && program.runs_per_request(*index)
        });
        if let Some(index) = taken
            && seen.insert(of.name)
        {
            hits.push(hit(
                index,
                format!("Every request takes the one mutex of {}, whichever key it is about.", of.name),
            ));
        }
    }
    hits
}

pub(super) fn polling_loop(program: &Program<'_>) -> Vec<Hit> {
    let file = &program.file;
    let polls = file.loops.iter().filter(|each| sleeps_only(program, each) || spins(program, each));
    polls
        .map(|each| {
            let start = each.header.start.saturating_sub(1);
            hit(start, "The loop does nothing but look again, until something has changed.".to_owned())
        })
        .collect()
}

/// `for condition { time.Sleep(…) }`, with nothing else but locks around it.
fn sleeps_only(program: &Program<'_>, each: &Loop) -> bool {
    let file = &program.file;
    let statements = file.split(each.body.clone(), ";");
    let sleeps = |start: usize| file.reads(start, &["time", ".", "Sleep", "("]);
    let condition = !each.header.is_empty() && file.split(each.header.clone(), ";").len() == 1;
    let ranges = each.header.clone().any(|index| file.text(index) == "range");
    condition
        && !ranges
        && statements.iter().any(|statement| sleeps(statement.start))
        && statements.iter().all(|statement| {
            sleeps(statement.start)
                || statement.clone().any(|index| matches!(file.text(index), "Lock" | "Unlock" | "RLock" | "RUnlock"))
        })
}

/// `for { select { …; default: } }` whose default does nothing.
fn spins(program: &Program<'_>, each: &Loop) -> bool {
    let file = &program.file;
    let select = each.body.start;
    let alone = file.reads(select, &["select", "{"]) && file.split(each.body.clone(), ";").len() == 1;
    if !alone || !each.header.is_empty() {
        return false;
    }
    let close = file.close_of(select + 1);
    let default =
        (select + 2..close).find(|index| file.text(*index) == "default" && file.outer[*index] == Some(select + 1));
    default.is_some_and(|index| matches!(file.text(index + 2), "}" | "case" | "continue"))
}
