//! What a rule is, and the program text as rules see it.

use crate::locks::Locks;
use crate::report::Severity;
use crate::syntax::{Function, GoFile, Receiver, Struct};
use std::collections::HashSet;
use std::ops::Range;

/// One named weakness and how to find it.
#[derive(Debug)]
pub(crate) struct Rule {
    pub id: &'static str,
    pub severity: Severity,
    /// One sentence: why it matters.
    pub why: &'static str,
    pub find: fn(&Program<'_>) -> Vec<Hit>,
}

/// A place where a rule applies, and what exactly is there.
#[derive(Debug)]
pub(crate) struct Hit {
    pub token: usize,
    pub message: String,
}

pub(crate) fn hit(token: usize, message: impl Into<String>) -> Hit {
    Hit { token, message: message.into() }
}

#[derive(Debug)]
pub(crate) struct Program<'a> {
    pub file: GoFile<'a>,
    pub locks: Locks,
    /// Per function: does it run for each HTTP request?
    per_request: Vec<bool>,
    pub compared: HashSet<&'a str>,
    pub set_otherwise: HashSet<&'a str>,
    pub measured: HashSet<&'a str>,
}

/// `receiver.field` in a method.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FieldUse<'p, 'a> {
    pub token: usize,
    pub name: &'a str,
    pub type_text: &'p str,
    pub access: Access,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Replaces the field or, for numbers, changes it.
    Assign,
    /// Sets, changes or deletes an entry.
    Entry,
    /// Looks an entry up, or walks them.
    Read,
    Other,
}

impl<'a> Program<'a> {
    pub(crate) fn new(file: GoFile<'a>) -> Self {
        let locks = Locks::of(&file);
        let per_request = crate::reach::per_request(&file);
        let (compared, set_otherwise) = (compared_names(&file), names_set_otherwise(&file));
        let measured = measured_names(&file);
        Program { file, locks, per_request, compared, set_otherwise, measured }
    }

    pub(crate) fn runs_per_request(&self, token: usize) -> bool {
        self.file.owner.get(token).copied().flatten().is_some_and(|function| self.per_request[function])
    }

    /// Methods with a body, their receiver and its struct, as far as it is declared in this file.
    pub(crate) fn methods(&self) -> impl Iterator<Item = (&Function<'a>, &Receiver<'a>, &Struct<'a>)> {
        self.file.functions.iter().filter_map(|function| {
            let receiver = function.receiver.as_ref().filter(|receiver| !receiver.name.is_empty())?;
            Some((function, receiver, self.file.struct_named(receiver.type_name)?))
        })
    }

    /// Every use of a field of the receiver in a method's body.
    pub(crate) fn field_uses<'p>(&'p self, function: &Function<'a>, of: &'p Struct<'a>) -> Vec<FieldUse<'p, 'a>> {
        let receiver = function.receiver.as_ref().map_or("", |receiver| receiver.name);
        let file = &self.file;
        let uses = function
            .body
            .clone()
            .filter(|index| file.text(*index) == receiver && file.text(index + 1) == "." && file.before(*index) != ".");
        uses.filter_map(|index| {
            let name = file.text(index + 2);
            let field = of.fields.iter().find(|field| field.name == name)?;
            Some(FieldUse { token: index, name, type_text: &field.type_text, access: access(file, index, index + 3) })
        })
        .collect()
    }

    /// The innermost named function around a token; empty at package level.
    pub(crate) fn function_name(&self, token: usize) -> &'a str {
        let owner = self.file.owner.get(token).copied().flatten();
        owner.map_or("", |function| self.file.functions[self.file.outermost(function)].name)
    }

    /// Does any token of the range read so?
    pub(crate) fn mentions(&self, mut range: Range<usize>, words: &[&str]) -> bool {
        range.any(|index| self.file.reads(index, words))
    }
}

/// Names that are compared with anything: `x > 0`, `0 < c.x`, `switch x {`, `max(x, 1)`.
fn compared_names<'a>(file: &GoFile<'a>) -> HashSet<&'a str> {
    let compared = (0..file.tokens.len()).filter(|index| {
        let start = file.chain_start(*index);
        let around = file.outer[*index].unwrap_or(0);
        file.is_word(*index)
            && (is_comparison(file.text(index + 1))
                || is_comparison(file.before(start))
                || file.before(start) == "switch"
                || (file.text(around) == "(" && file.before(around) == "max"))
    });
    compared.map(|index| file.text(index)).collect()
}

/// Lists that the file looks into before it counts on them: `len(x) > 0`, `range x`, `x == nil`, `x = append(…)`.
fn measured_names<'a>(file: &GoFile<'a>) -> HashSet<&'a str> {
    let measured = (0..file.tokens.len()).filter(|index| {
        let start = file.chain_start(*index);
        let paren = start.wrapping_sub(1);
        let length_compared = file.text(paren) == "("
            && file.before(paren) == "len"
            && (is_comparison(file.text(file.close_of(paren) + 1)) || is_comparison(file.before(paren - 1)));
        let walked = file.before(start) == "range";
        let filled = file.reads(index + 1, &["=", "append"]) || file.text(index + 1) == "==";
        file.is_word(*index) && (length_compared || walked || filled)
    });
    measured.map(|index| file.text(index)).collect()
}

/// Names that get a value beyond their parameter: `x = 5`, `x := f()`, `T{x: 5}`. Those may well be sound.
fn names_set_otherwise<'a>(file: &GoFile<'a>) -> HashSet<&'a str> {
    let set = (0..file.tokens.len()).filter(|index| {
        let copies_a_name = file.is_word(index + 2) && matches!(file.text(index + 3), "," | "}" | ";");
        let in_literal = file.text(index + 1) == ":" && !copies_a_name && file.before(*index) != "case";
        file.is_word(*index) && (in_literal || matches!(file.text(index + 1), "=" | ":=" | "++" | "+="))
    });
    set.map(|index| file.text(index)).collect()
}

pub(crate) fn is_comparison(text: &str) -> bool {
    matches!(text, "==" | "!=" | "<" | "<=" | ">" | ">=")
}

pub(crate) fn is_mutex(type_text: &str) -> bool {
    matches!(type_text.trim_start_matches('*'), "sync.Mutex" | "sync.RWMutex")
}

/// What happens to the map or field whose name ends before `after`.
pub(crate) fn access(file: &GoFile<'_>, start: usize, after: usize) -> Access {
    if file.before(start) == "range" {
        return Access::Read;
    }
    if file.before(start) == "(" && start >= 2 && matches!(file.before(start - 1), "delete" | "clear") {
        return Access::Entry;
    }
    let entry = file.text(after) == "[" && file.close_of(after) > after;
    let next = if entry { file.text(file.close_of(after) + 1) } else { file.text(after) };
    match (is_write(next), entry) {
        (true, true) => Access::Entry,
        (true, false) => Access::Assign,
        (false, true) => Access::Read,
        (false, false) => Access::Other,
    }
}

fn is_write(text: &str) -> bool {
    matches!(text, "=" | "+=" | "-=" | "*=" | "/=" | "%=" | "|=" | "&=" | "^=" | "&^=" | "<<=" | ">>=" | "++" | "--")
}

pub(crate) fn is_integer(type_text: &str) -> bool {
    matches!(
        type_text,
        "int"
            | "int8"
            | "int16"
            | "int32"
            | "int64"
            | "uint"
            | "uint8"
            | "uint16"
            | "uint32"
            | "uint64"
            | "time.Duration"
    )
}
