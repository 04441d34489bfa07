//! The shape of a Go file: brackets, functions, loops, struct types, package-level maps.
//!
//! Everything is found on the tokens alone and tolerantly: no types are checked and no other file is read.
//! A token index that is out of range has the empty text, so that rules may look ahead freely.

use crate::lexer::{Kind, Token, tokens};
use std::collections::HashMap;
use std::ops::Range;

/// Brackets inside brackets. No program that people write comes near it; beyond it only the text is measured.
pub(crate) const NESTING_MAX: usize = 200;

/// Links of a chain such as `a.b.c` that are followed.
const CHAIN_LINKS_MAX: usize = 32;

#[derive(Debug, Clone)]
pub(crate) struct Param<'a> {
    pub name: &'a str,
    /// The type's tokens without blanks, such as `*http.Request`.
    pub type_text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passing {
    Value,
    Pointer,
}

#[derive(Debug)]
pub(crate) struct Receiver<'a> {
    pub name: &'a str,
    pub type_name: &'a str,
    pub passing: Passing,
}

/// A function, method or function literal with a body.
#[derive(Debug)]
pub(crate) struct Function<'a> {
    /// Empty for a literal.
    pub name: &'a str,
    pub receiver: Option<Receiver<'a>>,
    pub params: Vec<Param<'a>>,
    /// Index of the word `func`.
    pub start: usize,
    /// The tokens between the braces.
    pub body: Range<usize>,
    /// The function around a literal.
    pub parent: Option<usize>,
}

#[derive(Debug)]
pub(crate) struct Loop {
    /// The tokens between `for` and its brace.
    pub header: Range<usize>,
    pub body: Range<usize>,
}

#[derive(Debug)]
pub(crate) struct Struct<'a> {
    pub name: &'a str,
    /// An embedded type has its type's last word as its name.
    pub fields: Vec<Param<'a>>,
}

#[derive(Debug)]
pub(crate) struct GoFile<'a> {
    pub tokens: Vec<Token<'a>>,
    /// The bracket that closes or opens the one at this index; the index itself where there is none.
    pub pair: Vec<usize>,
    /// The innermost bracket around each token, if any.
    pub outer: Vec<Option<usize>>,
    pub functions: Vec<Function<'a>>,
    /// The innermost function whose body holds each token.
    pub owner: Vec<Option<usize>>,
    pub loops: Vec<Loop>,
    /// The innermost loop, within the token's own function, whose body holds it.
    pub inner_loop: Vec<Option<usize>>,
    /// The brace that opens a block → its `for`, `if`, `switch` or `select`.
    pub heads: HashMap<usize, usize>,
    pub structs: Vec<Struct<'a>>,
    pub global_maps: Vec<&'a str>,
    /// The first line with a bracket that has no partner.
    pub unbalanced_line: Option<usize>,
    pub nesting: usize,
}

impl<'a> GoFile<'a> {
    pub(crate) fn parse(source: &'a str) -> Self {
        let tokens = tokens(source);
        let count = tokens.len();
        let mut file = GoFile {
            tokens,
            pair: (0..count).collect(),
            outer: vec![None; count],
            functions: Vec::new(),
            owner: vec![None; count],
            loops: Vec::new(),
            inner_loop: vec![None; count],
            heads: HashMap::new(),
            structs: Vec::new(),
            global_maps: Vec::new(),
            unbalanced_line: None,
            nesting: 0,
        };
        file.pair_brackets();
        if file.nesting > NESTING_MAX {
            return file;
        }
        file.find_functions();
        file.find_blocks();
        file.find_structs();
        file.find_global_maps();
        file
    }

