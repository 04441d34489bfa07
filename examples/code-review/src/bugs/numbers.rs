//! Rules about arithmetic: zero divisors, cut fractions, clocks, bounds.

use crate::lexer::Kind;
use crate::rules::{Hit, Program, hit, is_comparison, is_integer};
use crate::syntax::{Function, Param};

pub(super) fn number_unchecked(program: &Program<'_>) -> Vec<Hit> {
    let file = &program.file;
    let mut hits = Vec::new();
    for index in 0..file.tokens.len() {
        if matches!(file.text(index), "/" | "%" | "/=" | "%=") {
            hits.extend(divisor(program, index));
        } else if file.reads(index, &["time", ".", "NewTicker", "("]) {
            let argument = index + 4;
            let alone = file.text(file.chain_end(argument)) == ")";
            if let Some(name) = unchecked_chain(program, argument).filter(|_| alone) {
                hits.push(hit(index, format!("time.NewTicker panics unless `{name}` is positive; nothing checks it.")));
            }
        }
    }
    hits
}

fn divisor(program: &Program<'_>, operator: usize) -> Option<Hit> {
    let file = &program.file;
    let mut start = operator + 1;
    let converted = file.text(start) == "time" && file.text(start + 2) == "Duration";
    if converted {
        start += 2;
    }
    if (is_integer(file.text(start)) || converted) && file.text(start + 1) == "(" {
        let close = file.close_of(start + 1);
        start += 2;
        if file.chain_end(start) != close {
            return None;
        }
    } else if file.reads(start, &["len", "("]) {
        return empty_divisor(program, operator, start);
    } else if file.text(file.chain_end(start)) == "(" {
        return None;
    }
    let name = unchecked_chain(program, start)?;
    Some(hit(operator, format!("Divides by `{name}`, which may be zero.")))
}

/// `… / len(x)` of a parameter or field, with no look at the length and no loop over `x`.
fn empty_divisor(program: &Program<'_>, operator: usize, start: usize) -> Option<Hit> {
    let file = &program.file;
    let chain = start + 2..file.close_of(start + 1);
    if chain.is_empty() || file.chain_end(chain.start) != chain.end {
        return None;
    }
    let owner = file.owner.get(operator).copied().flatten()?;
    let outermost = &file.functions[file.outermost(owner)];
    let root = file.text(chain.start);
    let handed_in = param_type(program, owner, root).is_some()
        || outermost.receiver.as_ref().is_some_and(|receiver| receiver.name == root);
    if !handed_in {
        return None;
    }
    let spelt = file.joined(chain.clone());
    let looked_at = program.measured.contains(file.text(chain.end - 1));
    (!looked_at).then(|| hit(operator, format!("Divides by `len({spelt})`, which is zero when it is empty.")))
}

/// The chain at `start` as text, if it is an integer parameter or field that nothing in the file compares.
fn unchecked_chain(program: &Program<'_>, start: usize) -> Option<String> {
    let file = &program.file;
    if !file.is_word(start) {
        return None;
    }
    let end = file.chain_end(start);
    let name = file.text(end - 1);
    let function = file.owner.get(start).copied().flatten()?;
    let type_text = if end == start + 1 {
        param_type(program, function, name)?
    } else if end == start + 3 {
        field_type(&file.functions[file.outermost(function)], program, file.text(start), name)?
    } else {
        return None;
    };
    let checked = program.compared.contains(name) || program.set_otherwise.contains(name);
    (is_integer(&type_text) && !checked).then(|| file.joined(start..end))
}

fn param_type(program: &Program<'_>, mut function: usize, name: &str) -> Option<String> {
    loop {
        let here = &program.file.functions[function];
        if let Some(param) = named(&here.params, name) {
            return Some(param.type_text.clone());
        }
        function = here.parent?;
    }
}

fn field_type(function: &Function<'_>, program: &Program<'_>, receiver: &str, name: &str) -> Option<String> {
    let of = function.receiver.as_ref().filter(|candidate| candidate.name == receiver)?;
    let fields = &program.file.struct_named(of.type_name)?.fields;
    named(fields, name).map(|field| field.type_text.clone())
}

fn named<'p, 'a>(params: &'p [Param<'a>], name: &str) -> Option<&'p Param<'a>> {
    params.iter().find(|param| param.name == name)
}

pub(super) fn duration_truncated(program: &Program<'_>) -> Vec<Hit> {
    (0..program.file.tokens.len()).filter_map(|index| truncation(program, index)).collect()
}

fn truncation(program: &Program<'_>, index: usize) -> Option<Hit> {
    let file = &program.file;
    let owner = file.owner_of(index)?;
    let (start, end) = whole_units(program, index)?;
    let multiplied = file.text(end) == "*" && file.text(end + 1) != "time";
    let factor = file.before(start) == "*" && start >= 2 && ends_operand(program, start - 2);
    let kept = file.is_word(start.wrapping_sub(2)) && matches!(file.before(start), ":=" | "=") && file.text(end) == ";";
    let variable = file.text(start.wrapping_sub(2));
    let later = kept
        && owner.body.clone().any(|at| {
            file.text(at) == variable
                && at > end
                && ((file.text(at + 1) == "*" && file.text(at + 2) != "time")
                    || (file.before(at) == "*" && ends_operand(program, at - 2)))
        });
    let remainder = owner.body.clone().any(|at| matches!(file.text(at), "%" | "%=" | "Truncate" | "Round"));
    if remainder || !(multiplied || factor || later) {
        return None;
    }
    Some(hit(
        index,
        format!("`{}` cuts a duration down to whole units and the result is multiplied.", file.joined(start..end)),
    ))
}

