//! What an agent finds in its workspace when its program starts.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use mi_core::wire::agents::HarnessKind;
use mi_core::wire::runner::{EndCause, ItemKind};
use nix::sys::stat::Mode;
use serde_json::{Value, json};

use super::fake::*;
use crate::Drive;

async fn session(workspace: &Path, role: Option<&str>, line: &str, drive: Drive) -> Arc<Fake> {
    let fake = Fake::new();
    let mut context = context(None);
    context["agent"]["role"] = role.map_or(Value::Null, Value::from);
    fake.state().context = Some(context);
    fake.grant(command(line));
    let mut parts = parts(&fake, workspace, Scripted::new([]));
    let place = Arc::make_mut(&mut parts.place);
    place.drive = drive;
    live(parts).await.unwrap();
    fake
}

#[tokio::test]
async fn a_program_finds_who_it_is_and_its_skills_where_it_looks() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("AGENTS.md"), "# What I learnt\n").unwrap();
    let look = "cat AGENTS.md CLAUDE.md > seen; head -2 .claude/skills/code-review/SKILL.md .agents/skills/reports/SKILL.md >> seen";
    let fake = session(folder.path(), Some("reviewer"), look, Drive::At(folder.path().into())).await;
    assert_eq!(fake.only_end().cause, EndCause::Finished);
    let seen = fs::read_to_string(folder.path().join("seen")).unwrap();
    let parts =
        ["You are **ada**", "Your role: reviewer", "Be exact.", "# What I learnt", "@AGENTS.md", "name: code-review"];
    for part in parts.into_iter().chain(["name: reports"]) {
        assert!(seen.contains(part), "{part:?} in\n{seen}");
    }
    let fake = session(folder.path(), Some("writer"), "cp AGENTS.md seen", Drive::At(folder.path().into())).await;
    assert_eq!(fake.only_end().cause, EndCause::Finished);
    let seen = fs::read_to_string(folder.path().join("seen")).unwrap();
    assert_eq!((seen.matches("You are **ada**").count(), seen.matches("What I learnt").count()), (1, 1));
    assert!(seen.contains("Your role: writer") && !seen.contains("reviewer"), "{seen}");
}

#[tokio::test]
async fn what_is_in_the_way_is_told_and_work_goes_on() {
    let _alone = alone().await;
    for in_the_way in ["a pipe", "a folder"] {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("AGENTS.md");
        match in_the_way {
            "a pipe" => nix::unistd::mkfifo(&page, Mode::S_IRWXU).unwrap(),
            _ => fs::create_dir(&page).unwrap(),
        }
        let fake = session(folder.path(), None, "true", Drive::At(folder.path().into())).await;
        assert_eq!(fake.only_end().cause, EndCause::Finished);
        let items = &fake.state().items;
        let told = |text: &str| text.contains("AGENTS.md could not be written for the agent: what is there is no file");
        assert!(items.iter().any(|item| item.kind == ItemKind::Log && told(&item.text)), "{in_the_way}: {items:?}");
    }
}

#[tokio::test]
async fn nothing_is_written_into_a_folder_of_somebody_s_own_machine() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    session(folder.path(), Some("writer"), "true", Drive::ApiOnly).await;
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_role_may_work_without_some_tools() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::new();
    let mut context = context(None);
    context["agent"]["role"] = json!("Code Reviewer");
    fake.state().context = Some(context);
    fake.grant(grant(HarnessKind::Native));
    let model = Scripted::new([calls("hire", json!({"name": "friend"})), calls("finish", json!({"result": "seen"}))]);
    live(parts(&fake, folder.path(), model.clone())).await.unwrap();
    let offered = model.offered.lock().unwrap().clone();
    assert!(offered.contains(&"finish") && offered.contains(&"shell") && !offered.contains(&"hire"), "{offered:?}");
    assert_eq!(model.results(), ["error: your role works without the tool hire"]);
    assert!(!fake.state().acts.iter().any(|act| act.contains("friend")));
}
