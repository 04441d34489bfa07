//! What the environment makes of the providers.

use expect_test::{Expect, expect};
use mi_core::problem::Code;

use crate::gateway::providers::{BadProvider, Providers, Reach};
use crate::infra::outbound::BadUpstream;

fn given(pairs: &[(&str, &str)], allowed: &[&str]) -> Result<Providers, BadProvider> {
    let allowed: Vec<String> = allowed.iter().map(|text| (*text).to_owned()).collect();
    let get = |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    Providers::from_env(get, &allowed)
}

fn providers(pairs: &[(&str, &str)]) -> Providers {
    given(pairs, &[]).unwrap()
}

#[test]
fn aliases_lead_to_their_provider() {
    let providers = providers(&[]);
    for (name, kind) in [
        ("anthropic", "anthropic"),
        ("claude-code", "anthropic"),
        ("openai", "openai"),
        ("openai-codex", "openai"),
        ("ollama", "openai"),
        ("local", "openai"),
        ("google", "google"),
        ("gemini", "google"),
        ("gemini-cli", "google"),
        ("google-gemini", "google"),
    ] {
        assert_eq!(providers.resolve(name).unwrap().kind.as_str(), kind, "{name}");
        assert!(!providers.is_configured(name), "{name}");
    }
    assert!(providers.resolve("venice").is_none());
    assert_eq!(providers.variable("claude-code"), "ANTHROPIC_API_KEY");
    assert_eq!(providers.variable("gemini"), "GEMINI_API_KEY");
}

#[test]
fn a_key_or_an_address_configures_a_provider() {
    let keyed = providers(&[("OPENAI_API_KEY", " sk-1\n"), ("ANTHROPIC_API_KEY", "  "), ("GOOGLE_API_KEY", "g")]);
    assert_eq!(
        keyed.configured_names(),
        ["openai", "google", "openai-codex", "ollama", "local", "gemini", "gemini-cli", "google-gemini"]
    );
    let local = providers(&[("OPENAI_BASE_URL", "http://127.0.0.1:11434/v1")]);
    assert!(local.is_configured("ollama") && !local.is_configured("anthropic"));
    assert!(local.resolve("openai").unwrap().credential().is_none());
}

#[test]
fn keys_are_never_shown() {
    let providers = providers(&[("OPENAI_API_KEY", "sk-very-secret"), ("ANTHROPIC_API_KEY", "sk-ant-secret")]);
    let shown = format!("{providers:?}");
    assert!(!shown.contains("secret"), "{shown}");
    let openai = providers.resolve("openai").unwrap();
    let (name, value) = openai.credential().unwrap();
    assert_eq!((name, value.to_str().unwrap()), ("authorization", "Bearer sk-very-secret"));
    assert!(!format!("{value:?}").contains("secret"));
    assert_eq!(openai.redact("no key sk-very-secret here".to_owned()), "no key *** here");
    let bad = given(&[("OPENAI_API_KEY", "sk secret")], &[]).unwrap_err();
    assert_eq!(bad.to_string(), "OPENAI_API_KEY holds characters that no key has");
}

fn check_address(variable: &str, base: &str, provider: &str, path: &str, expect: Expect) {
    let providers = providers(&[(variable, base)]);
    expect.assert_eq(providers.resolve(provider).unwrap().address(path, Some("a=b")).as_str());
}

#[test]
fn clients_paths_land_where_the_provider_has_them() {
    check_address("X", "", "anthropic", "v1/messages", expect!["https://api.anthropic.com/v1/messages?a=b"]);
    check_address("X", "", "openai", "v1/responses", expect!["https://api.openai.com/v1/responses?a=b"]);
    check_address(
        "X",
        "",
        "google",
        "v1beta/models/gemini-2.5-pro:generateContent",
        expect!["https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:generateContent?a=b"],
    );
    let local = "http://127.0.0.1:9/v1/";
    check_address("OPENAI_BASE_URL", local, "openai", "v1/models", expect!["http://127.0.0.1:9/v1/models?a=b"]);
    check_address("ANTHROPIC_BASE_URL", local, "anthropic", "v1/models", expect!["http://127.0.0.1:9/v1/models?a=b"]);
    check_address(
        "GOOGLE_GEMINI_BASE_URL",
        "http://[::1]:9/x/v1beta",
        "google",
        "v1beta/models",
        expect!["http://[::1]:9/x/v1beta/models?a=b"],
    );
}