/// `int(d.Seconds())` or `d / time.Second`: the range of tokens, found at `int` or at the `/`.
fn whole_units(program: &Program<'_>, index: usize) -> Option<(usize, usize)> {
    let file = &program.file;
    if is_integer(file.text(index)) && file.text(index + 1) == "(" && file.before(index) != "." {
        let close = file.close_of(index + 1);
        let unit = close >= 3 && matches!(file.text(close - 3), "Seconds" | "Minutes" | "Hours");
        let chain = unit && file.chain_end(index + 2) == close - 2;
        return (chain && file.reads(close - 2, &["(", ")"])).then_some((index, close + 1));
    }
    let divides = file.text(index) == "/"
        && file.reads(index + 1, &["time", "."])
        && matches!(file.text(index + 3), "Second" | "Minute" | "Hour")
        && file.is_word(index.wrapping_sub(1));
    if !divides {
        return None;
    }
    let start = file.chain_start(index - 1);
    let whole = file.text(start) != "time" || file.text(start + 2) == "Now";
    let in_parens = file.before(start) == "(" && file.text(index + 4) == ")";
    let converted = in_parens && start >= 2 && is_integer(file.before(start - 1));
    match (whole, converted, in_parens) {
        (false, _, _) => None,
        (true, true, _) => Some((start - 2, index + 5)),
        (true, false, true) => Some((start - 1, index + 5)),
        (true, false, false) => Some((start, index + 4)),
    }
}

/// Is there an operand, so that the `*` after it multiplies?
fn ends_operand(program: &Program<'_>, index: usize) -> bool {
    let file = &program.file;
    matches!(file.text(index), ")" | "]") || matches!(file.kind(index), Some(Kind::Number)) || file.is_word(index)
}

pub(super) fn wall_clock_elapsed(program: &Program<'_>) -> Vec<Hit> {
    let file = &program.file;
    let mut hits = Vec::new();
    for index in 0..file.tokens.len() {
        let Some(owner) = file.owner_of(index) else { continue };
        if !file.reads(index, &["time", ".", "Now", "(", ")", "."]) || !file.text(index + 6).starts_with("Unix") {
            continue;
        }
        let after = index + 9;
        let minus = if file.text(after) == "-" {
            Some(after)
        } else if file.before(index) == ":=" && file.text(after) == ";" {
            let name = file.text(index.wrapping_sub(2));
            owner.body.clone().find(|at| *at > after && file.before(*at) == name && file.text(*at) == "-")
        } else {
            None
        };
        let Some(minus) = minus.filter(|minus| is_remembered_time(program, minus + 1)) else { continue };
        let bounded =
            owner.body.clone().any(|at| file.text(at) == "max" || (file.text(at) == "<" && file.text(at + 1) == "0"));
        if !bounded {
            let remembered = file.joined(minus + 1..file.chain_end(minus + 1));
            hits.push(hit(
                minus,
                format!(
                    "Elapsed time is computed from Unix time and the remembered `{remembered}`; it may be negative."
                ),
            ));
        }
    }
    hits
}

/// `b.usedAt`, not a number, a local or a call.
fn is_remembered_time(program: &Program<'_>, start: usize) -> bool {
    let end = program.file.chain_end(start);
    program.file.is_word(start) && end >= start + 3 && program.file.text(end) != "("
}

pub(super) fn index_past_end(program: &Program<'_>) -> Vec<Hit> {
    let file = &program.file;
    let mut hits = Vec::new();
    for each in &file.loops {
        for index in each.header.clone() {
            if !(file.text(index) == "<=" && file.reads(index + 1, &["len", "("]) && file.is_word(index - 1)) {
                continue;
            }
            let close = file.close_of(index + 2);
            let (counter, list) = (file.text(index - 1), file.joined(index + 3..close));
            let last = file.text(close.saturating_sub(1));
            let indexed = each.body.clone().any(|at| {
                file.reads(at, &[last, "[", counter, "]"]) && file.joined(file.chain_start(at)..at + 1) == list
            });
            let watched = each.body.clone().any(|at| file.text(at) == counter && is_comparison(file.text(at + 1)));
            if indexed && !watched && file.text(close + 1) == ";" {
                hits.push(hit(
                    index,
                    format!("`{counter}` runs up to len({list}), and `{list}[{counter}]` panics there."),
                ));
            }
        }
    }
    for index in 1..file.tokens.len() {
        if file.text(index) == "[" && file.is_word(index - 1) && file.reads(index + 1, &["len", "("]) {
            let list = file.joined(file.chain_start(index - 1)..index);
            let close = file.close_of(index + 2);
            // `m[len(m)] = x` is how a map of numbers grows.
            let assigned = file.text(close + 2) == "=";
            if file.text(close + 1) == "]" && !assigned && file.joined(index + 3..close) == list {
                hits.push(hit(index, format!("`{list}[len({list})]` is one past the end.")));
            }
        }
    }
    hits
}
