//! Rules about errors, defers, goroutines and channels.

use crate::reach::callee;
use crate::rules::{Hit, Program, hit};
use crate::syntax::{Function, Loop};

/// Functions whose last result is an error that is worth a look, also when the first result is used.
const FALLIBLE_WITH_VALUE: [(&str, &str); 22] = [
    ("strconv", "Atoi"),
    ("strconv", "ParseInt"),
    ("strconv", "ParseUint"),
    ("strconv", "ParseFloat"),
    ("strconv", "ParseBool"),
    ("json", "Marshal"),
    ("json", "MarshalIndent"),
    ("io", "ReadAll"),
    ("ioutil", "ReadAll"),
    ("ioutil", "ReadFile"),
    ("os", "Open"),
    ("os", "Create"),
    ("os", "ReadFile"),
    ("os", "Stat"),
    ("http", "Get"),
    ("http", "NewRequest"),
    ("net", "Dial"),
    ("net", "SplitHostPort"),
    ("url", "Parse"),
    ("time", "Parse"),
    ("time", "ParseDuration"),
    ("sql", "Open"),
];

/// Functions whose only news is the error. A deliberate `_ =` is respected.
const FALLIBLE_ALONE: [(&str, &str); 10] = [
    ("json", "Unmarshal"),
    ("xml", "Unmarshal"),
    ("yaml", "Unmarshal"),
    ("os", "WriteFile"),
    ("ioutil", "WriteFile"),
    ("os", "Rename"),
    ("os", "MkdirAll"),
    ("os", "Mkdir"),
    ("http", "ListenAndServe"),
    ("http", "ListenAndServeTLS"),
];

pub(super) fn ignored_error(program: &Program<'_>) -> Vec<Hit> {
    let file = &program.file;
    let mut hits = Vec::new();
    for index in 0..file.tokens.len() {
        if let Some(call) = file.package_call(index) {
            let discarded =
                matches!(file.before(index), ":=" | "=") && index >= 3 && file.reads(index - 3, &[",", "_"]);
            let spelt = format!("{}.{}", call.0, call.1);
            if discarded && FALLIBLE_WITH_VALUE.contains(&call) {
                hits.push(hit(index, format!("The error of {spelt} is thrown away with `_`.")));
            } else if FALLIBLE_ALONE.contains(&call) && is_whole_statement(program, index, index + 3) {
                hits.push(hit(index, format!("The error that {spelt} returns is not looked at.")));
            }
        }
        let decodes = file.reads(index, &["json", ".", "NewDecoder", "("]);
        let decode = file.close_of(index + 3) + 1;
        if decodes && file.reads(decode, &[".", "Decode", "("]) && is_whole_statement(program, index, decode + 2) {
            hits.push(hit(index, "The error of decoding JSON is not looked at."));
        }
    }
    hits
}

/// Nothing takes the call's result: it starts the statement, and its parenthesis ends it.
fn is_whole_statement(program: &Program<'_>, start: usize, paren: usize) -> bool {
    let file = &program.file;
    file.starts_statement(start)
        && file.outer[start].is_none_or(|open| file.text(open) == "{")
        && matches!(file.text(file.close_of(paren) + 1), ";" | "}")
}

/// A `defer` whose block leaves the loop anyway runs once and is fine.
pub(super) fn defer_in_loop(program: &Program<'_>) -> Vec<Hit> {
    let file = &program.file;
    let in_loops = (0..file.tokens.len()).filter(|index| {
        file.text(*index) == "defer" && file.loop_of(*index).is_some() && !leaves_loop_after(program, *index)
    });
    in_loops
        .map(|index| {
            let call = file.joined(index + 1..file.statement_end(index));
            let call = if call.len() > 40 { "the deferred call".to_owned() } else { format!("`{call}`") };
            hit(index, format!("In a loop, {call} waits until the function ends."))
        })
        .collect()
}

fn leaves_loop_after(program: &Program<'_>, index: usize) -> bool {
    let file = &program.file;
    let end = file.outer[index].map_or(index, |open| file.close_of(open));
    let mut at = index;
    while at < end {
        at = file.statement_end(at) + 1;
        if matches!(file.text(at), "return" | "break" | "panic") && at < end {
            return true;
        }
    }
    false
}

