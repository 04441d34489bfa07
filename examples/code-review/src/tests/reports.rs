use crate::{FINDINGS_MAX, Language, Lens, QUOTE_CHARS_MAX, analyse, analyse_bytes};
use expect_test::{Expect, expect, expect_file};

const QUEUE: &str = include_str!("../../queue.go");
const CLEAN: &str = include_str!("../../clean.go");

fn outline(lens: Lens, name: &str, source: &str, expected: Expect) {
    let report = analyse(lens, name, source);
    let lines: Vec<String> = report
        .findings
        .iter()
        .map(|finding| format!("{} {} {} | {}", finding.line, finding.severity.name(), finding.rule, finding.code))
        .collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn whole_reports_of_the_rate_limiter() {
    let bugs = analyse(Lens::Bugs, crate::SAMPLE_NAME, crate::SAMPLE_SOURCE);
    expect_file!["expected/rate-limiter-bugs.md"].assert_eq(&bugs.to_markdown());
    let performance = analyse(Lens::Performance, crate::SAMPLE_NAME, crate::SAMPLE_SOURCE);
    expect_file!["expected/rate-limiter-performance.md"].assert_eq(&performance.to_markdown());
}

#[test]
fn another_file_gives_other_findings() {
    outline(
        Lens::Bugs,
        "queue.go",
        QUEUE,
        expect![[r#"
            42 high lock-not-released | return ErrFull
            65 high copied-mutex | func (q Queue) Len() int {
            73 medium number-unchecked | return q.Len() / workers
            80 high write-under-read-lock | delete(q.seen, id)
            99 medium close-twice | close(q.stop)
            104 medium ignored-error | body, _ := json.Marshal(job.Payload)
            120 medium ignored-error | json.Unmarshal(body, &job)"#]],
    );
    outline(
        Lens::Performance,
        "queue.go",
        QUEUE,
        expect![[r#"
        54 medium polling-loop | for q.Len() == 0 {
        60 low slice-shift | q.items = q.items[1:]
        89 low timer-per-iteration | case <-time.After(time.Second):
        103 high transport-per-call | client := &http.Client{Transport: &http.Transport{MaxIdleConns: 1}}
        114 high body-read-unbounded | body, err := io.ReadAll(r.Body)"#]],
    );
}

#[test]
fn a_careful_file_gives_hardly_any() {
    outline(Lens::Bugs, "clean.go", CLEAN, expect![[""]]);
    outline(
        Lens::Performance,
        "clean.go",
        CLEAN,
        expect!["69 low append-without-capacity | users = append(users, found.user)"],
    );
}

#[test]
fn summaries() {
    expect!["queue.go (126 lines), bugs: 7 findings (3 high, 4 medium, 0 low). Most severe: line 42 [high, lock-not-released] Returns while `q.mu`, locked on line 40, is still held. · line 65 [high, copied-mutex] Len has a value receiver, so each call copies Queue with its `mu`. · line 80 [high, write-under-read-lock] `q.seen` is changed while only RLock is held."].assert_eq(&analyse(Lens::Bugs, "queue.go", QUEUE).summary());
    expect!["clean.go (96 lines), bugs: none of the 15 rules applies. That is no proof of the absence of weaknesses."]
        .assert_eq(&analyse(Lens::Bugs, "clean.go", CLEAN).summary());
}

#[test]
fn windows_line_ends_change_nothing() {
    let unix = analyse(Lens::Bugs, "queue.go", QUEUE);
    let windows = analyse(Lens::Bugs, "queue.go", &QUEUE.replace('\n', "\r\n"));
    assert_eq!(unix, windows);
}

#[test]
fn invalid_utf8_is_replaced_and_said() {
    let mut bytes = QUEUE.as_bytes().to_vec();
    bytes.extend_from_slice(b"// caf\xe9\n");
    let report = analyse_bytes(Lens::Bugs, "queue.go", &bytes);
    expect!["the file is not valid UTF-8 (first on line 127); those bytes were replaced."]
        .assert_eq(&report.notes.join("\n"));
    assert_eq!(report.findings, analyse(Lens::Bugs, "queue.go", QUEUE).findings);
}

#[test]
fn an_empty_file_is_an_honest_nothing() {
    let report = analyse(Lens::Bugs, "empty.go", "");
    expect![[r#"
        # empty.go: bugs

        empty.go (0 lines), bugs: none of the 15 rules applies. That is no proof of the absence of weaknesses. Note: the file holds no code.

        ## About this review

        The file is empty. 0 named functions. 15 named rules were applied to the text of this one file; types are not checked and other files are not read. A rule that can't tell stays silent, so a finding deserves a look and silence proves nothing.
    "#]].assert_eq(&report.to_markdown());
}

#[test]
fn other_languages_are_only_measured() {
    let report = analyse(Lens::Performance, "notes.txt", "one\n\nthree words here\n");
    assert_eq!(report.language, Language::Other);
    expect![[r#"
        # notes.txt: performance

        notes.txt (3 lines), performance: not reviewed, only measured: 3 lines, 1 of them blank; the longest, line 3, has 16 characters. Note: the rules understand only Go, and the name doesn't end in .go.

        ## About this review

        3 lines, 1 of them blank; the longest, line 3, has 16 characters. No rule was applied.
    "#]].assert_eq(&report.to_markdown());
}

#[test]
fn binary_and_deeply_nested_text_is_only_measured() {
    let binary = analyse(Lens::Bugs, "a.go", "package a\0");
    expect!["a.go (1 line), bugs: not reviewed, only measured: 1 lines, 0 of them blank; the longest, line 1, has 10 characters. Note: the file holds NUL bytes, so it is no Go text."].assert_eq(&binary.summary());
    let nested = analyse(Lens::Bugs, "a.go", &"func(){".repeat(5_000));
    expect!["a.go (1 line), bugs: not reviewed, only measured: 1 lines, 0 of them blank; the longest, line 1, has 35000 characters. Note: brackets are nested more than 200 deep."].assert_eq(&nested.summary());
}

#[test]
fn broken_go_is_reviewed_with_a_doubt() {
    let report = analyse(Lens::Bugs, "a.go", "package a\nfunc f() {\n\tx, _ := strconv.Atoi(s)\n");
    expect!["a.go (3 lines), bugs: 1 finding (0 high, 1 medium, 0 low). Most severe: line 3 [medium, ignored-error] The error of strconv.Atoi is thrown away with `_`. Note: a bracket on line 2 has no partner; the file doesn't compile and findings may be missing."].assert_eq(&report.summary());
}

#[test]
fn a_huge_line_is_quoted_in_part() {
    let source =
        format!("package a\nfunc f(s string) int {{ x, _ := strconv.Atoi(s); return x{} }}\n", " + 1".repeat(50_000));
    let report = analyse(Lens::Bugs, "a.go", &source);
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.findings[0].code.chars().count(), QUOTE_CHARS_MAX + " …".chars().count());
    assert_eq!(report.measures.longest_line, 2);
}

#[test]
fn lists_are_cut_and_counted() {
    let source = format!("package a\nfunc f(s string) {{\n{}}}\n", "x, _ = strconv.Atoi(s)\n".repeat(FINDINGS_MAX + 5));
    let report = analyse(Lens::Bugs, "a.go", &source);
    assert_eq!((report.findings.len(), report.findings_total), (FINDINGS_MAX, FINDINGS_MAX + 5));
    assert!(report.to_markdown().contains("\n5 more findings are not listed.\n"));
}

#[test]
fn findings_are_serialised_for_programs() {
    let report = analyse(Lens::Bugs, "a.go", "package a\nfunc f(s string) {\n\tx, _ := strconv.Atoi(s)\n\tuse(x)\n}\n");
    let json = serde_json::to_string_pretty(&report).expect("a report is plain data");
    expect![[r#"
        {
          "file_name": "a.go",
          "lens": "bugs",
          "language": "go",
          "rules_applied": 15,
          "findings": [
            {
              "line": 3,
              "rule": "ignored-error",
              "severity": "medium",
              "message": "The error of strconv.Atoi is thrown away with `_`.",
              "why": "When the call fails, the code goes on with a zero or half-filled value and nobody learns of it.",
              "code": "x, _ := strconv.Atoi(s)"
            }
          ],
          "findings_total": 1,
          "measures": {
            "lines": 5,
            "blank_lines": 0,
            "longest_line": 3,
            "longest_line_chars": 24,
            "functions": 1
          },
          "notes": []
        }"#]]
    .assert_eq(&json);
}
