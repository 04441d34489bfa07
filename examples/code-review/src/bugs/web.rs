//! Rules about HTTP handlers.

use crate::lexer::Kind;
use crate::rules::{Hit, Program, hit};

/// Headers that proxies set about the caller's address, in lower case.
const FORWARDED_HEADERS: [&str; 5] =
    ["x-forwarded-for", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"];

/// Silent where the function speaks of trust or proxies: somebody has thought about it.
pub(super) fn forwarded_header_trusted(program: &Program<'_>) -> Vec<Hit> {
    let file = &program.file;
    let mut hits = Vec::new();
    for index in 0..file.tokens.len() {
        if !file.reads(index, &["Header", ".", "Get", "("]) || file.kind(index + 4) != Some(Kind::Text) {
            continue;
        }
        let Some(owner) = file.owner[index] else { continue };
        let header = file.text(index + 4).trim_matches(['"', '`']);
        let outermost = &file.functions[file.outermost(owner)];
        let considered = (outermost.start..outermost.body.end).any(|at| {
            let word = file.text(at).to_ascii_lowercase();
            file.is_word(at) && (word.contains("trust") || word.contains("proxy") || word.contains("proxies"))
        });
        if FORWARDED_HEADERS.contains(&header.to_ascii_lowercase().as_str()) && !considered {
            hits.push(hit(index, format!("The caller's address is taken from `{header}` without asking who set it.")));
        }
    }
    hits
}

/// `if … { http.Error(w, …) }` and the handler writes on below.
pub(super) fn error_without_return(program: &Program<'_>) -> Vec<Hit> {
    let file = &program.file;
    let mut hits = Vec::new();
    for index in 0..file.tokens.len() {
        if !file.reads(index, &["http", ".", "Error", "("]) || !file.starts_statement(index) {
            continue;
        }
        let close = file.close_of(index + 3);
        let end = if file.text(close + 1) == ";" { close + 2 } else { close + 1 };
        let Some(block) = file.outer[index].filter(|open| file.close_of(*open) == end) else { continue };
        let is_if = file.heads.get(&block).is_some_and(|head| file.text(*head) == "if");
        if !is_if || file.text(end + 1) == "else" {
            continue;
        }
        let rest_end = file.outer[block].map_or(end, |around| file.close_of(around));
        let writer = file.text(index + 4);
        if (end + 1..rest_end).any(|at| file.text(at) == writer && file.before(at) != ".") {
            let line = file.line(end + 2);
            hits.push(hit(index, format!("The refused request goes on at line {line} and `{writer}` is used again.")));
        }
    }
    hits
}
