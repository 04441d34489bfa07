//! Rules about work and allocations that are done again and again.

use crate::lexer::Kind;
use crate::rules::{Hit, Program, hit};
use std::ops::Range;

/// Functions that run once: what they make is made once.
fn runs_once(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    matches!(name, "" | "main" | "init" | "TestMain")
        || ["new", "must", "make", "build", "setup", "open", "load"].iter().any(|start| lower.starts_with(start))
}

/// Is the token inside `once.Do(func() {…})` or `sync.OnceValue(…)`?
fn is_in_once(program: &Program<'_>, index: usize) -> bool {
    let mut open = program.file.outer[index];
    while let Some(bracket) = open {
        if program.file.text(bracket) == "(" && matches!(program.file.before(bracket), "Do" | "OnceValue" | "OnceFunc")
        {
            return true;
        }
        open = program.file.outer[bracket];
    }
    false
}

/// Only for patterns that are constant: one that the caller hands in must be compiled.
pub(super) fn regexp_per_call(program: &Program<'_>) -> Vec<Hit> {
    let file = &program.file;
    let compiles = (0..file.tokens.len()).filter(|index| {
        let known = matches!(
            file.package_call(*index),
            Some(("regexp", "MustCompile" | "Compile" | "MatchString" | "Match" | "MustCompilePOSIX"))
        );
        let constant = file.kind(index + 4) == Some(Kind::Text) && matches!(file.text(index + 5), ")" | ",");
        let once = runs_once(program.function_name(*index)) && file.loop_of(*index).is_none();
        known && constant && !once && !is_in_once(program, *index)
    });
    compiles
        .map(|index| {
            let often = if program.runs_per_request(index) { "for every request" } else { "at every call" };
            hit(index, format!("The regular expression {} is compiled {often}.", shorten(file.text(index + 4))))
        })
        .collect()
}

/// Characters of a literal that a message quotes.
const LITERAL_CHARS_MAX: usize = 40;

fn shorten(literal: &str) -> String {
    if literal.chars().count() <= LITERAL_CHARS_MAX {
        return literal.to_owned();
    }
    literal.chars().take(LITERAL_CHARS_MAX).chain("…".chars()).collect()
}

pub(super) fn transport_per_call(program: &Program<'_>) -> Vec<Hit> {
    let file = &program.file;
    let made = (0..file.tokens.len()).filter(|index| {
        let name = program.function_name(*index);
        let makes = file.reads(*index, &["http", ".", "Transport", "{"]);
        let once = runs_once(name) && file.loop_of(*index).is_none();
        let constructor = name.ends_with("Client") || name.ends_with("Transport");
        let kept = once || constructor || is_in_once(program, *index) || is_kept(program, *index);
        makes && !kept
    });
    made.map(|index| {
        hit(index, format!("`{}` makes a new http.Transport each time it is called.", program.function_name(index)))
    })
    .collect()
}

/// Stored in a field, a package's variable or a result, it may live on.
fn is_kept(program: &Program<'_>, index: usize) -> bool {
    let file = &program.file;
    let mut outside = index;
    while let Some(open) = file.outer[outside].filter(|open| is_literal_brace(program, *open)) {
        outside = open;
    }
    let start = file.statement_start(outside);
    let end = file.statement_end(outside);
    file.text(start) == "return" || (start..end).any(|at| file.text(at) == "=" && at < index)
}

/// The brace of `T{…}`, not of a block.
fn is_literal_brace(program: &Program<'_>, open: usize) -> bool {
    let file = &program.file;
    let body = file.functions.iter().any(|function| function.body.start == open + 1);
    file.text(open) == "{" && !body && !file.heads.contains_key(&open) && file.is_word(open.wrapping_sub(1))
}

pub(super) fn concat_in_loop(program: &Program<'_>) -> Vec<Hit> {
    let file = &program.file;
    let mut hits = Vec::new();
    for index in 1..file.tokens.len() {
        let (Some(each), Some(owner)) = (file.loop_of(index), file.owner_of(index)) else { continue };
        let name = file.text(index - 1);
        let adds = file.text(index) == "+=" || (file.text(index) == "=" && file.reads(index + 1, &[name, "+"]));
        if !adds || !file.is_word(index - 1) || file.before(index - 1) == "." {
            continue;
        }
        let before_loop = owner.body.start..each.header.start;
        if before_loop.clone().any(|at| declares_string(program, at, name)) {
            hits.push(hit(index - 1, format!("The string `{name}` is rebuilt in each round of the loop.")));
        }
    }
    hits
}

fn declares_string(program: &Program<'_>, at: usize, name: &str) -> bool {
    let file = &program.file;
    let literal = file.reads(at, &[name, ":="]) && file.text(at + 2).starts_with(['"', '`']);
    literal || file.reads(at, &["var", name, "string"])
}