    pub(crate) fn text(&self, index: usize) -> &'a str {
        self.tokens.get(index).map_or("", |token| token.text)
    }

    pub(crate) fn before(&self, index: usize) -> &'a str {
        if index == 0 { "" } else { self.text(index - 1) }
    }

    pub(crate) fn is_word(&self, index: usize) -> bool {
        self.tokens.get(index).is_some_and(|token| token.kind == Kind::Word)
    }

    pub(crate) fn kind(&self, index: usize) -> Option<Kind> {
        self.tokens.get(index).map(|token| token.kind)
    }

    pub(crate) fn line(&self, index: usize) -> usize {
        self.tokens.get(index).or(self.tokens.last()).map_or(1, |token| token.line)
    }

    /// Do the tokens from `index` read so?
    pub(crate) fn reads(&self, index: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(offset, word)| self.text(index + offset) == *word)
    }

    /// The tokens of a range written together, without blanks.
    pub(crate) fn joined(&self, range: Range<usize>) -> String {
        range.map(|index| self.text(index)).collect()
    }

    /// The closing partner of the bracket at `index`, or `index` where there is none.
    pub(crate) fn close_of(&self, index: usize) -> usize {
        self.pair.get(index).copied().unwrap_or(index)
    }

    /// The end of the chain `a.b[i].c` that starts at `index` (exclusive); calls are not part of it.
    pub(crate) fn chain_end(&self, index: usize) -> usize {
        let mut end = index + 1;
        for _ in 0..CHAIN_LINKS_MAX {
            if self.text(end) == "." && self.is_word(end + 1) {
                end += 2;
            } else if self.text(end) == "[" && self.close_of(end) > end {
                end = self.close_of(end) + 1;
            } else {
                break;
            }
        }
        end
    }

    /// The start of the chain `a.b[i].c` that ends with the word at `index`.
    pub(crate) fn chain_start(&self, index: usize) -> usize {
        let mut start = index;
        for _ in 0..CHAIN_LINKS_MAX {
            if start < 2 || self.text(start - 1) != "." {
                break;
            }
            let before = start - 2;
            if self.is_word(before) {
                start = before;
            } else if self.text(before) == "]" && self.close_of(before) >= 1 && self.is_word(self.close_of(before) - 1)
            {
                start = self.close_of(before) - 1;
            } else {
                break;
            }
        }
        start
    }

    /// `(package, function)` when a call such as `fmt.Sprintf(` starts at `index`.
    pub(crate) fn package_call(&self, index: usize) -> Option<(&'a str, &'a str)> {
        let call = self.is_word(index)
            && self.before(index) != "."
            && self.text(index + 1) == "."
            && self.is_word(index + 2)
            && self.text(index + 3) == "(";
        call.then(|| (self.text(index), self.text(index + 2)))
    }

    pub(crate) fn starts_statement(&self, index: usize) -> bool {
        matches!(self.before(index), "" | ";" | "{" | "}" | ":")
    }

    /// The first token of the statement that holds `index`, looked for inside the bracket around it.
    pub(crate) fn statement_start(&self, index: usize) -> usize {
        let floor = self.outer.get(index).copied().flatten().map_or(0, |open| open + 1);
        let mut start = index;
        while start > floor && !matches!(self.before(start), ";" | ":") {
            start -= 1;
            if matches!(self.text(start), ")" | "]" | "}") && self.close_of(start) >= floor {
                start = self.close_of(start);
            }
        }
        start
    }

    /// The `;` or closing bracket that ends the statement with `index`.
    pub(crate) fn statement_end(&self, index: usize) -> usize {
        let mut end = index;
        while end < self.tokens.len() && !matches!(self.text(end), ";" | ")" | "]" | "}") {
            end = self.close_of(end).max(end) + 1;
        }
        end
    }

    pub(crate) fn owner_of(&self, index: usize) -> Option<&Function<'a>> {
        self.owner.get(index).copied().flatten().and_then(|function| self.functions.get(function))
    }

    pub(crate) fn loop_of(&self, index: usize) -> Option<&Loop> {
        self.inner_loop.get(index).copied().flatten().and_then(|number| self.loops.get(number))
    }

    pub(crate) fn struct_named(&self, name: &str) -> Option<&Struct<'a>> {
        self.structs.iter().find(|candidate| candidate.name == name)
    }

    /// The named function around a function, or the function itself.
    pub(crate) fn outermost(&self, mut function: usize) -> usize {
        while let Some(parent) = self.functions[function].parent {
            function = parent;
        }
        function
    }

    fn pair_brackets(&mut self) {
        let mut open: Vec<usize> = Vec::new();
        for index in 0..self.tokens.len() {
            let text = self.text(index);
            self.outer[index] = open.last().copied();
            match text {
                "(" | "[" | "{" => {
                    open.push(index);
                    self.nesting = self.nesting.max(open.len());
                }
                ")" | "]" | "}" => match open.last().copied() {
                    Some(start) if closes(self.text(start), text) => {
                        open.pop();
                        self.pair[start] = index;
                        self.pair[index] = start;
                        self.outer[index] = open.last().copied();
                    }
                    _ => self.note_unbalanced(index),
                },
                _ => {}
            }
        }
        if let Some(first) = open.first().copied() {
            self.note_unbalanced(first);
        }
    }

    fn note_unbalanced(&mut self, index: usize) {
        let line = self.line(index);
        self.unbalanced_line = Some(self.unbalanced_line.map_or(line, |known| known.min(line)));
    }

    fn find_functions(&mut self) {
        for index in 0..self.tokens.len() {
            if self.text(index) == "func"
                && let Some(mut function) = self.function_at(index)
            {
                // In `func f() func() {` the second one is a type, and the body is the first one's.
                if self.functions.last().is_some_and(|known| known.body.start == function.body.start) {
                    continue;
                }
                function.parent = self.owner[index];
                let number = self.functions.len();
                // Literals come after the function around them, so the innermost one writes last.
                self.owner[function.body.clone()].fill(Some(number));
                self.functions.push(function);
            }
        }
    }

    fn function_at(&self, start: usize) -> Option<Function<'a>> {
        let mut at = start + 1;
        let mut receiver = None;
        if self.text(at) == "(" && self.is_word(self.close_of(at) + 1) && self.outer[start].is_none() {
            let close = self.close_of(at);
            // `func (a int) string {` is a literal at package level, too: a method has a second list.
            if matches!(self.text(close + 2), "(" | "[") {
                receiver = self.receiver(at + 1..close);
                at = close + 1;
            }
        }
        let mut name = "";
        if self.is_word(at) {
            name = self.text(at);
            at += 1;
        }
        if self.text(at) == "[" {
            at = self.close_of(at) + 1;
        }
        if self.text(at) != "(" || self.close_of(at) <= at {
            return None;
        }
        let params = self.params(at + 1..self.close_of(at));
        let open = self.body_after(self.close_of(at) + 1)?;
        Some(Function { name, receiver, params, start, body: open + 1..self.close_of(open), parent: None })
    }

    /// The brace of the body, past the result types.
    fn body_after(&self, mut at: usize) -> Option<usize> {
        loop {
            match self.text(at) {
                "{" if matches!(self.before(at), "interface" | "struct") => at = self.close_of(at) + 1,
                "{" => return (self.close_of(at) > at).then_some(at),
                "(" | "[" if self.close_of(at) > at => at = self.close_of(at) + 1,
                "*" | "." | "<-" | "func" => at += 1,
                _ if self.is_word(at) => at += 1,
                _ => return None,
            }
        }
    }

    fn receiver(&self, range: Range<usize>) -> Option<Receiver<'a>> {
        let pointer = range.clone().find(|index| self.text(*index) == "*");
        let words: Vec<usize> = range.filter(|index| self.is_word(*index)).take(2).collect();
        let (name, type_name) = match words.as_slice() {
            [name, type_name] => (self.text(*name), self.text(*type_name)),
            [type_name] => ("", self.text(*type_name)),
            _ => return None,
        };
        let passing = if pointer.is_some() { Passing::Pointer } else { Passing::Value };
        Some(Receiver { name, type_name, passing })
    }

    /// `a, b int, next http.Handler`: a name without a type has the type of the next one.
    fn params(&self, range: Range<usize>) -> Vec<Param<'a>> {
        let mut params = Vec::new();
        let mut type_text = String::new();
        for part in self.split(range, ",").into_iter().rev() {
            if self.is_word(part.start) && part.len() > 1 && self.text(part.start + 1) != "." {
                type_text = self.joined(part.start + 1..part.end);
                params.push(Param { name: self.text(part.start), type_text: type_text.clone() });
            } else if part.len() == 1 && !type_text.is_empty() {
                params.push(Param { name: self.text(part.start), type_text: type_text.clone() });
            }
        }
        params.reverse();
        params
    }

    /// The parts of a range between separators that are not inside brackets.
    pub(crate) fn split(&self, range: Range<usize>, separator: &str) -> Vec<Range<usize>> {
        let mut parts = Vec::new();
        let (mut start, mut at) = (range.start, range.start);
        while at < range.end {
            if self.text(at) == separator {
                parts.push(start..at);
                start = at + 1;
            }
            at = self.close_of(at).max(at) + 1;
        }
        parts.push(start..range.end);
        parts.retain(|part| !part.is_empty());
        parts
    }

    fn find_blocks(&mut self) {
        for index in 0..self.tokens.len() {
            if !matches!(self.text(index), "for" | "if" | "switch" | "select") {
                continue;
            }
            let Some(open) = self.block_after(index + 1) else { continue };
            self.heads.insert(open, index);
            if self.text(index) != "for" {
                continue;
            }
            let body = open + 1..self.close_of(open);
            let number = self.loops.len();
            for inside in body.clone() {
                if self.owner[inside] == self.owner[index] {
                    self.inner_loop[inside] = Some(number);
                }
            }
            self.loops.push(Loop { header: index + 1..open, body });
        }
    }

    /// The brace that opens the block of a `for`, `if` or `switch` whose header starts at `at`.
    pub(crate) fn block_after(&self, mut at: usize) -> Option<usize> {
        while at < self.tokens.len() {
            let close = self.close_of(at);
            match self.text(at) {
                // A composite literal in the header is followed by the block itself.
                "{" if close > at && self.text(close + 1) != "{" => return Some(at),
                ")" | "]" | "}" => return None,
                _ => at = close.max(at) + 1,
            }
        }
        None
    }

    fn find_structs(&mut self) {
        for index in 1..self.tokens.len() {
            if !self.reads(index, &["struct", "{"]) || self.owner[index].is_some() {
                continue;
            }
            let name = if self.before(index) == "]" { self.close_of(index - 1).wrapping_sub(1) } else { index - 1 };
            if !self.is_word(name) || !matches!(self.before(name), "type" | ";" | "(") {
                continue;
            }
            let body = index + 2..self.close_of(index + 1).max(index + 2);
            let fields = self.split(body, ";").into_iter().flat_map(|line| self.fields(line)).collect();
            self.structs.push(Struct { name: self.text(name), fields });
        }
    }

    fn fields(&self, line: Range<usize>) -> Vec<Param<'a>> {
        let tagged = line.len() > 1 && self.kind(line.end - 1) == Some(Kind::Text);
        let line = if tagged { line.start..line.end - 1 } else { line };
        let named = self.is_word(line.start) && line.len() > 1 && self.text(line.start + 1) != ".";
        if named {
            return self.params(line);
        }
        let last = line.clone().rev().find(|index| self.is_word(*index));
        last.map(|index| Param { name: self.text(index), type_text: self.joined(line) }).into_iter().collect()
    }

    fn find_global_maps(&mut self) {
        let mut found = Vec::new();
        for index in 0..self.tokens.len() {
            if self.text(index) != "var" || self.outer[index].is_some() {
                continue;
            }
            let grouped = self.text(index + 1) == "(" && self.close_of(index + 1) > index + 1;
            let lines = if grouped {
                self.split(index + 2..self.close_of(index + 1), ";")
            } else {
                Vec::from_iter(std::iter::once(index + 1..self.statement_end(index + 1)))
            };
            found.extend(lines.into_iter().filter_map(|line| self.map_declared(line)));
        }
        self.global_maps = found;
    }

    fn map_declared(&self, line: Range<usize>) -> Option<&'a str> {
        let after = line.start + 1;
        let is_map = self.reads(after, &["map", "["])
            || self.reads(after, &["=", "map", "["])
            || self.reads(after, &["=", "make", "(", "map"]);
        (is_map && self.is_word(line.start)).then(|| self.text(line.start))
    }
}

fn closes(open: &str, close: &str) -> bool {
    matches!((open, close), ("(", ")") | ("[", "]") | ("{", "}"))
}
