//! Go text cut into tokens.
//!
//! Comments and blanks are gone, strings are one token each, and a statement's end is always a `;` token: Go's own
//! rule for inserting semicolons is applied (The Go Programming Language Specification, "Semicolons").
//! Nothing here fails: text that is not Go still gives tokens, and an unclosed string ends with its line.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Word,
    Number,
    Text,
    Mark,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    /// Counted from 1.
    pub line: usize,
}

/// Longest first, so that the first match is the right one.
const MARKS: [&str; 27] = [
    "<<=", ">>=", "&^=", "...", "&&", "||", "<-", "++", "--", "==", "!=", "<=", ">=", ":=", "+=", "-=", "*=", "/=",
    "%=", "&=", "|=", "^=", "<<", ">>", "&^", "->", "=>",
];

pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { source, bytes: source.as_bytes(), at: 0, line: 1, tokens: Vec::new() };
    while lexer.at < lexer.bytes.len() {
        lexer.step();
    }
    lexer.end_of_line();
    lexer.tokens
}

struct Lexer<'a> {
    source: &'a str,
    bytes: &'a [u8],
    at: usize,
    line: usize,
    tokens: Vec<Token<'a>>,
}

impl<'a> Lexer<'a> {
    fn step(&mut self) {
        let byte = self.bytes[self.at];
        match byte {
            b'\n' => self.newline(),
            b' ' | b'\t' | b'\r' => self.at += 1,
            b'/' if self.peek(1) == Some(b'/') => self.line_comment(),
            b'/' if self.peek(1) == Some(b'*') => self.block_comment(),
            b'"' | b'\'' => self.quoted(byte),
            b'`' => self.raw_string(),
            b'0'..=b'9' => self.number(),
            b'.' if self.peek(1).is_some_and(|next| next.is_ascii_digit()) => self.number(),
            _ if is_word_byte(byte) => self.word(),
            _ => self.mark(),
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn push(&mut self, kind: Kind, start: usize, line: usize) {
        self.tokens.push(Token { kind, text: &self.source[start..self.at], line });
    }

    fn newline(&mut self) {
        self.end_of_line();
        self.at += 1;
        self.line += 1;
    }

    fn end_of_line(&mut self) {
        if self.tokens.last().is_some_and(ends_a_statement) {
            self.tokens.push(Token { kind: Kind::Mark, text: ";", line: self.line });
        }
    }

    fn line_comment(&mut self) {
        while self.at < self.bytes.len() && self.bytes[self.at] != b'\n' {
            self.at += 1;
        }
    }

    /// A comment that holds a newline counts as one.
    fn block_comment(&mut self) {
        self.at += 2;
        while self.at < self.bytes.len() {
            if self.bytes[self.at] == b'*' && self.peek(1) == Some(b'/') {
                self.at += 2;
                return;
            }
            if self.bytes[self.at] == b'\n' {
                self.newline();
            } else {
                self.at += 1;
            }
        }
    }

    fn quoted(&mut self, quote: u8) {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\n' => break,
                // The escaped byte may be the newline or the end of the text: neither is skipped.
                b'\\' if self.peek(1).is_some_and(|next| next.is_ascii() && next != b'\n') => self.at += 2,
                _ if byte == quote => {
                    self.at += 1;
                    break;
                }
                _ => self.at += 1,
            }
        }
        self.push(Kind::Text, start, self.line);
    }

    fn raw_string(&mut self) {
        let (start, line) = (self.at, self.line);
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match byte {
                b'`' => break,
                b'\n' => self.line += 1,
                _ => {}
            }
        }
        self.push(Kind::Text, start, line);
    }

    fn number(&mut self) {
        let start = self.at;
        let hexadecimal = matches!(self.peek(1), Some(b'x' | b'X'));
        while let Some(byte) = self.peek(0) {
            let exponent = if hexadecimal { matches!(byte, b'p' | b'P') } else { matches!(byte, b'e' | b'E') };
            if exponent && matches!(self.peek(1), Some(b'+' | b'-')) {
                self.at += 2;
            } else if byte == b'.' || byte == b'_' || byte.is_ascii_alphanumeric() {
                self.at += 1;
            } else {
                break;
            }
        }
        self.push(Kind::Number, start, self.line);
    }

    fn word(&mut self) {
        let start = self.at;
        while self.peek(0).is_some_and(|byte| is_word_byte(byte) || byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.push(Kind::Word, start, self.line);
    }

    fn mark(&mut self) {
        let start = self.at;
        let rest = &self.bytes[start..];
        let length = MARKS.iter().find(|mark| rest.starts_with(mark.as_bytes())).map_or(1, |mark| mark.len());
        self.at += length;
        self.push(Kind::Mark, start, self.line);
    }
}

/// Every byte of a character beyond ASCII belongs to a word, so words never cut a character in two.
fn is_word_byte(byte: u8) -> bool {
    byte == b'_' || byte >= 0x80 || byte.is_ascii_alphabetic()
}

fn ends_a_statement(token: &Token<'_>) -> bool {
    const KEYWORDS_INSIDE: [&str; 21] = [
        "case",
        "chan",
        "const",
        "default",
        "defer",
        "else",
        "for",
        "func",
        "go",
        "goto",
        "if",
        "import",
        "interface",
        "map",
        "package",
        "range",
        "select",
        "struct",
        "switch",
        "type",
        "var",
    ];
    match token.kind {
        Kind::Number | Kind::Text => true,
        Kind::Word => !KEYWORDS_INSIDE.contains(&token.text),
        Kind::Mark => matches!(token.text, "++" | "--" | ")" | "]" | "}"),
    }
}

#[cfg(test)]
mod tests {
    use super::tokens;
    use expect_test::{Expect, expect};

    fn check(source: &str, expected: Expect) {
        let shown: Vec<String> =
            tokens(source).iter().map(|token| format!("{}:{}", token.line, token.text.escape_debug())).collect();
        expected.assert_eq(&shown.join(" "));
    }

    #[test]
    fn comments_vanish_and_statements_end() {
        check("a := 1 // x\nb /* y\n */ c\n", expect!["1:a 1::= 1:1 1:; 2:b 2:; 3:c 3:;"]);
    }

    #[test]
    fn comment_signs_in_strings_are_text() {
        check(
            r#"f("// \" no", '"', `/* \`)"#,
            expect![[r#"1:f 1:( 1:\"// \\\" no\" 1:, 1:\'\"\' 1:, 1:`/* \\` 1:) 1:;"#]],
        );
    }

    #[test]
    fn marks_take_the_longest_form() {
        check("x <<= y&^z...", expect!["1:x 1:<<= 1:y 1:&^ 1:z 1:..."]);
    }

    #[test]
    fn numbers_keep_signs_of_exponents() {
        check("1e-9 0x1F-1 .5 1_000", expect!["1:1e-9 1:0x1F 1:- 1:1 1:.5 1:1_000 1:;"]);
    }

    #[test]
    fn broken_text_still_gives_tokens() {
        check("s := \"open\nété := `\nrest", expect!["1:s 1::= 1:\\\"open 1:; 2:été 2::= 2:`\\nrest 3:;"]);
        check("\"\\é\\", expect!["1:\\\"\\\\é\\\\ 1:;"]);
        check("/* open", expect![""]);
    }
}
