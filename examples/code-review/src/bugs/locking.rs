//! Rules about shared memory and its locks.

use crate::locks::Guard;
use crate::rules::{Access, FieldUse, Hit, Program, access, hit, is_mutex};
use crate::syntax::{Passing, Struct};
use std::collections::HashSet;

fn has_mutex(of: &Struct<'_>) -> bool {
    of.fields.iter().any(|field| is_mutex(&field.type_text))
}

fn is_map(field: &FieldUse<'_, '_>) -> bool {
    field.type_text.starts_with("map[")
}

pub(super) fn map_without_lock(program: &Program<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    let guarded = guarded_maps(program);
    for (function, receiver, of) in program.methods() {
        for field in program.field_uses(function, of).into_iter().filter(is_map) {
            let touches = matches!(field.access, Access::Entry | Access::Read);
            if !touches || program.locks.guard(field.token) != Guard::None {
                continue;
            }
            let what = format!("`{}.{}`", receiver.name, field.name);
            if guarded.contains(&(of.name, field.name)) {
                let verb = if field.access == Access::Entry { "changed" } else { "read" };
                hits.push(hit(field.token, format!("{what} is {verb} without holding the lock of {}.", of.name)));
            } else if !has_mutex(of) && field.access == Access::Entry && program.runs_per_request(field.token) {
                hits.push(hit(
                    field.token,
                    format!("{what} is changed per HTTP request, and {} has no lock.", of.name),
                ));
            }
        }
    }
    hits.extend(global_maps(program));
    hits
}

/// Maps that the methods of their type change, and somewhere use under a lock: the lock is meant for them.
fn guarded_maps<'p>(program: &'p Program<'_>) -> HashSet<(&'p str, &'p str)> {
    let (mut changed, mut locked) = (HashSet::new(), HashSet::new());
    for (function, _, of) in program.methods().filter(|(_, _, of)| has_mutex(of)) {
        for field in program.field_uses(function, of).into_iter().filter(is_map) {
            let name = (of.name, field.name);
            if matches!(field.access, Access::Entry | Access::Assign) {
                changed.insert(name);
            }
            if matches!(program.locks.guard(field.token), Guard::Read | Guard::Write) {
                locked.insert(name);
            }
        }
    }
    changed.intersection(&locked).copied().collect()
}

/// A package-level map counts only when it is changed while HTTP requests are served.
fn global_maps(program: &Program<'_>) -> Vec<Hit> {
    let file = &program.file;
    let known: HashSet<&str> = file.global_maps.iter().copied().collect();
    let changed = (0..file.tokens.len()).filter(|index| {
        known.contains(file.text(*index))
            && file.before(*index) != "."
            && access(file, *index, index + 1) == Access::Entry
            && program.runs_per_request(*index)
            && program.locks.guard(*index) == Guard::None
            && !is_shadowed(program, *index)
    });
    changed
        .map(|index| {
            hit(index, format!("The package's map `{}` is changed per request without a lock.", file.text(index)))
        })
        .collect()
}

fn is_shadowed(program: &Program<'_>, index: usize) -> bool {
    let file = &program.file;
    let Some(owner) = file.owner[index] else { return false };
    let outermost = &file.functions[file.outermost(owner)];
    let name = file.text(index);
    program.mentions(outermost.body.clone(), &[name, ":="]) || outermost.params.iter().any(|param| param.name == name)
}

pub(super) fn write_without_lock(program: &Program<'_>) -> Vec<Hit> {
    let locked = written_under_lock(program);
    let mut bare: Vec<(&str, &str, FieldUse<'_, '_>)> = Vec::new();
    for (function, receiver, of) in program.methods().filter(|(_, _, of)| has_mutex(of)) {
        for field in program.field_uses(function, of) {
            if field.access == Access::Assign && program.locks.guard(field.token) == Guard::None {
                bare.push((of.name, receiver.name, field));
            }
        }
    }
    bare.into_iter()
        .filter(|(type_name, _, field)| locked.contains(&(*type_name, field.name)))
        .map(|(_, receiver, field)| {
            let message =
                format!("`{receiver}.{}` is written here without the lock that its other writers hold.", field.name);
            hit(field.token, message)
        })
        .collect()
}

fn written_under_lock<'p>(program: &'p Program<'_>) -> HashSet<(&'p str, &'p str)> {
    let mut written = HashSet::new();
    for (function, _, of) in program.methods().filter(|(_, _, of)| has_mutex(of)) {
        let fields = program.field_uses(function, of).into_iter();
        let assigned = fields.filter(|field| field.access == Access::Assign);
        let locked = assigned.filter(|field| program.locks.guard(field.token) == Guard::Write);
        written.extend(locked.map(|field| (of.name, field.name)));
    }
    written
}

pub(super) fn write_under_read_lock(program: &Program<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    let written = written_under_lock(program);
    for (function, receiver, of) in program.methods().filter(|(_, _, of)| has_mutex(of)) {
        for field in program.field_uses(function, of) {
            let assigned = field.access == Access::Assign && written.contains(&(of.name, field.name));
            let writes = assigned || (field.access == Access::Entry && is_map(&field));
            if writes && program.locks.guard(field.token) == Guard::Read {
                let message = format!("`{}.{}` is changed while only RLock is held.", receiver.name, field.name);
                hits.push(hit(field.token, message));
            }
        }
    }
    hits
}

pub(super) fn lock_not_released(program: &Program<'_>) -> Vec<Hit> {
    let leaks = program.locks.leaks.iter();
    leaks
        .map(|leak| {
            let line = program.file.line(leak.taken_at);
            hit(leak.at, format!("Returns while `{}`, locked on line {line}, is still held.", leak.path))
        })
        .collect()
}

pub(super) fn copied_mutex(program: &Program<'_>) -> Vec<Hit> {
    let by_value = program.file.functions.iter().filter_map(|function| {
        let receiver = function.receiver.as_ref().filter(|receiver| receiver.passing == Passing::Value)?;
        let of = program.file.struct_named(receiver.type_name)?;
        let mutex = of.fields.iter().find(|field| is_mutex(&field.type_text) && !field.type_text.starts_with('*'))?;
        let message = format!(
            "{} has a value receiver, so each call copies {} with its `{}`.",
            function.name, of.name, mutex.name
        );
        Some(hit(function.start, message))
    });
    by_value.collect()
}
