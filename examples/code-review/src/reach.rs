//! What runs for every HTTP request: functions that take a `*http.Request`, and what they call in the same file.

use crate::syntax::{Function, GoFile, Param};

/// Chains of calls that are followed from a handler.
const CALL_DEPTH_MAX: usize = 32;

/// One answer per function of the file.
pub(crate) fn per_request(file: &GoFile<'_>) -> Vec<bool> {
    let mut hot: Vec<bool> = file.functions.iter().map(takes_request).collect();
    let calls = calls(file);
    for _ in 0..CALL_DEPTH_MAX {
        let reached: Vec<usize> =
            calls.iter().filter(|(from, to)| hot[*from] && !hot[*to]).map(|(_, to)| *to).collect();
        if reached.is_empty() {
            break;
        }
        for function in reached {
            hot[function] = true;
        }
    }
    hot
}

fn takes_request(function: &Function<'_>) -> bool {
    function.params.iter().any(|param| param.type_text == "*http.Request")
}

/// `(caller, callee)`, without what is started with `go`.
fn calls(file: &GoFile<'_>) -> Vec<(usize, usize)> {
    let mut calls = Vec::new();
    for index in 0..file.tokens.len() {
        if file.text(index + 1) != "(" || !file.is_word(index) {
            continue;
        }
        let Some(caller) = file.owner[index] else { continue };
        let start = file.chain_start(index);
        if start > 0 && file.text(start - 1) == "go" {
            continue;
        }
        if let Some(callee) = callee(file, caller, start, index) {
            calls.push((caller, callee));
        }
    }
    calls
}

/// The function of this file that the chain `start..=name` calls from inside `caller`.
pub(crate) fn callee(file: &GoFile<'_>, caller: usize, start: usize, name: usize) -> Option<usize> {
    let wanted = file.text(name);
    if start == name {
        if file.before(name) == "." {
            return None;
        }
        return file.functions.iter().position(|function| function.receiver.is_none() && function.name == wanted);
    }
    let methods: Vec<(usize, &str)> = file
        .functions
        .iter()
        .enumerate()
        .filter(|(_, function)| function.name == wanted)
        .filter_map(|(number, function)| Some((number, function.receiver.as_ref()?.type_name)))
        .collect();
    if methods.is_empty() {
        return None;
    }
    let type_text = type_of_chain(file, caller, start, name)?;
    let found = methods.iter().find(|(_, type_name)| bare(&type_text) == *type_name);
    found.map(|(number, _)| *number)
}

/// The type of `a.b` in `a.b.name(`, as far as the file tells.
fn type_of_chain(file: &GoFile<'_>, caller: usize, start: usize, name: usize) -> Option<String> {
    let mut type_text = type_of_word(file, caller, file.text(start))?;
    let mut at = start + 1;
    while file.text(at) == "." && at + 1 < name {
        let owner = file.struct_named(bare(&type_text))?;
        type_text = field(&owner.fields, file.text(at + 1))?.type_text.clone();
        at += 2;
    }
    (at + 1 == name).then_some(type_text)
}

/// The declared type of a receiver, a parameter, or a local made with `T{`, `&T{` or `NewT(`.
fn type_of_word(file: &GoFile<'_>, caller: usize, word: &str) -> Option<String> {
    let mut at = Some(caller);
    while let Some(number) = at {
        let function = &file.functions[number];
        if let Some(receiver) = function.receiver.as_ref().filter(|receiver| receiver.name == word) {
            return Some(receiver.type_name.to_owned());
        }
        if let Some(param) = field(&function.params, word) {
            return Some(param.type_text.clone());
        }
        at = function.parent;
    }
    let body = file.functions[file.outermost(caller)].body.clone();
    body.clone().find_map(|index| made_type(file, index, word))
}

fn made_type(file: &GoFile<'_>, index: usize, word: &str) -> Option<String> {
    if file.text(index) != word || file.text(index + 1) != ":=" {
        return None;
    }
    let value = if file.text(index + 2) == "&" { index + 3 } else { index + 2 };
    let made = file.text(value);
    match file.text(value + 1) {
        "{" => Some(made.to_owned()),
        "(" => made.strip_prefix("New").map(str::to_owned),
        _ => None,
    }
}

pub(crate) fn field<'p, 'a>(fields: &'p [Param<'a>], name: &str) -> Option<&'p Param<'a>> {
    fields.iter().find(|candidate| candidate.name == name)
}

/// `*Cache[K]` → `Cache`.
fn bare(type_text: &str) -> &str {
    let text = type_text.trim_start_matches('*');
    text.split('[').next().unwrap_or(text)
}
