use super::catalogue::{ROLES, SKILLS, read_role, read_skill};
use super::page::Page;
use super::*;
use crate::wire::runner::{Colleague, OfficeCard};
use serde_json::json;

fn agent(more: serde_json::Value) -> Agent {
    let mut it = json!({
        "id": "3a5d5e6a-41ce-4b61-9bd8-4a5bd1f4b9a1", "name": "ada", "role": null, "modelTier": null, "modelProvider": null,
        "harness": "native", "skills": [], "systemPrompt": null, "kind": "hosted", "spawnedBy": null, "publicKey": null,
        "xmtpAddress": null, "createdAt": "2026-04-27T09:30:00.000Z",
        "status": {"phase": "Idle", "ready": true, "message": "", "lastSeen": null, "currentTask": null},
    });
    it.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(it).unwrap()
}

fn office(name: &str) -> OfficeCard {
    OfficeCard { id: "3a5d5e6a-41ce-4b61-9bd8-4a5bd1f4b9a1".parse().unwrap(), name: name.to_owned() }
}

fn colleague(name: &str, role: Option<&str>) -> Colleague {
    Colleague { name: name.parse().unwrap(), role: role.map(str::to_owned) }
}

#[test]
fn every_page_is_read_and_names_only_what_there_is() {
    let read: Vec<RoleTemplate> = ROLES.iter().map(|text| read_role(text).unwrap()).collect();
    let skills: Vec<Skill> = SKILLS.iter().map(|text| read_skill(text).unwrap()).collect();
    assert_eq!((roles(), self::skills()), (read.as_slice(), skills.as_slice()));
    let mut words: Vec<&str> = Vec::new();
    for role in &read {
        assert!(role.skills.iter().all(|name| skill(name).is_some()), "{}: {:?}", role.name, role.skills);
        words.extend(role.aliases.iter().map(String::as_str).chain([role.name.as_str()]));
    }
    let count = words.len();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), count, "one word, one role");
    assert!(words.iter().all(|word| word.to_lowercase() == **word));
    for skill in &skills {
        let plain = skill.name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        assert!(plain && skill.name.len() <= 64 && skill.description.len() <= 1024, "{}", skill.name);
    }
}

#[test]
fn a_role_is_found_by_any_of_its_words() {
    for word in ["engineer", "Developer", " software engineer "] {
        assert_eq!(role(word).map(|role| role.name.as_str()), Some("engineer"), "{word:?}");
    }
    assert_eq!(role("keeper of bees"), None);
}

#[test]
fn an_agent_has_the_skills_of_all_of_its_role_and_its_own_once_each() {
    let names = |agent: &Agent| skills_of(agent).iter().map(|skill| skill.name.clone()).collect::<Vec<_>>();
    let ada = agent(json!({"role": "engineer", "skills": ["go", "Testing", "reports"]}));
    assert_eq!(names(&ada), ["task-queue", "debugging", "testing", "reports"]);
    assert_eq!(names(&agent(json!({"role": "keeper of bees"}))), ["task-queue"]);
}

#[test]
fn a_page_without_a_head_is_told_so() {
    for (text, what) in [
        ("name: x", "it begins with a line ---"),
        ("---\nname: x\n", "its head ends with a line ---"),
        ("---\nname\n---\ntext", "no key before a colon: name"),
    ] {
        assert_eq!(Page::read(text), Err(what.to_owned()));
    }
    assert_eq!(read_role("---\nname: x\n---\ntext"), Err("its head has no description".to_owned()));
    assert!(read_role("---\nname: x\ndescription: y\nkinds: cooking\n---\ntext").is_err());
}

#[test]
fn the_guide_says_who_where_how_and_with_whom() {
    let ada = agent(json!({"role": "planner", "systemPrompt": "Speak Latin.", "spawnedBy": "boss"}));
    let guide = guide(&ada, &office("Bees\n# and honey"), &[colleague("ben", Some("writer")), colleague("cy", None)]);
    let heads: Vec<&str> = guide.lines().filter(|line| line.starts_with('#')).collect();
    let expected = [
        "# ada of Bees # and honey",
        "## Your role: planner",
        "## What your office told you",
        "## How you work here",
        "## Skills",
        "## Colleagues",
    ];
    assert_eq!(heads, expected);
    for part in [
        "boss brought you in",
        "You split large work",
        "Speak Latin.",
        "skills/planning/SKILL.md",
        "- ben: writer",
        "- cy\n",
    ] {
        assert!(guide.contains(part), "{part:?} in\n{guide}");
    }
}

#[test]
fn a_large_office_is_not_listed_whole() {
    let many: Vec<Colleague> = (0..60).map(|n| colleague(&format!("a{n}"), None)).collect();
    let guide = guide(&agent(json!({})), &office("Large"), &many);
    assert!(guide.contains("- a49\n- and 10 more: `tq agents`"), "{guide}");
}

#[test]
fn what_somebody_else_wrote_into_the_page_stays() {
    let first = placed("one", None);
    assert_eq!(placed("two", Some(&first)), first.replace("one", "two"));
    let mixed = format!("# Mine\n\n{first}\nAnd this.\n");
    assert_eq!(placed("two", Some(&mixed)), format!("# Mine\n\n{}And this.\n", first.replace("one", "two")));
    assert_eq!(placed("one", Some("# Mine\n")), format!("{first}\n# Mine\n"));
    assert_eq!(placed("one", Some(" \n")), first);
}
