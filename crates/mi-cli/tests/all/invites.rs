//! Invites and agents from elsewhere, as the command line asks and tells.

use std::sync::Mutex;

use expect_test::{Expect, expect};

use crate::house::fake::{Asked, Reply};
use crate::house::{House, OFFICE, agent};

const AGENT: &str = "5b7e3c1a-0000-4000-8000-0000000000aa";

fn joined(key: &str) -> String {
    format!(
        r#"{{"employee_id":"{AGENT}","bot_id":"{AGENT}","office_id":"{OFFICE}","api_key":{key},"agent_name":"walker",
"office":{{"name":"review","type":"team","member_count":1,"agent_count":2,"owner_is_caller":false}},
"xmtp":{{"office_group_id":null,"office_xmtp_address":null,"registered":false}}}}"#
    )
}

fn own_card() -> String {
    let card = agent("walker").replace(r#""kind":"hosted""#, r#""kind":"external""#);
    format!(
        r#"{{"employee_id":"{AGENT}","bot_id":"{AGENT}","agent_name":"walker","office_id":"{OFFICE}",
"office":{{"name":"review","type":"team","member_count":1,"agent_count":2,"owner_is_caller":false}},"agent":{card},
"claims":[{{"task_id":7,"token":12,"lease_expires_at":"2026-04-27T09:32:00.000Z"}}],
"server_time":"2026-04-27T09:31:05.000Z"}}"#
    )
}

/// What the server was asked, keys left out: each is another one.
fn asked(house: &House) -> String {
    let mut lines = house.asked();
    while let Some(at) = lines.find(r#","publicKey":"04"#) {
        lines.replace_range(at..at + KEY_CHARS, "");
    }
    lines
}

/// `,"publicKey":"04…"`
const KEY_CHARS: usize = 14 + 130 + 1;

