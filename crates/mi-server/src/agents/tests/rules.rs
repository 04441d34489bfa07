//! The pure rules: names, harnesses, limits, phases.

use mi_core::ids::TaskId;
use mi_core::problem::Code;
use mi_core::time::Time;
use mi_core::wire::agents::{AgentKind, AgentPhase, CommandLine, HarnessKind};
use mi_core::wire::offices::{HireLimit, OfficeStatus};

use crate::agents::phase::{Facts, Live, Trouble, status};
use crate::agents::rules;
use crate::infra::fault::Fault;
use crate::pods::{Desired, Observed, PodRow};

fn code<T>(result: Result<T, Fault>) -> Option<Code> {
    result.err().map(|fault| fault.code)
}

#[test]
fn names_are_judged_in_order() {
    assert_eq!(rules::good_name(" analyst ").unwrap().as_str(), "analyst");
    for bad in ["", "Analyst", "a b", "-a", "../x", &"x".repeat(64)] {
        assert_eq!(code(rules::good_name(bad)), Some(Code::BadName), "{bad}");
    }
    for reserved in ["owner", "system", "office", "group", "all", "checks"] {
        assert_eq!(code(rules::good_name(reserved)), Some(Code::ReservedName), "{reserved}");
    }
}

#[test]
fn a_command_decides_the_harness_unless_another_is_asked_for() {
    let line = CommandLine::Shell("./work.sh".to_owned());
    assert_eq!(rules::harness(None, None, None).unwrap(), HarnessKind::Native);
    for (provider, kind) in [
        ("claude-code", HarnessKind::ClaudeCode),
        ("openai-codex", HarnessKind::OpenaiCodex),
        ("gemini-cli", HarnessKind::GeminiCli),
        ("anthropic", HarnessKind::Native),
        ("google", HarnessKind::Native),
        ("gemini", HarnessKind::Native),
    ] {
        assert_eq!(rules::harness(None, None, Some(provider)).unwrap(), kind, "{provider}");
    }
    assert_eq!(rules::harness(None, Some(&line), Some("claude-code")).unwrap(), HarnessKind::Command);
    assert_eq!(rules::harness(Some("native"), Some(&line), Some("claude-code")).unwrap(), HarnessKind::Native);
    assert_eq!(code(rules::harness(Some("command"), None, None)), Some(Code::CommandRequired));
    assert_eq!(code(rules::harness(Some("emacs"), None, None)), Some(Code::UnknownHarness));
}

#[test]
fn blank_commands_are_none() {
    for blank in
        [CommandLine::Shell("  ".to_owned()), CommandLine::Argv(vec![]), CommandLine::Argv(vec![String::new()])]
    {
        assert_eq!(rules::command(Some(&blank)).unwrap(), None, "{blank:?}");
    }
    let long = CommandLine::Shell("x".repeat(100_000));
    assert_eq!(code(rules::command(Some(&long))), Some(Code::TooLong));
}

#[test]
fn lists_keep_each_word_once_and_have_a_limit() {
    let words = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
    assert_eq!(rules::skills(&words(&["go", " rust ", "go", ""])).unwrap(), words(&["go", "rust"]));
    let many: Vec<String> = (0..101).map(|n| n.to_string()).collect();
    assert_eq!(code(rules::skills(&many)), Some(Code::TooLong));
    let integrations = rules::integrations(&words(&["github"]), Some("anthropic")).unwrap();
    assert_eq!(integrations, words(&["github", "claude-code"]));
}

#[test]
fn hiring_is_free_again_when_the_oldest_hire_leaves_the_window() {
    let limit = HireLimit { count: 3, window_seconds: 600 };
    let at = |seconds: i64| Time(seconds * 1_000);
    assert!(rules::hire_rate(limit, &[at(20), at(10)], at(30)).is_ok());
    let fault = rules::hire_rate(limit, &[at(20), at(15), at(10)], at(30)).unwrap_err();
    assert_eq!((fault.code, fault.retry_after_seconds), (Code::HireRateLimited, Some(580)));
    let never = HireLimit { count: 0, window_seconds: 60 };
    let fault = rules::hire_rate(never, &[], at(30)).unwrap_err();
    assert_eq!((fault.code, fault.retry_after_seconds), (Code::HireRateLimited, Some(60)));
}

