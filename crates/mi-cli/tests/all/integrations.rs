//! `mi integrations …`: what is asked, what is said, and what is never shown.

use crate::house::fake::{Asked, Reply};
use crate::house::{House, Said};
use expect_test::{Expect, expect};

fn card(id: &str, category: &str, status: &str, missing: &str) -> String {
    format!(
        r#"{{"id":"{id}","name":"GitHub","description":"Repositories","category":"{category}","type":"secret",
"aliases":["gh"],"capabilities":["issues"],"agentEnvVars":["GITHUB_TOKEN","GH_TOKEN"],"channels":[],
"requiredSecrets":[{{"key":"GITHUB_TOKEN","label":"Token","type":"secret","required":true,"hint":"in Settings"}}],
"verified":true,"status":"{status}","metadata":{{"docs":"https://docs.example","hosts":["api.github.com"],
"rawKeys":false,"agents":["ada"],"missing":[{missing}]}}}}"#
    )
    .replace('\n', "")
}

fn request(agent: &str, id: &str, status: &str) -> String {
    format!(
        r#"{{"id":1,"integrationId":"{id}","agentName":"{agent}","reason":"Need PRs","status":"{status}","taskId":7,
"createdAt":"2026-04-27T09:30:00.000Z","resolvedAt":null}}"#
    )
    .replace('\n', "")
}

/// Answers every question with what its address asks for.
fn answer(asked: &Asked) -> Reply {
    let pending = card("github", "services", "pending", "\"GITHUB_TOKEN\"");
    if asked.line().contains("integration-requests") {
        let (one, two) = (request("ada", "github", "pending"), request("bob", "openai", "pending"));
        return Reply::json(format!("[{one},{two},{}]", request("cyd", "slack", "granted")));
    }
    if asked.line().contains("/agents/") {
        let enabled = asked.line().contains("true");
        return Reply::json(format!(
            r#"{{"integrationId":"github","agentName":"ada","enabled":{enabled},"status":"pending","unblocked":[7]}}"#
        ));
    }
    if asked.line().contains("/secret") {
        return Reply::json(card("github", "services", "configured", ""));
    }
    if asked.line().ends_with("/integrations") {
        return Reply::json(format!("[{pending},{}]", card("openai", "llm", "pending", "\"OPENAI_API_KEY\"")));
    }
    Reply::json(pending)
}

fn house() -> House {
    House::new(|asked, _| answer(asked))
}

fn check(house: &House, line: &str, expect: Expect) {
    let Said { code, out, err } = house.run(line);
    expect.assert_eq(&format!("{out}--\n{err}-- {code}\n{}", house.asked()));
}

