//! A Rust source, taken apart just far enough to ask questions of it.
//!
//! `code` has the length and the lines of the original, but what stands in strings, characters and comments is blank, so
//! that a word found in it is a word of the program. This is a scanner, no parser: it knows words and braces.

#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

/// A string literal or a comment, and the line on which it starts (from 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub line: usize,
    pub text: String,
}

/// A function with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    pub lines: RangeInclusive<usize>,
}

/// One source file, taken apart.
#[derive(Debug)]
pub struct Source {
    pub code: String,
    pub strings: Vec<Piece>,
    pub comments: Vec<Piece>,
}

impl Source {
    pub fn scan(text: &str) -> Self {
        Scanner::new(text).run()
    }

    /// The line (from 1) of a byte offset in `code`.
    pub fn line_of(&self, offset: usize) -> usize {
        self.code.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
    }

    /// Lines on which `word` stands as a whole word, followed by `then` (spaces apart).
    pub fn lines_with(&self, word: &str, then: &str) -> Vec<usize> {
        let followed = |at: &usize| self.code[at + word.len()..].trim_start().starts_with(then);
        self.words(word).into_iter().filter(followed).map(|at| self.line_of(at)).collect()
    }

    /// Offsets at which `word` stands as a whole word.
    pub fn words(&self, word: &str) -> Vec<usize> {
        let bytes = self.code.as_bytes();
        let whole = |at: &usize| {
            let before = at.checked_sub(1).is_none_or(|previous| !is_word(bytes[previous]));
            let after = bytes.get(at + word.len()).is_none_or(|next| !is_word(*next));
            before && after
        };
        self.code.match_indices(word).map(|(at, _)| at).filter(whole).collect()
    }

    /// What stands right under `root::`, also in `root::{a, b::c}`: each first name with its line.
    pub fn names_under(&self, root: &str) -> Vec<(usize, String)> {
        let mut names = Vec::new();
        for at in self.words(root) {
            let rest = self.code[at + root.len()..].trim_start();
            let Some(rest) = rest.strip_prefix("::") else { continue };
            let line = self.line_of(at);
            names.extend(first_names(rest.trim_start()).into_iter().map(|name| (line, name)));
        }
        names
    }

    /// Every function with a body, in the order of the text.
    pub fn functions(&self) -> Vec<Function> {
        self.words("fn").into_iter().filter_map(|at| self.function_at(at)).collect()
    }

    fn function_at(&self, at: usize) -> Option<Function> {
        let name = leading_name(self.code[at + "fn".len()..].trim_start());
        if name.is_empty() {
            return None;
        }
        let body = self.block_after(at)?;
        Some(Function { name, lines: self.line_of(at)..=self.line_of(*body.end()) })
    }

    /// Lines that only tests compile: what follows `#[cfg(test)]`.
    pub fn test_lines(&self) -> Vec<RangeInclusive<usize>> {
        let mut found = Vec::new();
        for opening in ["#[cfg(test)]", "#[cfg(all(test"] {
            for (at, _) in self.code.match_indices(opening) {
                let after = at + self.code[at..].find(']').unwrap_or(0);
                let first = self.line_of(at);
                let last = self.block_after(after + 1).map_or(first + 1, |block| self.line_of(*block.end()));
                found.push(first..=last);
            }
        }
        found
    }

    /// The braces that open after `from`, unless the item ends with `;` first.
    fn block_after(&self, from: usize) -> Option<RangeInclusive<usize>> {
        let bytes = self.code.as_bytes();
        let mut nesting = 0_i32;
        for (at, byte) in bytes.iter().enumerate().skip(from) {
            match byte {
                b'(' | b'[' => nesting += 1,
                b')' | b']' => nesting -= 1,
                b';' if nesting == 0 => return None,
                b'{' if nesting == 0 => return Some(at..=closing_brace(bytes, at)),
                _ => {}
            }
        }
        None
    }
}

