//! A YAML text as a tree whose every node knows its line.
//!
//! YAML 1.2 with the core schema, so JSON reads as well. One document, keys are
//! texts and stand once; `<<` merges. Aliases are copied, within a limit.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Map, Number};

/// Nodes of one file, copies of aliases counted.
const NODES_MAX: usize = 100_000;
/// Maps and lists within each other.
const DEPTH_MAX: usize = 64;

/// Where something stands, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

impl From<Span> for Place {
    fn from(span: Span) -> Self {
        Self { line: span.start.line(), column: span.start.col() + 1 }
    }
}

#[derive(Debug, Clone)]
pub struct Node {
    pub at: Place,
    pub value: Value,
}

#[derive(Debug, Clone)]
pub enum Value {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub key: String,
    pub at: Place,
    pub node: Node,
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    pub at: Place,
    pub what: String,
}

impl Complaint {
    pub fn new(at: Place, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }
}

impl Node {
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    pub fn json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(yes) => serde_json::Value::Bool(*yes),
            Value::Number(number) => serde_json::Value::Number(number.clone()),
            Value::Text(text) => serde_json::Value::String(text.clone()),
            Value::List(items) => serde_json::Value::Array(items.iter().map(Node::json).collect()),
            Value::Map(entries) => {
                let pairs = entries.iter().map(|entry| (entry.key.clone(), entry.node.json()));
                serde_json::Value::Object(pairs.collect::<Map<_, _>>())
            }
        }
    }

    fn size(&self) -> usize {
        match &self.value {
            Value::List(items) => 1 + items.iter().map(Node::size).sum::<usize>(),
            Value::Map(entries) => 1 + entries.iter().map(|entry| entry.node.size()).sum::<usize>(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => 1,
        }
    }
}

/// Reads the one document of a text; `None` when there is nothing in it.
pub fn read(text: &str) -> Result<Option<Node>, Complaint> {
    let mut tree = Tree { parser: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0 };
    let mut root = None;
    while let Some((event, at)) = tree.next()? {
        match event {
            Event::StreamStart | Event::DocumentEnd | Event::StreamEnd | Event::Nothing => {}
            Event::DocumentStart(_) if root.is_some() => {
                return Err(Complaint::new(at, "a second document begins here; one file declares one colony"));
            }
            Event::DocumentStart(_) => {}
            event => root = Some(tree.node(event, at, 0)?),
        }
    }
    Ok(root.filter(|node| !matches!(node.value, Value::Null)))
}

struct Tree<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'a> Tree<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Place)>, Complaint> {
        match self.parser.next() {
            None => Ok(None),
            Some(Ok((event, span))) => Ok(Some((event, span.into()))),
            Some(Err(fault)) => {
                let at = Place { line: fault.marker().line(), column: fault.marker().col() + 1 };
                Err(Complaint::new(at, format!("this is no YAML: {}", fault.info())))
            }
        }
    }

    fn need(&mut self, at: Place) -> Result<(Event<'a>, Place), Complaint> {
        self.next()?.ok_or_else(|| Complaint::new(at, "the text ends in the middle of this"))
    }

    fn node(&mut self, event: Event<'a>, at: Place, depth: usize) -> Result<Node, Complaint> {
        self.count(1, at)?;
        if depth > DEPTH_MAX {
            return Err(Complaint::new(at, format!("maps and lists stand at most {DEPTH_MAX} within each other")));
        }
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, _) => (anchor, scalar(&text, style)),
            Event::SequenceStart(anchor, _) => (anchor, Value::List(self.list(at, depth)?)),
            Event::MappingStart(anchor, _) => (anchor, Value::Map(self.map(at, depth)?)),
            Event::Alias(anchor) => return self.copy(anchor, at),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return Err(Complaint::new(at, "something is missing here")),
        };
        let node = Node { at, value };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn copy(&mut self, anchor: usize, at: Place) -> Result<Node, Complaint> {
        let inside = || Complaint::new(at, "this alias stands within what it names");
        let node = self.anchors.get(&anchor).cloned().ok_or_else(inside)?;
        self.count(node.size(), at)?;
        Ok(node)
    }

    fn count(&mut self, more: usize, at: Place) -> Result<(), Complaint> {
        self.nodes += more;
        if self.nodes > NODES_MAX {
            return Err(Complaint::new(at, format!("the file holds more than {NODES_MAX} values")));
        }
        Ok(())
    }

    fn list(&mut self, start: Place, depth: usize) -> Result<Vec<Node>, Complaint> {
        let mut items = Vec::new();
        loop {
            match self.need(start)? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, at) => items.push(self.node(event, at, depth + 1)?),
            }
        }
    }

    fn map(&mut self, start: Place, depth: usize) -> Result<Vec<Entry>, Complaint> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (key, at) = match self.need(start)? {
                (Event::MappingEnd, _) => break,
                (Event::Scalar(text, _, _, _), at) => (text.into_owned(), at),
                (_, at) => return Err(Complaint::new(at, "a key is a text")),
            };
            let (event, value_at) = self.need(at)?;
            let node = self.node(event, value_at, depth + 1)?;
            if key == "<<" {
                merged.extend(merge(node)?);
                continue;
            }
            if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                return Err(Complaint::new(at, format!("{key:?} stands twice, first on line {}", first.at.line)));
            }
            entries.push(Entry { key, at, node });
        }
        for entry in merged {
            if !entries.iter().any(|own| own.key == entry.key) {
                entries.push(entry);
            }
        }
        Ok(entries)
    }
}

