//! What the environment makes of the providers.

use expect_test::{Expect, expect};
use mi_core::problem::Code;

use crate::gateway::kinds::Kind;
use crate::gateway::providers::{BadProvider, Given, Providers, Reach, known};
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
        ("venice-ai", "venice"),
    ] {
        assert_eq!(providers.resolve(name).unwrap().kind.as_str(), kind, "{name}");
        assert!(!providers.is_configured(name), "{name}");
    }
    assert!(providers.resolve("skynet").is_none());
    assert_eq!(Kind::parse("gemini").unwrap().variable(), "GEMINI_API_KEY");
}

#[test]
fn a_key_or_an_address_configures_a_provider() {
    let keyed = providers(&[("OPENAI_API_KEY", " sk-1\n"), ("ANTHROPIC_API_KEY", "  "), ("GOOGLE_API_KEY", "g")]);
    assert_eq!(keyed.configured(), [Kind::Openai, Kind::Google]);
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
    check_address("X", "", "openrouter", "v1/models", expect!["https://openrouter.ai/api/v1/models?a=b"]);
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
    assert_eq!(reach(&[("OPENAI_API_KEY", "k")], &[]), Reach::Known);
    assert_eq!(reach(&[("OPENAI_BASE_URL", "http://10.0.0.1/v1")], &[]), Reach::Given);
    assert_eq!(reach(&[], &["api.openai.com:443"]), Reach::Given);
    assert_eq!(reach(&[], &["api.openai.com:80", "127.0.0.1:443"]), Reach::Known);
}

fn check_model(pairs: &[(&str, &str)], kind: Kind, tier: Option<&str>, expect: Expect) {
    let choice = providers(pairs).model_choice(kind, tier).unwrap();
    let chosen = format!("{} {} {} {}", choice.provider, choice.model, choice.wire.as_str(), choice.base_path);
    expect.assert_eq(&chosen);
}

#[test]
fn a_session_is_told_how_its_model_is_spoken_to() {
    check_model(&[], Kind::Anthropic, None, expect!["anthropic claude-sonnet-4-6 anthropic /llm/anthropic/v1"]);
    check_model(&[], Kind::Openai, Some("gpt-5.5"), expect!["openai gpt-5.5 openai-chat /llm/openai/v1"]);
    let haiku = Some("haiku");
    check_model(&[], Kind::Google, haiku, expect!["google gemini-2.5-flash-lite gemini /llm/gemini/v1beta"]);
    check_model(&[], Kind::Venice, Some("x"), expect!["venice x openai-chat /llm/venice/v1"]);
    let responses = [("OPENAI_API_KEY", "o"), ("MI_OPENAI_WIRE", "responses")];
    check_model(&responses, Kind::Openai, None, expect!["openai gpt-5.5 openai-responses /llm/openai/v1"]);
}

#[test]
fn an_unknown_provider_is_told_which_there_are() {
    let fault = known("anthropc").unwrap_err();
    assert_eq!(fault.code, Code::UnknownProvider);
    let hint = fault.hint.unwrap();
    assert!(hint.contains("did you mean anthropic?") && hint.contains("openai-codex"), "{hint}");
}

#[test]
fn an_office_names_no_address_of_the_servers_own_network() {
    let server = given(&[("ANTHROPIC_BASE_URL", "http://10.0.0.1")], &["127.0.0.1:11434"]).unwrap();
    let own = |kind: Kind, base: &str| {
        let given = Given { base: Some(base.to_owned()), key: None };
        server.of_office(kind, given).map(|provider| provider.reach)
    };
    for base in [
        "https://127.0.0.1/v1",
        "https://[::1]/v1",
        "https://localhost/v1",
        "https://10.1.2.3",
        "https://203.0.113.9",
        "http://a.example",
    ] {
        assert!(own(Kind::Openai, base).is_err(), "{base}");
    }
    assert_eq!(own(Kind::Openai, "https://models.example/v1"), Ok(Reach::Chosen));
    assert_eq!(own(Kind::Openai, "http://127.0.0.1:11434/v1"), Ok(Reach::Given));
    assert_eq!(own(Kind::Anthropic, "http://10.0.0.1"), Ok(Reach::Given));
    assert!(own(Kind::Openai, "http://10.0.0.1").is_err(), "that is where another provider is");
}

#[test]
fn the_servers_key_never_goes_to_an_offices_address() {
    let server = providers(&[("OPENAI_API_KEY", "sk-server")]);
    let own = Given { base: Some("https://models.example/v1".to_owned()), key: None };
    assert!(server.of_office(Kind::Openai, own).unwrap().credential().is_none());
    let blank = Given { base: None, key: Some(zeroize::Zeroizing::new("sk own".to_owned())) };
    assert!(server.of_office(Kind::Openai, blank).is_err());
}