/// A server that lets agents in, and knows the one whose key it gave.
fn server(asked: &Asked) -> Reply {
    // Whoever has a key pair signs, and sends no key.
    let knows = asked.header("x-agent-id") == Some(AGENT) && asked.header("authorization").is_none();
    match (asked.method.as_str(), asked.path.as_str()) {
        ("POST", "/api/agents/join") if asked.header("authorization").is_none() => {
            Reply { status: 201, ..Reply::json(joined(r#""mia_key""#)) }
        }
        _ if !knows => Reply::problem(401, "unauthenticated", "this key is not known here"),
        ("GET", "/api/agents/self") => Reply::json(own_card()),
        ("PATCH", "/api/agents/self") => Reply::json(agent("walker")),
        _ => Reply::json("{\"ok\":true,\"messageId\":1}"),
    }
}

/// Somebody with a machine and an invite.
fn machine() -> House {
    House::stranger(|asked, _| server(asked))
}

fn tells(house: &House, line: &str, expect: Expect) {
    let said = house.run(line);
    let home = house.home.path().display().to_string();
    let url = house.server.url();
    let text =
        format!("{}{}", said.out, said.err).replace(&home, "HOME").replace(&url, "URL").replace(OFFICE, "OFFICE");
    expect.assert_eq(&text);
    assert_eq!(said.code, 0, "{text}");
}

#[test]
fn an_invite_is_made_with_what_it_says() {
    let made = format!(
        r#"{{"id":7,"code":"ABCD23","officeId":"{OFFICE}","claim":"http://x/r/ABCD23","kind":"agent","expiresAt":"2026-04-28T09:31:05.000Z"}}"#
    );
    let house = House::new(move |_, _| Reply::json(made.clone()));
    tells(
        &house,
        r#"mi invite --expires 1h --for "the build machine""#,
        expect![[r#"
            code    ABCD23
            for     an agent
            until   2026-04-28 09:31:05
            page    http://x/r/ABCD23
            invite  7
            the code works once and is not shown again
            hint: on its machine: mi agent onboard ABCD23 -n NAME --endpoint URL
            that address is for this machine; from elsewhere, take the one by which the server is reached
        "#]],
    );
    house.run("mi invite --human --role operator");
    house.run("mi invite list");
    house.run("mi invite revoke abcd23");
    house.run("mi invite approve 3");
    house.run(r#"mi invite refuse 3 --reason "we have enough""#);
    assert_eq!(house.run("mi invite --role viewer").code, 2, "only people have roles");
    assert_eq!(house.run("mi invite --human --role owner").code, 2);
    expect![[r#"
        POST /api/v1/offices/OFFICE/invites {"kind":"agent","expiresInSeconds":3600,"for":"the build machine"}
        POST /api/v1/offices/OFFICE/invites {"kind":"human","role":"operator"}
        GET /api/v1/offices/OFFICE/invites
        DELETE /api/v1/offices/OFFICE/invites/abcd23
        POST /api/v1/offices/OFFICE/applications/3/approve
        POST /api/v1/offices/OFFICE/applications/3/refuse {"reason":"we have enough"}
    "#]]
    .assert_eq(&asked(&house));
}

#[test]
fn an_agent_joins_and_then_acts_as_itself() {
    let house = machine();
    tells(
        &house,
        "mi agent join ABCD23 -n walker --capabilities go,sql --model large",
        expect![[r#"
            agent   walker
            colony  review (OFFICE)
            id      5b7e3c1a-0000-4000-8000-0000000000aa
            its key is in HOME/.mi/agents/OFFICE/walker.json
            hint: mi agent heartbeat-daemon --as-agent walker keeps it online
        "#]],
    );
    tells(
        &house,
        "mi agent self",
        expect![[r#"
            agent    walker
            id       5b7e3c1a-0000-4000-8000-0000000000aa
            colony   review (OFFICE)
            phase    Idle
            message  waits for work
            model    sonnet
            holds    task 7 with claim 12, until 2026-04-27 09:32:00
        "#]],
    );
    tells(&house, "mi agent heartbeat", expect![["walker was heard\n"]]);
    house.run("mi agent use-model opus");
    house.run(r#"mi tasks log 7 "reading" --as-agent walker --claim 12"#);
    expect![[r#"
        POST /api/agents/join {"code":"ABCD23","agentName":"walker","capabilities":["go","sql"],"model":"large"}
        GET /api/agents/self
        POST /api/agents/heartbeat
        PATCH /api/agents/self {"modelTier":"opus"}
        POST /api/v1/offices/OFFICE/tasks/7/log {"message":"reading"}
    "#]]
    .assert_eq(&asked(&house));
}

#[test]
fn an_agents_key_goes_to_its_own_server_only() {
    let mut house = machine();
    house.run("mi agent join ABCD23 -n walker");
    let other = House::stranger(|asked, _| server(asked));
    let url = other.server.url();
    house.set("MI_ENDPOINT", &url);
    assert_eq!(house.run("mi agent self --as-agent walker").code, 0);
    assert_eq!(other.asked(), "");
    let unknown = house.run("mi agent self --as-agent nobody");
    assert_eq!((unknown.code, unknown.out.as_str()), (3, ""));
    expect![[r#"
        error: no agent nobody joined from this machine
        hint: `mi agent join CODE -n NAME` lets one join; MI_HOME names the folder where they are kept
    "#]]
    .assert_eq(&unknown.err);
}

#[test]
fn onboarding_joins_keeps_online_and_says_hello_once() {
    let mut house = machine();
    house.set("HOME", "/nowhere");
    let config = house.home.path().join("config");
    house.set("XDG_CONFIG_HOME", config.to_str().unwrap());
    tells(
        &house,
        "mi agent onboard ABCD23 -n walker",
        expect![[r#"
            agent      walker
            colony     review (OFFICE)
            id         5b7e3c1a-0000-4000-8000-0000000000aa
            heartbeat  nobody keeps services here; leave this running: mi agent heartbeat-daemon --as-agent walker
            walker is in review
            hint: mi tasks claim --as-agent walker takes work
        "#]],
    );
    house.start = |program, arguments| {
        assert_eq!((program, arguments[0]), ("systemctl", "--user"));
        Ok(true)
    };
    let again = house.run("mi agent onboard ABCD23 -n walker");
    let unit = "systemd/user/mi-heartbeat-5b7e3c1a-walker.service";
    assert!(again.out.contains(unit) && again.err.contains("joined review before"), "{again:?}");
    let text = std::fs::read_to_string(config.join(unit)).unwrap();
    let line = format!(r#"ExecStart="/opt/mi" "agent" "heartbeat-daemon" "--as-agent" "{OFFICE}/walker""#);
    assert!(text.contains(&line) && text.contains("RestartPreventExitStatus=4"), "{text}");
    expect![[r#"
        POST /api/agents/join {"code":"ABCD23","agentName":"walker"}
        POST /api/agents/heartbeat
        POST /api/v1/offices/OFFICE/xmtp/groups/office/send {"body":"walker joined from elsewhere and takes work."}
        GET /api/agents/self
        POST /api/agents/heartbeat
    "#]]
    .assert_eq(&asked(&house));
}

#[test]
fn onboarding_says_what_it_found_and_what_it_misses_before_the_code_is_used() {
    let mut house = machine();
    let without_home = house.run("mi agent onboard ABCD23 -n walker");
    assert_eq!(without_home.code, 2);
    assert_eq!(without_home.err, "error: HOME is not set: no service can be kept\nhint: set HOME, or --no-service\n");
    let no_folder = house.run("mi agent onboard ABCD23 -n walker --no-service --clone --state-dir /nowhere/at/all");
    assert_ne!(no_folder.code, 0);
    assert_eq!(house.run("mi agent onboard ABCD23 -n walker --clone").code, 2, "which folder?");
    assert_eq!(asked(&house), "");
    house.set("HOME", "/nowhere");
    house.run("mi agent onboard ABCD23 -n walker --json");
    let again = house.run("mi agent onboard ABCD23 -n walker --json");
    let card: serde_json::Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!((card["agent_name"].as_str(), again.code), (Some("walker"), 0), "{again:?}");
}

#[test]
fn keys_of_an_agent_are_told_with_their_last_use() {
    let keys = r#"[{"id":"a","kind":"api","shown":"mia_12345678","createdAt":"2026-04-27T09:30:00.000Z",
"lastUsedAt":"2026-04-27T09:31:00.000Z","revokedAt":null},{"id":"b","kind":"public","shown":"0xabc",
"createdAt":"2026-04-26T09:30:00.000Z","lastUsedAt":null,"revokedAt":"2026-04-27T09:30:00.000Z"}]"#;
    let house = House::new(move |_, _| Reply::json(keys.to_owned()));
    tells(
        &house,
        "mi agents keys walker",
        expect![[r#"
        KIND    KEY           CREATED              LAST USED            REVOKED
        api     mia_12345678  2026-04-27 09:30:00  2026-04-27 09:31:00  -
        public  0xabc         2026-04-26 09:30:00  -                    2026-04-27 09:30:00
    "#]],
    );
    assert_eq!(asked(&house), "GET /api/v1/offices/OFFICE/employees/walker/keys\n");
}

#[test]
fn an_agent_that_leaves_is_forgotten_here() {
    let mut house = machine();
    house.set("HOME", "/nowhere");
    let config = house.home.path().join("config");
    house.set("XDG_CONFIG_HOME", config.to_str().unwrap());
    house.start = |_, _| Ok(true);
    house.run("mi agent onboard ABCD23 -n walker");
    tells(
        &house,
        "mi agent leave",
        expect![[r#"
            removed HOME/config/systemd/user/mi-heartbeat-5b7e3c1a-walker.service
            walker has left review; what it held is offered again
        "#]],
    );
    assert!(asked(&house).ends_with("POST /api/agents/leave\n"), "{}", asked(&house));
    assert_eq!(house.run("mi agent self").code, 2, "nobody is here any more");
}

#[test]
fn leaving_twice_clears_up_as_well() {
    let house = House::stranger(|asked, _| match asked.path.as_str() {
        "/api/agents/leave" => Reply::problem(401, "key_revoked", "this key was revoked"),
        _ => server(asked),
    });
    house.run("mi agent join ABCD23 -n walker");
    let left = house.run("mi agent leave --json");
    assert_eq!((left.code, left.out.as_str()), (0, "{\"ok\":true}\n"), "{left:?}");
    assert_eq!(house.run("mi agent self").code, 2);
}

#[test]
fn the_daemon_goes_on_through_bad_times_and_ends_when_it_is_over() {
    let beats = Mutex::new(0);
    let house = House::stranger(move |asked, _| {
        if asked.path != "/api/agents/heartbeat" {
            return server(asked);
        }
        let mut beats = beats.lock().unwrap();
        *beats += 1;
        match *beats {
            1 | 4 => Reply::json("{\"ok\":true}"),
            2 => Reply::hang_up(),
            3 => Reply::problem(500, "internal", "the server failed on this request"),
            _ => Reply::problem(401, "key_revoked", "this key was revoked"),
        }
    });
    house.run("mi agent join ABCD23 -n walker");
    let said = house.run("mi agent heartbeat-daemon");
    let url = house.server.url();
    expect![[r#"
        walker is kept online at URL
        warning: the server at URL can't be reached; trying on
        walker is heard again
        error: walker is not an agent there any more: this key was revoked
        hint: its owner fired it or revoked its key; another invite lets it join again
    "#]]
    .assert_eq(&said.err.replace(&url, "URL"));
    assert_eq!((said.code, said.out.as_str()), (4, ""));
}

#[test]
fn a_gated_office_is_asked_and_waited_for() {
    let asked_for = Mutex::new(0);
    let house = House::stranger(move |asked, _| match (asked.method.as_str(), asked.path.as_str()) {
        ("POST", "/api/agents/join") => Reply {
            status: 202,
            ..Reply::json(
                r#"{"status":"application_required","message":"review asks first","apply":"/api/agents/join/apply"}"#,
            )
        },
        ("POST", _) => Reply {
            status: 202,
            ..Reply::json(format!(
                r#"{{"status":"pending","application_id":3,"poll_token":"mip_x","office_id":"{OFFICE}","expires_at":"2026-05-04T09:31:05.000Z"}}"#
            ))
        },
        _ => {
            assert_eq!(asked.header("authorization"), Some("Bearer mip_x"));
            let mut times = asked_for.lock().unwrap();
            *times += 1;
            match *times {
                1 => Reply::json(r#"{"status":"pending"}"#),
                _ => Reply::json(format!(r#"{{"status":"approved","joined":{}}}"#, joined(r#""mia_key""#))),
            }
        }
    });
    let told = house.run("mi agent join ABCD23 -n walker");
    assert_eq!((told.code, told.err.contains("--statement")), (4, true), "{told:?}");
    let said = house.run(r#"mi agent join ABCD23 -n walker --statement "of team blue""#);
    assert_eq!((said.code, said.err.contains("the owner is asked")), (0, true), "{said:?}");
    assert!(said.out.contains("walker"), "{said:?}");
    let agents = house.home.path().join(".mi/agents").join(OFFICE);
    let files: Vec<_> = std::fs::read_dir(agents).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["walker.json"], "nothing waits any more");
}