fn pod(desired: Desired, observed: Observed) -> PodRow {
    PodRow {
        desired,
        observed,
        epoch: 1,
        ticket_at: None,
        boot_id: None,
        runner_seen_at: Some(Time(5)),
        poll: 0,
        poll_session: None,
        started_at: None,
        retry_at: None,
        crashes: 0,
        crashed_before_at: None,
        last_error: None,
        last_error_at: None,
        idle_since: None,
    }
}

fn facts(pod: &PodRow) -> Facts<'_> {
    Facts {
        name: "ada",
        kind: AgentKind::Hosted,
        office: OfficeStatus::Active,
        funded: true,
        suspension: None,
        pod: Some(pod),
        live: Live::No,
        last_seen: None,
        now: Time(0),
        trouble: None,
        unread: None,
    }
}

#[test]
fn a_phase_follows_from_the_pod() {
    use AgentPhase::{Archived, Failed, Hibernated, Idle, Pending, Stopped};
    for (desired, observed, phase) in [
        (Desired::Running, Observed::None, Pending),
        (Desired::Running, Observed::Starting, Pending),
        (Desired::Running, Observed::Exited, Pending),
        (Desired::Running, Observed::Running, Idle),
        (Desired::Running, Observed::Failed, Failed),
        (Desired::Asleep, Observed::Running, Hibernated),
        (Desired::Asleep, Observed::None, Hibernated),
        (Desired::Stopped, Observed::Running, Stopped),
        (Desired::Stopped, Observed::None, Stopped),
        (Desired::Gone, Observed::Running, Archived),
    ] {
        let pod = pod(desired, observed);
        let told = status(&facts(&pod));
        assert_eq!(told.phase, phase, "{desired:?} {observed:?}");
        assert_eq!(told.ready, phase == Idle);
        assert!(!told.message.is_empty());
    }
}

#[test]
fn an_agent_elsewhere_is_there_while_it_is_heard_of() {
    use AgentPhase::{Idle, Offline, Running};
    let pod = pod(Desired::Running, Observed::Running);
    let work = Live::Session(Some(TaskId(7)));
    for (live, silent_ms, phase) in [
        (Live::No, 0, Idle),
        (Live::No, 120_000, Idle),
        (Live::No, 120_001, Offline),
        (work, 120_000, Running),
        (work, 120_001, Offline),
    ] {
        let elsewhere = Facts { kind: AgentKind::External, pod: None, live, ..facts(&pod) };
        let told = status(&Facts { last_seen: Some(Time(0)), now: Time(silent_ms), ..elsewhere });
        assert_eq!(told.phase, phase, "{live:?} {silent_ms}");
    }
    let never = Facts { kind: AgentKind::External, pod: None, ..facts(&pod) };
    assert_eq!(status(&never).phase, Offline);
}

#[test]
fn a_live_session_is_running_and_says_at_what() {
    let pod = pod(Desired::Running, Observed::Running);
    let told = status(&Facts { live: Live::Session(Some(TaskId(7))), ..facts(&pod) });
    assert_eq!((told.phase, told.current_task), (AgentPhase::Running, Some(TaskId(7))));
    let told = status(&Facts { live: Live::Session(None), ..facts(&pod) });
    assert_eq!((told.phase, told.current_task), (AgentPhase::Running, None));
}

#[test]
fn office_and_money_come_before_the_pod() {
    let pod = pod(Desired::Running, Observed::Running);
    let told = status(&Facts { office: OfficeStatus::Suspended, ..facts(&pod) });
    assert_eq!(told.phase, AgentPhase::Suspended);
    let told = status(&Facts { funded: false, ..facts(&pod) });
    assert_eq!(told.phase, AgentPhase::Suspended);
}

#[test]
fn without_a_model_key_an_agent_is_pending_and_says_what_to_set() {
    let pod = pod(Desired::Running, Observed::Running);
    let (provider, remedy) = ("openai".to_owned(), "set OPENAI_API_KEY".to_owned());
    let quota = Trouble::Quota { provider: provider.clone(), until: Time(0) };
    for (trouble, phase, word) in [
        (
            Trouble::Keyless { provider: provider.clone(), remedy: remedy.clone() },
            AgentPhase::Pending,
            "OPENAI_API_KEY",
        ),
        (Trouble::Refused { provider, remedy }, AgentPhase::Failed, "OPENAI_API_KEY"),
        (quota, AgentPhase::Idle, "until 1970"),
    ] {
        let told = status(&Facts { trouble: Some(trouble), ..facts(&pod) });
        assert_eq!(told.phase, phase);
        assert!(told.message.contains(word), "{}", told.message);
    }
}
