//! Which rule answers, what is captured, and what a scenario may not say.

use super::talk::{Mode, Talk};
use super::{refusal, start};
use crate::model::ScriptedModel;
use crate::model::scenario::Scenario;
use crate::model::wires::Wire;

async fn answer(model: &ScriptedModel, name: &str, prompt: &str) -> String {
    Talk::new(Wire::OpenAiChat, Mode::Whole, name, prompt).ask(&model.url()).await.text
}

#[tokio::test]
async fn the_first_rule_that_holds_answers() {
    let model = start(
        r#"
        [[rule]]
        when = { model = "gpt", text = "urgent", not_text = "never mind" }
        say = "model and text"
        [[rule]]
        when = { title_starts = "Review ", agent = "ada" }
        say = "title start and agent"
        [[rule]]
        when = { title = "limiter" }
        say = "title"
        [[rule]]
        when = { turn_min = 1, last = "again" }
        say = "again"
        [[rule]]
        say = "anything"
        "#,
    );
    let table = [
        ("gpt-5", "this is urgent", "model and text"),
        ("gpt-5", "this is urgent, never mind", "anything"),
        ("claude", "this is urgent", "anything"),
        ("m", "agent: ada\ntask title: Review it", "title start and agent"),
        ("m", "agent: adam\ntask title: Review it", "anything"),
        ("m", "agent: ada\ntask title: Read limiter.go", "title"),
        ("m", "Review limiter.go, again", "anything"),
    ];
    for (name, prompt, expected) in table {
        assert_eq!(answer(&model, name, prompt).await, expected, "{name}: {prompt}");
    }
    let mut talk = Talk::new(Wire::OpenAiChat, Mode::Whole, "m", "again?");
    let heard = talk.ask(&model.url()).await;
    assert_eq!(heard.text, "anything");
    talk.heard(&heard);
    talk.say("again!");
    assert_eq!(talk.ask(&model.url()).await.text, "again");
    talk.heard(&heard);
    talk.say("and now?");
    assert_eq!(talk.ask(&model.url()).await.text, "anything");
}

#[tokio::test]
async fn a_rule_answers_as_often_as_it_may() {
    let model = start("[[rule]]\ntimes = 2\nsay = \"{{turn}} of {{model}}\"\n[[rule]]\nsay = \"enough\"");
    let mut said = Vec::new();
    for _ in 0..3 {
        said.push(answer(&model, "m", "hi").await);
    }
    assert_eq!(said, ["0 of m", "0 of m", "enough"]);
}

#[tokio::test]
async fn parallel_agents_do_not_disturb_each_other() {
    let model = start("[[rule]]\nsay = \"{{agent}} does {{task_id}}\"");
    let asked = (0..32).map(|number| {
        let base = model.url();
        tokio::spawn(async move {
            let prompt = format!("agent: a{number}\ntask id: {number}");
            (number, Talk::new(Wire::Anthropic, Mode::Stream, "m", &prompt).ask(&base).await.text)
        })
    });
    for answer in asked.collect::<Vec<_>>() {
        let (number, text) = answer.await.unwrap();
        assert_eq!(text, format!("a{number} does {number}"));
    }
}

#[tokio::test]
async fn captures_find_their_values() {
    let model = start(
        r#"
        [[capture]]
        name = "file"
        word_ending = [".go", ".rs"]
        [[capture]]
        name = "branch"
        after = "branch "
        until = [",", "\n"]
        default = "main"
        [[rule]]
        when = { unknown = "file" }
        say = "no file on {{branch}}"
        [[rule]]
        when = { known = "file" }
        say = "{{ file }} on {{branch}}"
        "#,
    );
    let table = [
        ("look at `src/rate-limiter.go`.", "rate-limiter.go on main"),
        ("on branch fix/one, read a.rs, then b.go", "a.rs on fix/one"),
        ("on branch \nthe .go files", "no file on main"),
        ("Read main.go.", "main.go on main"),
    ];
    for (prompt, expected) in table {
        assert_eq!(answer(&model, "m", prompt).await, expected, "{prompt}");
    }
}

#[test]
fn a_scenario_is_checked_when_it_is_read() {
    let table = [
        ("", "at least one [[rule]]"),
        ("[[rule]]", "rule 1: a rule answers with"),
        ("[[rule]]\nsay = \"x\"\nerror = { status = 500 }", "a rule answers with"),
        ("[[rule]]\nerror = { status = 200 }", "from 400 to 599"),
        ("[[rule]]\nerror = { status = 500 }\ncut = { after_events = 1 }", "only an answer can be cut"),
        ("[[rule]]\nsay = \"{{fiel}}\"", "nothing captures `{{fiel}}`"),
        ("[[rule]]\nsay = \"{{file\"", "a `{{` without its `}}`"),
        ("[[rule]]\ncall = [{ tool = \"t\", args = { a = [\"{{b}}\"] } }]", "nothing captures `{{b}}`"),
        ("[[rule]]\nwhen = { known = \"x\" }\nsay = \"\"", "there is no capture `x`"),
        ("[[rule]]\nwhen = { titel = \"x\" }\nsay = \"\"", "titel"),
        ("[[capture]]\nname = \"x\"\n[[rule]]\nsay = \"\"", "say either `after`"),
        ("[[capture]]\nname = \"agent\"\nafter = \"x\"\n[[rule]]\nsay = \"\"", "taken by a built-in value"),
        ("[[rule]]\nsay = \"\"\nusage = { input = 1, cached_input = 2, output = 1 }", "contains `cached_input`"),
    ];
    for (scenario, words) in table {
        let refusal = refusal(scenario);
        assert!(refusal.contains(words), "{scenario}\n{refusal}");
    }
}

#[test]
fn only_loopback_is_listened_on() {
    let scenario = Scenario::parse("[[rule]]\nsay = \"\"").unwrap();
    assert!(ScriptedModel::start_at(scenario, "0.0.0.0:0".parse().unwrap()).is_err());
}