/// Where the text is for a log line or an error, its cost is beside the point.
const TALKING_CALLS: [&str; 16] = [
    "Errorf", "New", "Fatal", "Fatalf", "panic", "Error", "Print", "Printf", "Println", "Fprintf", "Fprint", "Wrap",
    "Info", "Warn", "Debug", "Log",
];

/// Formats that need no formatter: only `%s`, `%d` and `%v`.
pub(super) fn sprintf_hot_path(program: &Program<'_>) -> Vec<Hit> {
    let file = &program.file;
    let formats = (0..file.tokens.len()).filter(|index| {
        file.package_call(*index) == Some(("fmt", "Sprintf"))
            && program.runs_per_request(*index)
            && is_plain_format(file.text(index + 4))
            && !talks(program, *index)
            && !is_in_error_branch(program, *index)
    });
    formats
        .map(|index| hit(index, format!("fmt.Sprintf({}) runs for every request.", shorten(file.text(index + 4)))))
        .collect()
}

fn is_plain_format(literal: &str) -> bool {
    literal.starts_with(['"', '`'])
        && literal.contains('%')
        && literal.split('%').skip(1).all(|rest| rest.starts_with(['s', 'd', 'v']))
}

fn talks(program: &Program<'_>, index: usize) -> bool {
    let file = &program.file;
    file.outer[index].is_some_and(|open| file.text(open) == "(" && TALKING_CALLS.contains(&file.before(open)))
}

fn is_in_error_branch(program: &Program<'_>, index: usize) -> bool {
    let file = &program.file;
    let mut open = file.outer[index];
    while let Some(bracket) = open {
        if let Some(head) = file.heads.get(&bracket)
            && file.text(*head) == "if"
            && (*head..bracket).any(|at| matches!(file.text(at), "err" | "error"))
        {
            return true;
        }
        open = file.outer[bracket];
    }
    false
}

pub(super) fn timer_per_iteration(program: &Program<'_>) -> Vec<Hit> {
    let file = &program.file;
    let timers = (0..file.tokens.len()).filter(|index| {
        file.package_call(*index) == Some(("time", "After"))
            && file.loop_of(*index).is_some()
            && file.text(file.statement_start(*index)) == "case"
    });
    timers.map(|index| hit(index, "A new timer is made in each round of the loop.")).collect()
}

/// One append per element of a range whose length is known: directly in the loop, with nothing that skips it.
pub(super) fn append_without_capacity(program: &Program<'_>) -> Vec<Hit> {
    let file = &program.file;
    let mut hits = Vec::new();
    for each in &file.loops {
        let Some(owner) = file.owner_of(each.body.start) else { continue };
        let Some(source) = ranged_length(program, each.header.clone()) else { continue };
        let skips = each.body.clone().any(|at| matches!(file.text(at), "continue" | "break" | "return" | "goto"));
        if skips {
            continue;
        }
        for index in each.body.clone() {
            let name = file.text(index);
            let direct = file.outer[index].is_some_and(|open| open + 1 == each.body.start);
            if direct
                && file.reads(index, &[name, "=", "append", "(", name, ","])
                && file.before(index) != "."
                && file.split(index + 4..file.close_of(index + 3), ",").len() == 2
                && file.before(file.close_of(index + 3)) != "..."
                && declared_empty(program, owner.body.start..each.header.start, name)
            {
                hits.push(hit(
                    index,
                    format!(
                        "`{name}` grows by one per element of `{source}`; make([]T, 0, len({source})) fits at once."
                    ),
                ));
            }
        }
    }
    hits
}

/// What `range` walks, if the file says that it is a map, slice or array: a channel has no length.
fn ranged_length(program: &Program<'_>, header: Range<usize>) -> Option<String> {
    let file = &program.file;
    let start = header.clone().find(|index| file.text(*index) == "range")? + 1;
    if file.chain_end(start) != header.end {
        return None;
    }
    let (last, owner) = (file.text(header.end - 1), file.owner_of(start)?);
    let field = owner.receiver.as_ref().filter(|receiver| file.reads(start, &[receiver.name, ".", last]));
    let type_text = match field {
        Some(receiver) => {
            let fields = &file.struct_named(receiver.type_name)?.fields;
            &crate::reach::field(fields, last)?.type_text
        }
        None if header.end == start + 1 => &crate::reach::field(&owner.params, last)?.type_text,
        None => return None,
    };
    let known = type_text.starts_with("map[") || type_text.starts_with('[') || type_text.starts_with("...");
    known.then(|| file.joined(start..header.end))
}

fn declared_empty(program: &Program<'_>, mut before: Range<usize>, name: &str) -> bool {
    let file = &program.file;
    before.any(|at| {
        let variable = file.reads(at, &["var", name, "[", "]"]) && file.statement_end(at) > at + 3;
        let with_value = variable && (at..file.statement_end(at)).any(|index| file.text(index) == "=");
        let literal = file.reads(at, &[name, ":=", "[", "]"]) && {
            let end = file.statement_end(at);
            file.text(end.wrapping_sub(2)) == "{" && file.before(end) == "}"
        };
        (variable && !with_value) || literal
    })
}
