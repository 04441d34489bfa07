use expect_test::expect;

use super::{page, read_table};

const TABLE: &str = r#"
macro_rules! codes { ($($name:ident => $status:literal $code:literal;)*) => {} }
codes! {
    NoSuchTask => 404 "no_such_task" "There is no such task.";
    TooLong => 400 "too_long"
        "A text over its limit.";
}
fn other() -> &'static str { match a { A => "no_code" } }
"#;

#[test]
fn rows_are_read_however_they_are_broken() {
    let rows = read_table(TABLE);
    let rows: Vec<String> = rows.iter().map(|row| format!("{} {} {}", row.status, row.code, row.meaning)).collect();
    assert_eq!(rows, ["404 no_such_task There is no such task.", "400 too_long A text over its limit."]);
}

#[test]
fn a_page_says_what_to_do() {
    let rows = read_table(TABLE);
    expect![[r##"
        # no_such_task

        **HTTP 404.** There is no such task.

        ## What to do

        `mi tasks list` shows the numbers. Each office counts its own tasks from 1; is it the right office?

        ## For programs

        Repeating the same request doesn't help. `mi` ends with exit code 3.

        ```json
        {"error": "…", "code": "no_such_task", "hint": "…", "request_id": "…"}
        ```

        Branch on `code`, never on the sentence: sentences get better, codes stay. `request_id` finds the request in
        the server's log.
    "##]]
    .assert_eq(&page(&rows[0]));
}