/// What `<<` brings in: a map, or several of which the first wins.
fn merge(node: Node) -> Result<Vec<Entry>, Complaint> {
    match node.value {
        Value::Map(entries) => Ok(entries),
        Value::List(nodes) => Ok(nodes.into_iter().map(merge).collect::<Result<Vec<_>, _>>()?.concat()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {
            Err(Complaint::new(node.at, "`<<` takes a map"))
        }
    }
}

/// A quoted text is a text; a plain one may be nothing, a truth value or a number (YAML 1.2, core schema).
fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).map_or_else(|| Value::Text(text.to_owned()), Value::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return i64::from_str_radix(hex, 16).ok().map(Number::from);
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return i64::from_str_radix(octal, 8).ok().map(Number::from);
    }
    let whole = text.strip_prefix('+').unwrap_or(text);
    whole.parse::<i64>().ok().map(Number::from).or_else(|| whole.parse::<f64>().ok().and_then(Number::from_f64))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expect: Expect) {
        let shown = match read(text) {
            Ok(node) => node.map_or_else(|| "nothing".to_owned(), |node| node.json().to_string()),
            Err(complaint) => format!("{}:{}: {}", complaint.at.line, complaint.at.column, complaint.what),
        };
        expect.assert_eq(&shown);
    }

    #[test]
    fn values_have_their_types() {
        check(
            "a: 1\nb: -2.5\nc: yes\nd: 'true'\ne: true\nf:\ng: [0x10, 1.2.3, 007x]\nh: |\n  two\n  lines\n",
            expect![[
                r#"{"a":1,"b":-2.5,"c":"yes","d":"true","e":true,"f":null,"g":[16,"1.2.3","007x"],"h":"two\nlines\n"}"#
            ]],
        );
        check(r#"{"json": [1, "two", null, {"deep": true}]}"#, expect![[r#"{"json":[1,"two",null,{"deep":true}]}"#]]);
        check("", expect!["nothing"]);
        check("# only a comment\n", expect!["nothing"]);
    }

    #[test]
    fn aliases_are_copied_and_merged() {
        check(
            "base: &b {x: 1, y: 2}\nown:\n  <<: *b\n  x: 3\n",
            expect![[r#"{"base":{"x":1,"y":2},"own":{"x":3,"y":2}}"#]],
        );
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..9 {
            let before = format!("*a{}, ", n - 1).repeat(10);
            bomb += &format!("a{n}: &a{n} [{before}]\n");
        }
        check(&bomb, expect!["5:45: the file holds more than 100000 values"]);
    }

    #[test]
    fn what_is_wrong_says_where() {
        check("a: 1\nb: 2\na: 3\n", expect![[r#"3:1: "a" stands twice, first on line 1"#]]);
        check("a: 1\n---\nb: 2\n", expect!["2:1: a second document begins here; one file declares one colony"]);
        check("[a, b]: 1\n", expect!["1:1: a key is a text"]);
        check("a: &x [*x]\n", expect!["1:8: this alias stands within what it names"]);
        check(&"[".repeat(100), expect!["1:66: maps and lists stand at most 64 within each other"]);
    }
}
