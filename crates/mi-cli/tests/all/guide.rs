//! Every line of the guide asks the server for what it should, word for word.

use crate::house::fake::Reply;
use crate::house::{House, OFFICE};
use expect_test::{Expect, expect};

/// Runs a line with `ID` as the colony's id and checks what the server was asked.
fn check(line: &str, expect: Expect) {
    let house = House::new(|_, _| Reply::json("[]"));
    house.run(&format!("{} --json", line.replace("ID", OFFICE)));
    expect.assert_eq(&house.asked());
}

#[test]
fn quick_start() {
    check(
        r#"mi colonies create --name "My Colony""#,
        expect![[r#"
            POST /api/v1/offices {"name":"My Colony"}
        "#]],
    );
    check(
        "mi agents hire --colony ID --name analyst --provider openai-codex",
        expect![[r#"
            POST /api/v1/offices/OFFICE/employees {"name":"analyst","provider":"openai-codex"}
        "#]],
    );
    check(
        r#"mi tasks create --colony ID --title "Review code" --assignedAgent analyst"#,
        expect![[r#"
            POST /api/v1/offices/OFFICE/tasks {"title":"Review code","assignedAgent":"analyst"}
        "#]],
    );
    check(
        "mi tasks get --colony ID 7",
        expect![[r#"
            GET /api/v1/offices/OFFICE/tasks/7
        "#]],
    );
}

#[test]
fn tutorial() {
    check(
        "mi agents hire --colony ID --name reviewer --provider openai-codex --model gpt-5.5",
        expect![[r#"
            POST /api/v1/offices/OFFICE/employees {"name":"reviewer","modelTier":"gpt-5.5","provider":"openai-codex"}
        "#]],
    );
    check(
        r#"mi tasks create --colony ID --title "Review rate-limiter.go" --kind review"#,
        expect![[r#"
            POST /api/v1/offices/OFFICE/tasks {"title":"Review rate-limiter.go","kind":"review"}
        "#]],
    );
    check(
        r#"mi tasks create --colony ID --title "Find bugs and edge cases" --kind review --parentId 1 --assignedAgent reviewer"#,
        expect![[r#"
            POST /api/v1/offices/OFFICE/tasks {"title":"Find bugs and edge cases","kind":"review","assignedAgent":"reviewer","parentId":1}
        "#]],
    );
    check(
        "mi files list --colony ID",
        expect![[r#"
            GET /api/v1/offices/OFFICE/files
        "#]],
    );
    check(
        "mi agents fire --colony ID reviewer",
        expect![[r#"
            DELETE /api/v1/offices/OFFICE/employees/reviewer
        "#]],
    );
}

#[test]
fn offices_and_agents() {
    check(
        "mi colonies list",
        expect![[r#"
        GET /api/v1/offices
    "#]],
    );
    check(
        "mi colonies status ID",
        expect![[r#"
        GET /api/v1/offices/OFFICE/status
    "#]],
    );
    check(
        "mi colonies delete ID",
        expect![[r#"
        DELETE /api/v1/offices/OFFICE
    "#]],
    );
    check(
        "mi agents list --colony ID",
        expect![[r#"
        GET /api/v1/offices/OFFICE/employees
    "#]],
    );
    check(
        r#"mi agents hire --colony ID --name "analyst" --model sonnet"#,
        expect![[r#"
        POST /api/v1/offices/OFFICE/employees {"name":"analyst","modelTier":"sonnet"}
    "#]],
    );
    check(
        "mi agents get ID analyst",
        expect![[r#"
        GET /api/v1/offices/OFFICE/employees/analyst
    "#]],
    );
    check(
        "mi agents logs ID analyst",
        expect![[r#"
        GET /api/v1/offices/OFFICE/employees/analyst/logs
    "#]],
    );
    check(
        "mi agents activity ID analyst",
        expect![[r#"
        GET /api/v1/offices/OFFICE/employees/analyst/activity
    "#]],
    );
    check(
        "mi agents fire ID analyst",
        expect![[r#"
        DELETE /api/v1/offices/OFFICE/employees/analyst
    "#]],
    );
}

#[test]
fn files_tasks_env_and_credits() {
    check(
        "mi files rm --colony ID report.md",
        expect![[r#"
        DELETE /api/v1/offices/OFFICE/files/report.md
    "#]],
    );
    check(
        "mi tasks list --colony ID",
        expect![[r#"
        GET /api/v1/offices/OFFICE/tasks
    "#]],
    );
    check(
        r#"mi tasks create --colony ID --title "Review pipeline""#,
        expect![[r#"
        POST /api/v1/offices/OFFICE/tasks {"title":"Review pipeline"}
    "#]],
    );
    check(
        "mi tasks get ID 3",
        expect![[r#"
        GET /api/v1/offices/OFFICE/tasks/3
    "#]],
    );
    check(
        "mi tasks stats --colony ID",
        expect![[r#"
        GET /api/v1/offices/OFFICE/tasks/stats
    "#]],
    );
    check(
        "mi env list --colony ID",
        expect![[r#"
        GET /api/v1/offices/OFFICE/env
    "#]],
    );
    check(
        "mi env set --colony ID KEY=value=1",
        expect![[r#"
        PUT /api/v1/offices/OFFICE/env {"KEY":"value=1"}
    "#]],
    );
    check(
        "mi env delete --colony ID KEY",
        expect![[r#"
        DELETE /api/v1/offices/OFFICE/env/KEY
    "#]],
    );
    check(
        "mi env delete --colony ID KEY --agent ada",
        expect![[r#"
        DELETE /api/v1/offices/OFFICE/env/KEY?scope=agent&agentName=ada
    "#]],
    );
    check(
        "mi credits add --colony ID --amount 100",
        expect![[r#"
        POST /api/v1/offices/OFFICE/credits {"amount":100}
    "#]],
    );
}

#[test]
fn the_forms_of_the_contract() {
    check(
        "mi agents get analyst",
        expect![[r#"
        GET /api/v1/offices/OFFICE/employees/analyst
    "#]],
    );
    check(
        "mi offices status -o ID",
        expect![[r#"
        GET /api/v1/offices/OFFICE/status
    "#]],
    );
    check(
        "mi status --office ID",
        expect![[r#"
        GET /api/v1/offices/OFFICE/status
    "#]],
    );
    check(
        "mi logs analyst --tail 5",
        expect![[r#"
        GET /api/v1/offices/OFFICE/employees/analyst/logs?tail=5
    "#]],
    );
    check(
        "mi restart analyst",
        expect![[r#"
        POST /api/v1/offices/OFFICE/employees/analyst/lifecycle {"action":"restart"}
    "#]],
    );
    check(
        "mi error analyst",
        expect![[r#"
        GET /api/v1/offices/OFFICE/employees/analyst/last-error
    "#]],
    );
    check(
        "mi tasks create --title t --parent-id 1 --depends-on 2,3 --required-tools github,chromium --assigned-agent a --priority 0",
        expect![[r#"
            POST /api/v1/offices/OFFICE/tasks {"title":"t","priority":0,"assignedAgent":"a","parentId":1,"dependsOn":["2","3"],"requiredTools":["github","chromium"]}
        "#]],
    );
    check(
        r#"mi agents hire --name a --command "wc -l" --env A=1 --env B=2 --skills go,rust --system-prompt careful"#,
        expect![[r#"
            POST /api/v1/offices/OFFICE/employees {"name":"a","skills":["go","rust"],"env":{"A":"1","B":"2"},"systemPrompt":"careful","harness":"command","command":"wc -l"}
        "#]],
    );
    check(
        "mi colonies settings set maxAgents=10 timezone=Europe/Berlin",
        expect![[r#"
        PATCH /api/v1/offices/OFFICE/settings {"maxAgents":10,"timezone":"Europe/Berlin"}
    "#]],
    );
    check(
        r#"mi api post /api/v1/x -d "[1, 2]""#,
        expect![[r#"
            POST /api/v1/x [1,2]
        "#]],
    );
}

#[test]
fn integrations() {
    check(
        "mi integrations list --colony ID",
        expect![[r#"
        GET /api/v1/offices/OFFICE/integrations
    "#]],
    );
    check(
        "mi integrations models --colony ID --provider google",
        expect![[r#"
        GET /api/v1/offices/OFFICE/provider-models?provider=google
    "#]],
    );
    check(
        "mi llm ping --colony ID --provider google --model haiku",
        expect![[r#"
        POST /api/v1/offices/OFFICE/llm/ping {"provider":"google","model":"haiku"}
    "#]],
    );
}

#[test]
fn moves_of_tasks() {
    check(
        "mi tasks update 2 --status done --result fine --claim 9",
        expect![[r#"
        PATCH /api/v1/offices/OFFICE/tasks/2 {"status":"done","result":"fine"}
    "#]],
    );
    check(
        "mi tasks update 2 --status blocked --reason key --blocked-kind needs_input",
        expect![[r#"
        PATCH /api/v1/offices/OFFICE/tasks/2 {"status":"blocked","reason":"key","blockedKind":"needs_input"}
    "#]],
    );
    check(
        "mi tasks claim --agent ada --wait 20",
        expect![[r#"
        POST /api/v1/offices/OFFICE/tasks/claim {"agent":"ada","wait":20}
    "#]],
    );
    check(
        "mi tasks verify 2 --reject --comments wrong --reviewer ada",
        expect![[r#"
        POST /api/v1/offices/OFFICE/tasks/2/verify {"accepted":false,"reviewer":"ada","comments":"wrong"}
    "#]],
    );
    check(
        "mi tasks retry 2 --reason again",
        expect![[r#"
        POST /api/v1/offices/OFFICE/tasks/2/retry {"reason":"again"}
    "#]],
    );
    check(
        "mi tasks artifact 2 /shared/files/r/x.md --kind report",
        expect![[r#"
        POST /api/v1/offices/OFFICE/tasks/2/artifacts {"kind":"report","path":"r/x.md"}
    "#]],
    );
}
