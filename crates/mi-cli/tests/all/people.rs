//! Login by a yes in the browser, profiles, keys and members.

use crate::house::fake::{Asked, Reply};
use crate::house::{House, OFFICE};

/// An answer of another status than 200.
fn with_status(status: u16, body: impl Into<String>) -> Reply {
    Reply { status, ..Reply::json(body) }
}

const KEY: &str = r#"{"id":"k1","name":"ci","prefix":"mi_00112233","createdAt":"2026-01-01T00:00:00Z","lastUsedAt":null,
    "expiresAt":null,"revokedAt":null,"offices":null}"#;

/// Says yes at the third question.
fn approving(asked: &Asked, n: usize) -> Reply {
    match asked.path.as_str() {
        "/auth/device" => Reply::json(
            r#"{"device_code":"d3v1c3","user_code":"ABCD-EFGH","verification_url":"http://elsewhere/login?code=ABCD-EFGH",
                "interval":1,"expires_in":60}"#,
        ),
        "/auth/device/token" if n < 3 => with_status(202, r#"{"status":"pending"}"#),
        "/auth/device/token" => {
            assert!(asked.text().contains("d3v1c3"), "{}", asked.text());
            Reply::json(
                r#"{"status":"approved","key":"mi_new","userId":"5b7e3c1a-0000-4000-8000-000000000009","name":"vera"}"#,
            )
        }
        "/api/v1/whoami" => Reply::json(r#"{"kind":"user","id":"u","name":"vera","key_id":"k1"}"#),
        other => Reply::problem(404, "no_such_route", other),
    }
}

#[test]
fn a_login_shows_a_code_waits_for_a_yes_and_stores_the_key() {
    let house = House::stranger(approving);
    let said = house.run("mi login");
    assert_eq!((said.code, said.out.as_str()), (0, ""), "{}", said.err);
    let url = house.server.url();
    for part in [
        format!("open {url}/login?code=ABCD-EFGH\n"),
        "and say yes if it shows the code ABCD-EFGH\n".to_owned(),
        "there is no browser here".to_owned(),
        format!("logged in at {url} as user vera"),
    ] {
        assert!(said.err.contains(&part), "{part}: {}", said.err);
    }
    assert!(!said.err.contains("elsewhere"), "the address is the one that was asked: {}", said.err);
    assert!(!said.err.contains("mi_new") && !said.err.contains("d3v1c3"), "{}", said.err);
    let kept = std::fs::read_to_string(house.config()).unwrap();
    assert!(kept.contains("mi_new"), "{kept}");
}

#[test]
fn a_refused_or_forgotten_login_says_so_and_stores_nothing() {
    for (status, code, exit) in [(403, "login_refused", 4), (404, "no_such_login", 3)] {
        let house = House::stranger(move |asked, n| match asked.path.as_str() {
            "/auth/device/token" => Reply::problem(status, code, "no"),
            _ => approving(asked, n),
        });
        assert_eq!(house.run("mi login --no-browser").code, exit, "{code}");
        assert!(!house.config().exists());
    }
    let house = House::stranger(|asked, _| match asked.path.as_str() {
        "/auth/device" => Reply::json(
            r#"{"device_code":"d","user_code":"ABCD-EFGH","verification_url":"","interval":1,"expires_in":2}"#,
        ),
        _ => with_status(202, r#"{"status":"pending"}"#),
    });
    let said = house.run("mi login --no-browser");
    assert!(said.code == 4 && said.err.contains("nobody said yes in time"), "{}", said.err);
}

#[test]
fn a_stored_key_that_is_no_good_is_replaced() {
    let house = House::stranger(|asked, n| match asked.path.as_str() {
        "/api/v1/whoami" if asked.header("authorization") == Some("Bearer mi_old") => {
            Reply::problem(401, "key_revoked", "this key was revoked")
        }
        _ => approving(asked, n),
    });
    std::fs::create_dir_all(house.config().parent().unwrap()).unwrap();
    std::fs::write(house.config(), r#"{"key":"mi_old"}"#).unwrap();
    let said = house.run("mi login --no-browser");
    assert!(said.code == 0 && said.err.contains("no good any more"), "{}", said.err);
    assert!(std::fs::read_to_string(house.config()).unwrap().contains("mi_new"));
}

#[test]
fn a_profile_is_a_login_of_its_own() {
    let mut house = House::stranger(|asked, _| match asked.header("authorization") {
        Some(key) => {
            Reply::json(format!(r#"{{"kind":"user","id":"u","name":"{}"}}"#, key.trim_start_matches("Bearer mi_")))
        }
        None => Reply::problem(401, "unauthenticated", "no"),
    });
    let url = house.server.url();
    assert_eq!(house.run("mi login --key mi_home").code, 0);
    let login = format!("mi login --profile work --endpoint {url} --key mi_work");
    assert_eq!(house.run(&login).code, 0);
    house.variables.remove("MI_ENDPOINT");
    let name = |house: &House, line: &str| house.run(line).out;
    assert!(name(&house, "mi whoami").contains("home"));
    assert!(name(&house, "mi whoami --profile work").contains("work"));
    house.set("MI_PROFILE", "work");
    assert!(name(&house, "mi whoami").contains("work"));
    house.set("MI_API_KEY", "mi_variable");
    assert!(name(&house, "mi whoami").contains("variable"), "a variable wins over what is kept");
    assert!(name(&house, "mi whoami --profile work").contains("work"), "a flag wins over a variable");
    assert_eq!(house.run("mi logout --profile work").code, 0);
    assert_eq!(house.run("mi whoami --profile work").code, 4);
    house.variables.remove("MI_API_KEY");
    house.variables.remove("MI_PROFILE");
    assert!(name(&house, "mi whoami").contains("home"), "the other one stays");
}

#[test]
fn logout_can_end_the_key() {
    let house = House::stranger(|asked, _| match (asked.method.as_str(), asked.path.as_str()) {
        ("DELETE", "/api/v1/keys/k1") => Reply::json(KEY),
        _ => Reply::json(r#"{"kind":"user","id":"u","name":"vera","key_id":"k1"}"#),
    });
    assert_eq!(house.run("mi login --key mi_good").code, 0);
    let said = house.run("mi logout --revoke");
    assert!(said.code == 0 && said.err.contains("worth nothing"), "{}", said.err);
    assert!(house.server.asked().iter().any(|asked| asked.method == "DELETE" && asked.path == "/api/v1/keys/k1"));
    assert!(!std::fs::read_to_string(house.config()).unwrap().contains("mi_good"));
}

#[test]
fn keys_are_made_shown_once_and_revoked_by_name() {
    let house = House::new(|asked, _| match asked.method.as_str() {
        "POST" => {
            assert!(
                asked.text().contains(r#""name":"ci""#) && asked.text().contains(r#""expiresInDays":30"#),
                "{}",
                asked.text()
            );
            assert!(asked.text().contains(r#""offices":["review","build"]"#), "{}", asked.text());
            with_status(201, KEY.replace(r#""offices":null"#, r#""offices":[],"key":"mi_0011223344""#))
        }
        "DELETE" => Reply::json(KEY),
        _ => Reply::json(format!("[{KEY},{}]", KEY.replace("k1", "k2").replace(r#""ci""#, r#""laptop""#))),
    });
    let said = house.run("mi keys create ci --expires-in-days 30 -c review,build");
    assert!(said.code == 0 && said.out.contains("mi_0011223344"), "{} {}", said.out, said.err);
    let said = house.run("mi keys list");
    assert!(
        said.out.contains("mi_00112233…") && said.out.contains("laptop") && said.out.contains("valid"),
        "{}",
        said.out
    );
    let said = house.run("mi keys revoke laptop");
    assert!(said.code == 0 && said.err.contains("revoked laptop"), "{}", said.err);
    assert!(house.server.asked().iter().any(|asked| asked.path == "/api/v1/keys/k2"));
    assert_eq!(house.run("mi keys revoke mi_00112233").code, 2, "two keys begin so");
    assert_eq!(house.run("mi keys revoke nothing").code, 3);
}

#[test]
fn members_are_listed_and_given_roles() {
    let person = r#"{"userId":"5b7e3c1a-0000-4000-8000-000000000009","name":"vera","role":"viewer",
        "createdAt":"2026-01-01T00:00:00Z","addedBy":"owner"}"#;
    let house = House::new(move |asked, _| match asked.method.as_str() {
        "GET" => Reply::json(format!("[{person}]")),
        "DELETE" => Reply::json(r#"{"ok":true}"#),
        _ => Reply::json(person),
    });
    assert!(house.run("mi members list").out.contains("vera"));
    assert!(house.run("mi members set vera --role viewer").out.contains("viewer"));
    assert!(house.run("mi members add vera --role operator").out.contains("vera"));
    assert!(house.run("mi members remove vera").err.contains("vera doesn't work here any more"));
    let paths: Vec<String> = house.server.asked().iter().map(|a| format!("{} {}", a.method, a.path)).collect();
    let office = format!("/api/v1/offices/{OFFICE}/members");
    assert_eq!(
        paths,
        [
            format!("GET {office}"),
            format!("PATCH {office}/vera"),
            format!("POST {office}"),
            format!("DELETE {office}/vera")
        ]
    );
}

#[test]
fn a_link_is_an_address_of_the_server_that_was_asked() {
    let house =
        House::new(|_, _| with_status(201, r#"{"path":"/login?link=s3cr3t","expiresAt":"2026-01-01T00:10:00Z"}"#));
    let said = house.run("mi link");
    assert_eq!(said.out, format!("{}/login?link=s3cr3t\n", house.server.url()));
    assert!(said.err.contains("it works once, until 2026-01-01 00:10:00 UTC"), "{}", said.err);
}

#[test]
fn a_certificate_that_is_none_is_named() {
    let mut house = House::new(|_, _| Reply::json("[]"));
    house.set("MI_ENDPOINT", "https://127.0.0.1:1");
    let said = house.run("mi colonies list --ca-cert /nowhere/ca.pem");
    assert!(said.code == 1 && said.err.contains("/nowhere/ca.pem can't be read"), "{}", said.err);
    let file = house.home.path().join("ca.pem");
    std::fs::write(&file, "hello").unwrap();
    let said = house.run(&format!("mi colonies list --ca-cert {}", file.display()));
    assert!(said.code == 2 && said.err.contains("no certificate in PEM"), "{}", said.err);
}
