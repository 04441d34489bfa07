//! Workspaces from the command line: kept, shown, brought back.

use crate::house::fake::{Asked, Reply};
use crate::house::{House, Said};
use expect_test::{Expect, expect};

const BACKUP: &str = r#"{"id":"5f0c","agentName":"ada","agentId":"1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed","cause":"fired",
"files":3,"bytes":70015,"size":1234,"skipped":0,"sha256":"ab","createdAt":"2026-04-27T09:30:00.000Z"}"#;
const LISTED: &str = r#"[{"name":"notes","kind":"folder"},
{"name":"run.sh","kind":"file","size":12,"modifiedAt":"2026-04-27T09:30:00.000Z"}]"#;

fn answer(asked: &Asked) -> Reply {
    let line = asked.line();
    if line.contains("path=run.sh") {
        return Reply::problem(409, "not_a_file", "no regular file");
    }
    if line.ends_with("/files/run.sh") {
        return Reply::json("#!/bin/sh\nls\n");
    }
    if line.contains("/files") {
        return Reply::json(LISTED.replace('\n', ""));
    }
    if line.starts_with("GET") {
        return Reply::json(format!("[{BACKUP}]").replace('\n', ""));
    }
    if line.starts_with("DELETE") {
        return Reply::empty(204);
    }
    Reply::json(BACKUP.replace('\n', ""))
}

fn check(line: &str, expect: Expect) {
    let house = House::new(|asked, _| answer(asked));
    let Said { code, out, err } = house.run(line);
    expect.assert_eq(&format!("{out}--\n{err}-- {code}\n{}", house.asked()));
}

#[test]
fn backups_are_listed_made_put_back_and_deleted() {
    check(
        "mi backup list --agent ada",
        expect![[r#"
        BACKUP  AGENT  BECAUSE  FILES  BYTES      SIZE      MADE
        5f0c    ada    fired    3      68.37 KiB  1.21 KiB  2026-04-27 09:30:00
        --
        -- 0
        GET /api/v1/offices/OFFICE/backups?agent=ada
    "#]],
    );
    check(
        "mi backup create ada",
        expect![[r#"
        BACKUP  AGENT  BECAUSE  FILES  BYTES      SIZE      MADE
        5f0c    ada    fired    3      68.37 KiB  1.21 KiB  2026-04-27 09:30:00
        --
        -- 0
        POST /api/v1/offices/OFFICE/employees/ada/backups
    "#]],
    );
    check(
        "mi backup restore 5f0c --agent bob",
        expect![[r#"
        BACKUP  AGENT  BECAUSE  FILES  BYTES      SIZE      MADE
        5f0c    ada    fired    3      68.37 KiB  1.21 KiB  2026-04-27 09:30:00
        --
        hint: mi start NAME lets the agent work with it
        -- 0
        POST /api/v1/offices/OFFICE/backups/5f0c/restore {"agent":"bob"}
    "#]],
    );
    check(
        "mi backup delete 5f0c",
        expect![[r#"
        --
        deleted backup 5f0c
        -- 0
        DELETE /api/v1/offices/OFFICE/backups/5f0c
    "#]],
    );
}

#[test]
fn a_workspace_is_listed_and_its_files_are_printed() {
    check(
        "mi agents files ada",
        expect![[r#"
        NAME    KIND    SIZE  MODIFIED
        notes   folder
        run.sh  file    12 B  2026-04-27 09:30:00
        --
        -- 0
        GET /api/v1/offices/OFFICE/employees/ada/files
    "#]],
    );
    check(
        "mi agents files ada run.sh",
        expect![[r#"
        #!/bin/sh
        ls
        --
        -- 0
        GET /api/v1/offices/OFFICE/employees/ada/files?path=run.sh
        GET /api/v1/offices/OFFICE/employees/ada/files/run.sh
    "#]],
    );
}

#[test]
fn who_is_fired_leaves_a_backup_unless_told_otherwise() {
    check(
        "mi agents fire ada --no-backup",
        expect![[r#"
        --
        fired ada
        -- 0
        DELETE /api/v1/offices/OFFICE/employees/ada?noBackup=true
    "#]],
    );
    check(
        "mi agents fire ada",
        expect![[r#"
        --
        fired ada
        -- 0
        DELETE /api/v1/offices/OFFICE/employees/ada
    "#]],
    );
}