pub(super) fn goroutine_never_ends(program: &Program<'_>) -> Vec<Hit> {
    let file = &program.file;
    let mut hits = Vec::new();
    for index in 0..file.tokens.len() {
        // What `main` starts ends with the process.
        if file.text(index) != "go" || !file.starts_statement(index) || program.function_name(index) == "main" {
            continue;
        }
        let Some(started) = started(program, index) else { continue };
        let function = &file.functions[started];
        let endless = file.loops.iter().find(|each| {
            file.owner.get(each.body.start).copied().flatten() == Some(started) && is_endless(program, each)
        });
        if let Some(each) = endless {
            let line = file.line(each.header.start.saturating_sub(1));
            let what =
                if function.name.is_empty() { "The goroutine".to_owned() } else { format!("`{}`", function.name) };
            hits.push(hit(index, format!("{what} loops from line {line} on and has no way to end.")));
        }
    }
    hits
}

fn started(program: &Program<'_>, go: usize) -> Option<usize> {
    let file = &program.file;
    if file.text(go + 1) == "func" {
        return file.functions.iter().position(|function| function.start == go + 1);
    }
    let end = file.chain_end(go + 1);
    let caller = file.owner.get(go).copied().flatten()?;
    (file.text(end) == "(").then(|| callee(file, caller, go + 1, end - 1))?
}

/// `for {` and loops over a ticker, without return, break or the end of the process inside.
fn is_endless(program: &Program<'_>, each: &Loop) -> bool {
    let file = &program.file;
    let header = file.joined(each.header.clone());
    let over_ticks = header.contains("range") && (header.contains("time.Tick(") || header.ends_with(".C"));
    let forever = header.is_empty() || header == "true" || over_ticks;
    forever && !each.body.clone().any(|index| leaves(program, each, index))
}

fn leaves(program: &Program<'_>, each: &Loop, index: usize) -> bool {
    let file = &program.file;
    match file.text(index) {
        "return" | "goto" => file.owner[index] == file.owner[each.body.start],
        "panic" => file.text(index + 1) == "(",
        "Exit" | "Goexit" | "Fatal" | "Fatalf" | "Fatalln" => file.before(index) == ".",
        "break" => file.is_word(index + 1) || breaks(program, each, index),
        _ => false,
    }
}

/// A plain `break` leaves the innermost loop, `switch` or `select`: is that this loop?
fn breaks(program: &Program<'_>, each: &Loop, index: usize) -> bool {
    let file = &program.file;
    let mut open = file.outer[index];
    while let Some(brace) = open {
        if brace + 1 == each.body.start {
            return true;
        }
        if file.heads.get(&brace).is_some_and(|head| file.text(*head) != "if") {
            return false;
        }
        open = file.outer[brace];
    }
    false
}

const ENDING_NAMES: [&str; 5] = ["Close", "Stop", "Shutdown", "Quit", "Cancel"];

pub(super) fn close_twice(program: &Program<'_>) -> Vec<Hit> {
    let ends = program.file.functions.iter().filter(|function| {
        function.receiver.is_some() && ENDING_NAMES.contains(&function.name) && !is_guarded(program, function)
    });
    ends.flat_map(|function| {
        let file = &program.file;
        let closes = function.body.clone().filter(|index| {
            file.reads(*index, &["close", "("]) && file.text(index + 3) == "." && file.before(*index) != "."
        });
        closes.map(|index| {
            let channel = file.joined(index + 2..file.close_of(index + 1));
            hit(index, format!("A second {} closes `{channel}` again and panics.", function.name))
        })
    })
    .collect()
}

/// Any condition or `sync.Once` may be what prevents the second close.
fn is_guarded(program: &Program<'_>, function: &Function<'_>) -> bool {
    function.body.clone().any(|index| {
        matches!(program.file.text(index), "if" | "select" | "switch" | "Do" | "recover" | "CompareAndSwap" | "Swap")
    })
}