#[test]
fn a_secret_comes_from_stdin_a_variable_or_a_file() {
    let mut piped = house();
    piped.stdin = "s3cret\n".to_owned();
    check(
        &piped,
        "mi integrations set gh -",
        expect![[r#"
        --
        github is configured
        hint: `mi integrations enable github AGENT` lets an agent use it
        -- 0
        POST /api/v1/offices/OFFICE/integrations/gh/secret {"key":"s3cret"}
    "#]],
    );

    let mut set = house();
    set.set("GH_TOKEN", "s3cret");
    check(
        &set,
        "mi integrations set github --from-env GH_TOKEN",
        expect![[r#"
        --
        github is configured
        hint: `mi integrations enable github AGENT` lets an agent use it
        -- 0
        GET /api/v1/offices/OFFICE/integrations/github
        POST /api/v1/offices/OFFICE/integrations/github/secret {"data":{"GH_TOKEN":"s3cret"}}
    "#]],
    );

    let mut other = house();
    other.set("MINE", "s3cret");
    check(
        &other,
        "mi integrations set github --from-env MINE --raw-keys",
        expect![[r#"
        --
        github is configured
        hint: `mi integrations enable github AGENT` lets an agent use it
        -- 0
        GET /api/v1/offices/OFFICE/integrations/github
        POST /api/v1/offices/OFFICE/integrations/github/secret {"key":"s3cret","rawKeys":true}
    "#]],
    );

    check(
        &house(),
        "mi integrations set github --from-env NONE",
        expect![[r#"
        --
        error: the variable NONE is not set
        hint: export NONE=… first
        -- 2
        GET /api/v1/offices/OFFICE/integrations/github
    "#]],
    );
}

#[test]
fn a_secret_on_the_command_line_works_with_a_warning() {
    check(
        &house(),
        "mi integrations set github GITHUB_TOKEN=s3cret",
        expect![[r#"
        --
        warning: a value on the command line can be seen by others on this machine and stays in the shell's history; `-`, --from-env or no value at all keeps it to yourself
        github is configured
        hint: `mi integrations enable github AGENT` lets an agent use it
        -- 0
        POST /api/v1/offices/OFFICE/integrations/github/secret {"data":{"GITHUB_TOKEN":"s3cret"}}
    "#]],
    );
    check(
        &house(),
        "mi integrations set github s3cret",
        expect![[r#"
            --
            warning: a value on the command line can be seen by others on this machine and stays in the shell's history; `-`, --from-env or no value at all keeps it to yourself
            github is configured
            hint: `mi integrations enable github AGENT` lets an agent use it
            -- 0
            GET /api/v1/offices/OFFICE/integrations/github
            POST /api/v1/offices/OFFICE/integrations/github/secret {"data":{"GITHUB_TOKEN":"s3cret"}}
        "#]],
    );
}

#[test]
fn raw_keys_alone_asks_for_nothing() {
    check(
        &house(),
        "mi integrations set github --raw-keys=false",
        expect![[r#"
        --
        github is configured
        hint: `mi integrations enable github AGENT` lets an agent use it
        -- 0
        POST /api/v1/offices/OFFICE/integrations/github/secret {"rawKeys":false}
    "#]],
    );
    check(
        &house(),
        "mi integrations unset github",
        expect![[r#"
        --
        the secret of github is forgotten; sessions that run keep what they have
        -- 0
        DELETE /api/v1/offices/OFFICE/integrations/github/secret
    "#]],
    );
}

#[test]
fn enabling_says_what_it_set_going_and_what_is_missing() {
    check(
        &house(),
        "mi integrations enable github ada bob",
        expect![[r#"
        --
        github is on for ada
        task 7 is back in the queue
        hint: it isn't set up yet: `mi integrations inspect github` shows what is missing
        github is on for ada
        task 7 is back in the queue
        hint: it isn't set up yet: `mi integrations inspect github` shows what is missing
        -- 0
        POST /api/v1/offices/OFFICE/integrations/github/agents/ada {"enabled":true}
        POST /api/v1/offices/OFFICE/integrations/github/agents/bob {"enabled":true}
    "#]],
    );
    check(
        &house(),
        "mi integrations disable github ada",
        expect![[r#"
        --
        github is off for ada; a session that runs keeps what it has
        -- 0
        POST /api/v1/offices/OFFICE/integrations/github/agents/ada {"enabled":false}
    "#]],
    );
}

#[test]
fn requests_show_the_command_that_grants_each() {
    check(
        &house(),
        "mi integrations requests",
        expect![[r#"
        AGENT  INTEGRATION  TASK  ASKED                REASON    GRANT IT WITH
        ada    github       7     2026-04-27 09:30:00  Need PRs  mi integrations set github
        bob    openai       7     2026-04-27 09:30:00  Need PRs  mi integrations set openai
        cyd    slack        7     2026-04-27 09:30:00  Need PRs  granted
        --
        -- 0
        GET /api/v1/offices/OFFICE/integration-requests?status=pending
        GET /api/v1/offices/OFFICE/integrations
    "#]],
    );
    let json = house().run("mi integrations requests --all --json");
    assert!(json.out.starts_with('[') && json.err.is_empty(), "{json:?}");
}

#[test]
fn one_is_shown_with_where_its_secrets_are_found() {
    check(
        &house(),
        "mi integrations inspect gh",
        expect![[r#"
        id           github
        name         GitHub
        status       pending
        description  Repositories
        aliases      gh
        can          issues
        agents       ada
        agents find  GITHUB_TOKEN, GH_TOKEN (in pods: placeholders)
        hosts        api.github.com
        missing      GITHUB_TOKEN
        docs         https://docs.example

        SECRET        REQUIRED  LABEL  WHERE
        GITHUB_TOKEN  yes       Token  in Settings
        --
        -- 0
        GET /api/v1/offices/OFFICE/integrations/gh
    "#]],
    );
    check(
        &house(),
        "mi integrations list",
        expect![[r#"
        ID      STATUS   CATEGORY  AGENTS  DESCRIPTION
        github  pending  services  ada     Repositories
        openai  pending  llm       ada     Repositories
        --
        -- 0
        GET /api/v1/offices/OFFICE/integrations
    "#]],
    );
}

#[test]
fn a_value_without_its_name_is_explained_and_so_is_an_unknown_integration() {
    check(
        &house(),
        "mi integrations set github one two",
        expect![[r#"
            --
            error: a value without its name; github takes GITHUB_TOKEN
            hint: write GITHUB_TOKEN=VALUE, `-` for stdin, or nothing to be asked
            -- 2
            GET /api/v1/offices/OFFICE/integrations/github
        "#]],
    );
    let none = House::new(|_, _| Reply::problem(404, "no_such_integration", "there is no integration nosuch"));
    check(
        &none,
        "mi integrations set nosuch x",
        expect![[r#"
            --
            error: there is no integration nosuch
            -- 3
            GET /api/v1/offices/OFFICE/integrations/nosuch
        "#]],
    );
}

#[test]
fn a_key_of_models_is_stored_unasked_and_its_note_is_told() {
    let mut noted = House::new(|_, _| {
        let card = card("openai", "llm", "configured", "");
        Reply::json(card.replace("\"missing\":[]", "\"missing\":[],\"note\":\"stored, but not checked\""))
    });
    noted.stdin = "sk-1".to_owned();
    check(
        &noted,
        "mi integrations set openai - --no-check",
        expect![[r#"
        --
        openai is configured
        warning: stored, but not checked
        hint: `mi integrations enable openai AGENT` lets an agent use it
        -- 0
        POST /api/v1/offices/OFFICE/integrations/openai/secret {"key":"sk-1","check":false}
    "#]],
    );
}

#[test]
fn a_ping_that_nobody_answers_says_what_to_do() {
    let ping = |rest: &'static str| {
        House::new(move |_, _| {
            Reply::json(format!(
                r#"{{"provider":"anthropic","model":"m","key_of":"office","latency_ms":41,"input_tokens":12,
"output_tokens":3,"credits":0.01,{rest}}}"#
            ))
        })
    };
    check(
        &ping(r#""ok":true,"status":200"#),
        "mi llm ping",
        expect![[r#"
        anthropic m answered in 41 ms with the office's key: 12 + 3 tokens, 0.01 credits to an agent
        --
        -- 0
        POST /api/v1/offices/OFFICE/llm/ping {}
    "#]],
    );
    check(
        &ping(r#""ok":false,"status":429,"trouble":"quota: it takes no calls now""#),
        "mi llm ping --provider claude",
        expect![[r#"
        --
        error: anthropic m: quota: it takes no calls now
        hint: mi integrations inspect anthropic shows how its key stands
        -- 1
        POST /api/v1/offices/OFFICE/llm/ping {"provider":"claude"}
    "#]],
    );
}