fn closing_brace(bytes: &[u8], open: usize) -> usize {
    let mut depth = 0_i32;
    for (at, byte) in bytes.iter().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

fn first_names(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else { return vec![leading_name(rest)] };
    let mut names = vec![leading_name(group.trim_start())];
    let mut depth = 1_i32;
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => names.push(leading_name(group[at + 1..].trim_start())),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn leading_name(text: &str) -> String {
    text.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
    code: Vec<u8>,
    strings: Vec<Piece>,
    comments: Vec<Piece>,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let code = Vec::with_capacity(bytes.len());
        Self { bytes, at: 0, line: 1, code, strings: Vec::new(), comments: Vec::new() }
    }

    fn run(mut self) -> Source {
        while let Some(byte) = self.peek(0) {
            match byte {
                b'/' if self.peek(1) == Some(b'/') => self.line_comment(),
                b'/' if self.peek(1) == Some(b'*') => self.block_comment(),
                b'"' => self.string(),
                b'\'' => self.quote(),
                b'r' | b'b' | b'c' if !self.inside_word() => self.maybe_prefixed(),
                _ => self.keep(1),
            }
        }
        let code = String::from_utf8_lossy(&self.code).into_owned();
        Source { code, strings: self.strings, comments: self.comments }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn inside_word(&self) -> bool {
        self.at.checked_sub(1).is_some_and(|previous| is_word(self.bytes[previous]))
    }

    fn keep(&mut self, count: usize) {
        for _ in 0..count {
            let Some(byte) = self.peek(0) else { return };
            self.code.push(byte);
            self.line += usize::from(byte == b'\n');
            self.at += 1;
        }
    }

    /// Passes over the text up to `end`, keeping only its line breaks, and gives it back with its first line.
    fn blank_to(&mut self, end: usize) -> Piece {
        let end = end.min(self.bytes.len());
        let text = String::from_utf8_lossy(&self.bytes[self.at..end]).into_owned();
        let piece = Piece { line: self.line, text };
        for byte in &self.bytes[self.at..end] {
            self.code.push(if *byte == b'\n' { b'\n' } else { b' ' });
            self.line += usize::from(*byte == b'\n');
        }
        self.at = end;
        piece
    }

    fn line_comment(&mut self) {
        let length = self.bytes[self.at..].iter().position(|byte| *byte == b'\n');
        let end = length.map_or(self.bytes.len(), |length| self.at + length);
        let comment = self.blank_to(end);
        self.comments.push(comment);
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        let mut end = self.at;
        while end < self.bytes.len() {
            let pair = self.bytes.get(end..end + 2);
            if pair == Some(b"/*") {
                depth += 1;
                end += 2;
            } else if pair == Some(b"*/") {
                depth -= 1;
                end += 2;
            } else {
                end += 1;
            }
            if depth == 0 {
                break;
            }
        }
        let comment = self.blank_to(end);
        self.comments.push(comment);
    }

    /// At a `"`: up to the next one that isn't escaped.
    fn string(&mut self) {
        let mut end = self.at + 1;
        while let Some(byte) = self.bytes.get(end) {
            match byte {
                b'\\' => end += 2,
                b'"' => break,
                _ => end += 1,
            }
        }
        self.push_string(end + 1);
    }

    /// At a `"`, with so many `#` before it: up to the `"` with as many after it.
    fn raw_string(&mut self, hashes: usize) {
        let closing: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
        let body = self.at + 1;
        let length = self.bytes[body..].windows(closing.len()).position(|window| window == closing);
        self.push_string(length.map_or(self.bytes.len(), |length| body + length + closing.len()));
    }

    fn push_string(&mut self, end: usize) {
        let literal = self.blank_to(end);
        let text = literal.text.trim_end_matches('#').trim_matches('"').to_owned();
        self.strings.push(Piece { line: literal.line, text });
    }

    /// At an `r`, `b` or `c` that starts a word: perhaps the prefix of a literal.
    fn maybe_prefixed(&mut self) {
        let letters = (0..2).take_while(|ahead| matches!(self.peek(*ahead), Some(b'r' | b'b' | b'c'))).count();
        let raw = (0..letters).any(|ahead| self.peek(ahead) == Some(b'r'));
        let hashes = (letters..).take_while(|ahead| self.peek(*ahead) == Some(b'#')).count();
        match self.peek(letters + hashes) {
            Some(b'"') if raw => {
                self.keep(letters + hashes);
                self.raw_string(hashes);
            }
            Some(b'"') if hashes == 0 => {
                self.keep(letters);
                self.string();
            }
            Some(b'\'') if letters == 1 && !raw && hashes == 0 => {
                self.keep(1);
                self.quote();
            }
            _ => self.keep(1),
        }
    }

    /// At a `'`: a character, or the start of a lifetime.
    fn quote(&mut self) {
        let rest = &self.bytes[self.at + 1..];
        let first_length = match rest.first() {
            Some(b'\\') => 2,
            Some(byte) => utf8_length(*byte),
            None => return self.keep(1),
        };
        let escaped = first_length == 2 && rest.first() == Some(&b'\\');
        let closing = rest.iter().skip(first_length).position(|byte| *byte == b'\'');
        match closing {
            Some(distance) if escaped || distance == 0 => {
                self.blank_to(self.at + 1 + first_length + distance + 1);
            }
            _ => self.keep(1),
        }
    }
}

/// How many bytes the character takes that starts with this one.
fn utf8_length(first: u8) -> usize {
    match first {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    }
}
