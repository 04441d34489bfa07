//! Precedence, origins, and secrets that stay secret.

use super::*;

fn load(
    flags: &[(&'static str, &str)],
    environment: &[(&str, &str)],
    file: Option<&str>,
) -> Result<Config, ConfigError> {
    let home = tempfile::tempdir().unwrap();
    if let Some(text) = file {
        std::fs::write(home.path().join(FILE_NAME), text).unwrap();
    }
    let flags = flags.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let get = |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Config::load(&Sources { flags, environment: &get, home: Some(home.path()) })
}

fn origin(config: &Config, name: &str) -> (Option<String>, String) {
    let shown = config.show().into_iter().find(|shown| shown.name == name).unwrap();
    (shown.value, shown.origin)
}

#[test]
fn a_flag_wins_over_the_environment_that_over_the_file_and_that_over_the_default() {
    let file = Some("listen = \"127.0.0.1:3\"\nstrict_limits = true\nallow_upstream = [\"a:1\", \"b:2\"]\n");
    let cases = [
        (load(&[("listen", "127.0.0.1:1")], &[("MI_LISTEN", "127.0.0.1:2")], file), "127.0.0.1:1", "flag"),
        (load(&[], &[("MI_LISTEN", "127.0.0.1:2")], file), "127.0.0.1:2", "environment"),
        (load(&[], &[("MI_LISTEN", "")], file), "127.0.0.1:3", "file"),
        (load(&[], &[], None), "127.0.0.1:7700", "default"),
    ];
    for (config, value, from) in cases {
        let config = config.unwrap();
        assert_eq!(origin(&config, "listen"), (Some(value.to_owned()), from.to_owned()));
    }
    let config = load(&[], &[], file).unwrap();
    assert_eq!(config.strict_limits().unwrap(), Strictness::Required);
    assert_eq!(config.allow_upstream(), ["a:1", "b:2"]);
}

#[test]
fn secrets_are_starred_wherever_they_stand() {
    let environment = [
        ("MI_DATABASE_URL", "postgres://me:pass@host/db"),
        ("OPENAI_API_KEY", "sk-secret"),
        ("OPENAI_BASE_URL", "http://me:pass@127.0.0.1:1/v1"),
    ];
    let config = load(&[], &environment, None).unwrap();
    let text = serde_json::to_string(&config.show()).unwrap();
    assert!(!text.contains("pass") && !text.contains("sk-secret"), "{text}");
    assert_eq!(origin(&config, "OPENAI_BASE_URL").0.unwrap(), "http://***@127.0.0.1:1/v1");
    assert_eq!(config.database_url().unwrap(), "postgres://me:pass@host/db");
    assert_eq!(origin(&config, "ANTHROPIC_API_KEY"), (None, "default".to_owned()));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let told = |result: Result<Config, ConfigError>| result.err().unwrap().to_string();
    let text = told(load(&[("pods", "cloud")], &[], None));
    assert_eq!(text, "pods is \"cloud\" (flag): it is local or process");
    assert!(told(load(&[], &[("MI_INITIAL_CREDITS", "-1")], None)).contains("(environment)"));
    assert!(told(load(&[("open_tasks_max", "0")], &[], None)).contains("1 or more"));
    assert!(told(load(&[], &[("MI_DRIVE_MIB", "0")], None)).contains("1 to 1073741824"));
    assert_eq!(load(&[], &[], Some("drive_mib = 64")).unwrap().drive_bytes().unwrap(), 64 * 1024 * 1024);
    assert!(told(load(&[], &[], Some("lisen = 1"))).contains("there is no setting lisen"));
    let broken = told(load(&[], &[], Some("listen = \"x\"\ndatabase_url = secret")));
    assert!(broken.contains("line 2") && !broken.contains("secret"), "{broken}");
}
