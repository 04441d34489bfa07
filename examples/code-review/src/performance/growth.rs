//! Rules about memory that isn't given back.

use crate::lexer::Kind;
use crate::rules::{Access, Hit, Program, access, hit, is_comparison, is_mutex};
use std::collections::HashSet;

/// Methods that fill a map by the program's own plan, not by its load.
const FILLING_NAMES: [&str; 9] = ["Register", "Add", "With", "Set", "Load", "New", "Handle", "Init", "Configure"];

/// A map of a shared object that only ever grows: nothing in the file deletes from it, replaces it, or looks at its length.
pub(super) fn unbounded_map(program: &Program<'_>) -> Vec<Hit> {
    let file = &program.file;
    let shrunk = shrunk_names(program);
    let mut seen: HashSet<(&str, &str)> = HashSet::new();
    let mut hits = Vec::new();
    for (function, receiver, of) in program.methods() {
        if is_filling(function.name) {
            continue;
        }
        for field in program.field_uses(function, of) {
            let grows = field.access == Access::Entry
                && field.type_text.starts_with("map[")
                && file.text(field.token + 3) == "["
                && file.kind(field.token + 4) != Some(Kind::Text);
            let shared = of.fields.iter().any(|field| is_mutex(&field.type_text));
            let shared = shared || program.runs_per_request(field.token);
            if grows && shared && !shrunk.contains(field.name) && seen.insert((of.name, field.name)) {
                let message = format!(
                    "`{}.{}` gets new keys here, and nothing in the file takes one out.",
                    receiver.name, field.name
                );
                hits.push(hit(field.token, message));
            }
        }
    }
    let globals: HashSet<&str> = file.global_maps.iter().copied().collect();
    for index in 0..file.tokens.len() {
        let name = file.text(index);
        let grows = globals.contains(name)
            && file.before(index) != "."
            && file.text(index + 1) == "["
            && access(file, index, index + 1) == Access::Entry
            && program.runs_per_request(index);
        if grows && !shrunk.contains(name) && seen.insert(("", name)) {
            hits.push(hit(
                index,
                format!("The package's map `{name}` gets new keys per request, and nothing takes one out."),
            ));
        }
    }
    hits
}

fn is_filling(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    FILLING_NAMES.iter().any(|filling| lower.starts_with(&filling.to_ascii_lowercase()))
}

/// Names `x` in `delete(….x, …)`, `clear(….x)`, `….x = …` and `len(….x) > …`.
fn shrunk_names<'a>(program: &Program<'a>) -> HashSet<&'a str> {
    let file = &program.file;
    let mut names = HashSet::new();
    for index in 0..file.tokens.len() {
        if !file.is_word(index) {
            continue;
        }
        let start = file.chain_start(index);
        let called = if file.before(start) == "(" && start >= 2 { file.before(start - 1) } else { "" };
        let measured = called == "len" && {
            let close = file.close_of(start - 1);
            is_comparison(file.text(close + 1)) || (start >= 3 && is_comparison(file.before(start - 2)))
        };
        let replaced = file.text(index + 1) == "=" && file.before(index) == ".";
        if matches!(called, "delete" | "clear") || measured || replaced {
            names.insert(file.text(index));
        }
    }
    names
}

pub(super) fn body_read_unbounded(program: &Program<'_>) -> Vec<Hit> {
    let file = &program.file;
    let bounded = (0..file.tokens.len())
        .any(|index| matches!(file.text(index), "MaxBytesReader" | "MaxBytesHandler" | "LimitReader"));
    if bounded {
        return Vec::new();
    }
    let reads = (0..file.tokens.len()).filter(|index| {
        matches!(file.package_call(*index), Some(("io" | "ioutil", "ReadAll")))
            && file.reads(index + 5, &[".", "Body", ")"])
            && is_request(program, *index, file.text(index + 4))
    });
    reads.map(|index| hit(index, "The whole request body is read into memory, whatever its size.")).collect()
}

fn is_request(program: &Program<'_>, index: usize, name: &str) -> bool {
    let file = &program.file;
    let mut function = file.owner[index];
    while let Some(number) = function {
        let here = &file.functions[number];
        if here.params.iter().any(|param| param.name == name && param.type_text == "*http.Request") {
            return true;
        }
        function = here.parent;
    }
    false
}

/// In `main` a ticker for the life of the process is what one wants.
pub(super) fn tick_cannot_stop(program: &Program<'_>) -> Vec<Hit> {
    let file = &program.file;
    let ticks = (0..file.tokens.len()).filter(|index| {
        file.package_call(*index) == Some(("time", "Tick"))
            && !matches!(program.function_name(*index), "main" | "init" | "")
    });
    ticks.map(|index| hit(index, "time.Tick is used where time.NewTicker with a deferred Stop would end.")).collect()
}

/// Only a field that is also appended to is a queue; otherwise `x = x[1:]` is how a parser moves on.
fn appends_to(program: &Program<'_>, list: &str) -> bool {
    let file = &program.file;
    (1..file.tokens.len()).any(|index| {
        file.reads(index, &["=", "append", "("])
            && list.contains('.')
            && file.joined(file.chain_start(index - 1)..index) == list
    })
}

/// `x = x[1:]` on a field, unless the front is cleared first; `copy(x, x[1:])` and `append(x[:0], x[1:]...)`.
pub(super) fn slice_shift(program: &Program<'_>) -> Vec<Hit> {
    let file = &program.file;
    let mut hits = Vec::new();
    for index in 2..file.tokens.len() {
        if !file.reads(index, &["[", "1", ":", "]"]) {
            continue;
        }
        let start = file.chain_start(index - 1);
        let list = file.joined(start..index);
        let assigned = file.before(start) == "=" && start >= 2 && {
            let target = file.chain_start(start - 2);
            file.joined(target..start - 1) == list
                && appends_to(program, &list)
                && matches!(file.text(index + 4), ";" | "}")
        };
        let cleared = assigned
            && file.owner_of(index).is_some_and(|owner| {
                owner.body.clone().any(|at| file.reads(at, &[file.text(index - 1), "[", "0", "]", "="]))
            });
        let copied = file.before(start) == ","
            && file.outer[start].is_some_and(|paren| {
                let first = file.joined(paren + 1..start - 1);
                (file.before(paren) == "copy" && first == list)
                    || (file.before(paren) == "append" && first == format!("{list}[:0]"))
            });
        if copied {
            hits.push(hit(index, format!("All of `{list}` is copied to take one element from its front.")));
        } else if assigned && !cleared {
            hits.push(hit(
                index,
                format!("`{list}` drops its first element, but the array behind it still refers to it."),
            ));
        }
    }
    hits
}
