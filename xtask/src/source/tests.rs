use expect_test::{Expect, expect};

use super::Source;

fn check_code(text: &str, expected: Expect) {
    expected.assert_eq(&Source::scan(text).code);
}

fn check_functions(text: &str, expected: Expect) {
    let named: Vec<String> = Source::scan(text)
        .functions()
        .iter()
        .map(|function| format!("{} {}-{}", function.name, function.lines.start(), function.lines.end()))
        .collect();
    expected.assert_eq(&named.join("\n"));
}

#[test]
fn strings_characters_and_comments_go_blank() {
    check_code(r#"let a = "} // no"; // yes {"#, expect!["let a =          ;         "]);
    check_code("let c = '{'; let q = '\\''; let l: &'a str;", expect!["let c =    ; let q =     ; let l: &'a str;"]);
    check_code("a /* one /* two */ still */ b", expect!["a                           b"]);
    check_code("let r = r#\"a \"quoted\" {\"#; r#type", expect!["let r = r#               ; r#type"]);
    check_code("let b = b\"{\"; let y = b'}';", expect!["let b = b   ; let y = b   ;"]);
}

#[test]
fn a_scan_keeps_every_line_break() {
    let text = "fn a() {\n    let s = \"one\ntwo\";\n    /* three\n four */\n}\n";
    assert_eq!(Source::scan(text).code.lines().count(), text.lines().count());
}

#[test]
fn literals_and_comments_know_their_line() {
    let source = Source::scan("// first\nlet a = \"second\";\nlet b = r\"third\";\n/// fourth\n");
    let strings: Vec<_> = source.strings.iter().map(|piece| (piece.line, piece.text.as_str())).collect();
    let comments: Vec<_> = source.comments.iter().map(|piece| (piece.line, piece.text.as_str())).collect();
    assert_eq!(strings, [(2, "second"), (3, "third")]);
    assert_eq!(comments, [(1, "// first"), (4, "/// fourth")]);
}

#[test]
fn functions_are_found_with_their_bodies() {
    check_functions(
        "fn one() -> [u8; 2] {\n    [0; 2]\n}\ntrait T {\n    fn none(&self);\n    fn two(&self) {\n        if x { y }\n    }\n}\ntype F = fn(u8);\n",
        expect![[r#"
            one 1-3
            two 6-8"#]],
    );
}

#[test]
fn a_brace_in_a_string_ends_no_function() {
    check_functions(
        "fn a() {\n    say(\"}\");\n    say('}');\n}\nfn b() {}\n",
        expect![[r#"
        a 1-4
        b 5-5"#]],
    );
}

#[test]
fn test_modules_are_known() {
    let source = Source::scan("fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n");
    assert_eq!(source.test_lines(), vec![2..=5]);
    let outside = Source::scan("#[cfg(test)]\nmod tests;\nfn a() {}\n");
    assert_eq!(outside.test_lines(), vec![1..=2]);
}

#[test]
fn names_under_a_root_are_found_in_groups_too() {
    let source = Source::scan(
        "use std::{fs, collections::{HashMap, env}, net::IpAddr};\nlet a = std::env::var();\nmy_std::fs;\n",
    );
    let names: Vec<_> = source.names_under("std").into_iter().map(|(line, name)| format!("{line} {name}")).collect();
    assert_eq!(names, ["1 fs", "1 collections", "1 net", "2 env"]);
}

#[test]
fn a_word_is_whole() {
    let source = Source::scan("sleep(1); clock_sleep(2); sleeper(); thread::sleep (3);");
    assert_eq!(source.words("sleep").len(), 2);
    assert_eq!(source.lines_with("sleep", "(").len(), 2);
}