#[test]
fn an_address_that_is_none_stops_the_start() {
    for base in [
        "api.openai.com",
        "ftp://host/v1",
        "file:///etc/passwd",
        "http://key@host/v1",
        "http://host/v1?key=1",
        "http://",
    ] {
        let bad = given(&[("OPENAI_BASE_URL", base)], &[]).unwrap_err();
        assert!(matches!(bad, BadProvider::Base { variable: "OPENAI_BASE_URL", .. }), "{base}: {bad}");
        assert!(!bad.to_string().contains("key@"), "{bad}");
    }
    for text in ["host", "host:", "host:99999", ":80", "http://host:80"] {
        assert_eq!(given(&[], &[text]).unwrap_err(), BadProvider::Upstream(BadUpstream(text.to_owned())));
    }
    assert_eq!(given(&[("MI_OPENAI_WIRE", "soap")], &[]).unwrap_err(), BadProvider::Wire);
}

#[test]
fn only_what_was_given_by_hand_may_be_private() {
    let reach =
        |pairs: &[(&str, &str)], allowed: &[&str]| given(pairs, allowed).unwrap().resolve("openai").unwrap().reach;
    assert_eq!(reach(&[("OPENAI_API_KEY", "k")], &[]), Reach::Public);
    assert_eq!(reach(&[("OPENAI_BASE_URL", "http://10.0.0.1/v1")], &[]), Reach::Given);
    assert_eq!(reach(&[], &["api.openai.com:443"]), Reach::Given);
    assert_eq!(reach(&[], &["api.openai.com:80", "127.0.0.1:443"]), Reach::Public);
}

fn check_model(pairs: &[(&str, &str)], provider: Option<&str>, tier: Option<&str>, expect: Expect) {
    let chosen = match providers(pairs).choose_model(provider, tier) {
        Ok(Some(choice)) => {
            format!("{} {} {} {}", choice.provider, choice.model, choice.wire.as_str(), choice.base_path)
        }
        Ok(None) => "none".to_owned(),
        Err(fault) => fault.code.as_str().to_owned(),
    };
    expect.assert_eq(&chosen);
}

#[test]
fn an_agent_gets_the_model_it_asked_for_or_the_first_that_there_is() {
    let all = [("ANTHROPIC_API_KEY", "a"), ("OPENAI_API_KEY", "o"), ("GEMINI_API_KEY", "g")];
    check_model(&all, None, None, expect!["anthropic claude-sonnet-4-6 anthropic /llm/anthropic/v1"]);
    check_model(&all, None, Some("gpt-5.5"), expect!["openai gpt-5.5 openai-chat /llm/openai/v1"]);
    check_model(
        &all,
        Some("gemini-cli"),
        Some("haiku"),
        expect!["google gemini-2.5-flash-lite gemini /llm/gemini/v1beta"],
    );
    check_model(&all, Some("openai-codex"), Some("gpt-5.5"), expect!["openai gpt-5.5 openai-chat /llm/openai/v1"]);
    check_model(&all[2..], None, Some("sonnet"), expect!["google gemini-2.5-flash gemini /llm/gemini/v1beta"]);
    check_model(&all[..1], None, Some("gpt-5.5"), expect!["anthropic gpt-5.5 anthropic /llm/anthropic/v1"]);
    check_model(&[], Some("openai"), None, expect!["openai gpt-5.5 openai-chat /llm/openai/v1"]);
    check_model(&[], None, Some("sonnet"), expect!["none"]);
    check_model(&all, Some("skynet"), None, expect!["unknown_provider"]);
    let responses = [("OPENAI_API_KEY", "o"), ("MI_OPENAI_WIRE", "responses")];
    check_model(&responses, None, None, expect!["openai gpt-5.5 openai-responses /llm/openai/v1"]);
}

#[test]
fn an_unknown_provider_is_told_which_there_are() {
    let fault = providers(&[]).choose_model(Some("skynet"), None).unwrap_err();
    assert_eq!(fault.code, Code::UnknownProvider);
    assert!(fault.hint.unwrap().contains("openai-codex"));
}
