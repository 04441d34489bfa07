//! The guide's quick start and tutorial, typed word for word.

use std::fs;
use std::path::Path;

use serde_json::Value;
use testkit::model::ScriptedModel;
use testkit::model::scenario::Scenario;
use tests::{House, LONG, Office, SHORT, Said, Server, Start, example, processes, sha256};

const KEY: &str = "sk-scripted-5c1d9e0b7a";
const PARENT_RULE: &str = "when = { title_starts = \"Review \", not_called = \"shell\" }";

struct Tutorial<'h> {
    server: Server<'h>,
    id: String,
}

impl<'h> Tutorial<'h> {
    /// Step 1 and 2 of the guide: the office, the agents, the file.
    fn begin(server: Server<'h>) -> Self {
        let made = server.house.shell(r#"mi colonies create --name "code-review""#).ok();
        let tutorial = Self { server, id: made.fact("id") };
        assert_eq!(made.fact("name"), "code-review");
        for name in ["reviewer", "analyst"] {
            let line = format!("mi agents hire --colony <id> --name {name} --provider openai-codex --model gpt-5.5");
            let hired = tutorial.types(&line).ok();
            assert_eq!((hired.fact("name"), hired.fact("model")), (name.to_owned(), "gpt-5.5".to_owned()));
        }
        let pushed = tutorial.types("mi files push --colony <id> ./src/rate-limiter.go").ok();
        assert!(pushed.stdout.contains("rate-limiter.go"), "{pushed:#?}");
        tutorial
    }

    fn types(&self, line: &str) -> Said {
        self.server.house.shell(&line.replace("<id>", &self.id))
    }

    fn office(&self) -> Office<'_> {
        Office::known(&self.server, &self.id)
    }

    /// Step 3, the first command.
    fn creates_the_parent(&self) {
        let line = "mi tasks create --colony <id> \\\n--title \"Review rate-limiter.go\" \\\n--kind review\n";
        let made = self.types(line).ok();
        assert!(made.stdout.contains('1') && made.stdout.contains("Review rate-limiter.go"), "{made:#?}");
    }

    /// Step 3, the other two.
    fn creates_the_subtasks(&self) {
        for (title, agent) in
            [("Find bugs and edge cases", "reviewer"), ("Analyze performance characteristics", "analyst")]
        {
            let line = format!(
                "mi tasks create --colony <id> \\\n--title \"{title}\" \\\n--kind review \\\n--parentId 1 \\\n--assignedAgent {agent}\n"
            );
            self.types(&line).ok();
        }
    }

    /// Steps 4 and 5: what people see, and what programs see.
    fn shows_the_results(&self) {
        self.office().await_status(1, "done", LONG);
        let seen = self.types("mi tasks get --colony <id> 1").ok().stdout;
        for word in ["Review rate-limiter.go", "done", "Find bugs and edge cases", "Analyze performance", "reviewer"] {
            assert!(seen.contains(word), "{word:?} is not in {seen}");
        }
        let files = self.types("mi files list --colony <id>").ok().stdout;
        for name in ["rate-limiter.go", "findings-2-reviewer.md", "performance-3-analyst.md"] {
            assert!(files.contains(name), "{name} is not in {files}");
        }
        let seen = self.types("mi tasks get --colony <id> 2").ok().stdout;
        for word in ["unguarded shared state", "findings-2-reviewer.md", "done", "reviewer"] {
            assert!(seen.contains(word), "{word:?} is not in {seen}");
        }
        self.is_proven(2, "reviewer", "findings-2-reviewer.md");
        self.is_proven(3, "analyst", "performance-3-analyst.md");
        self.parent_was_closed_by_the_server();
    }

    /// Done by its assignee at the first attempt, with a result and an artifact that is the file on the drive.
    fn is_proven(&self, id: i64, agent: &str, file: &str) {
        let detail = self.types(&format!("mi tasks get --colony <id> {id} --json")).ok().json();
        let task = &detail["task"];
        assert_eq!((task["status"].as_str(), task["assigned_agent"].as_str()), (Some("done"), Some(agent)), "{task:#}");
        assert_eq!((&task["attempts"], &task["error"]), (&Value::from(1), &Value::Null), "{task:#}");
        assert!(task["result_summary"].as_str().unwrap().contains(file), "{task:#}");
        let artifacts = detail["artifacts"].as_array().unwrap();
        assert_eq!(artifacts.len(), 1, "{artifacts:#?}");
        let pulled = format!("pulled-{id}.md");
        self.types(&format!("mi files pull --colony <id> {file} -o {pulled}")).ok();
        let bytes = fs::read(self.server.house.path("here").join(pulled)).unwrap();
        assert_eq!(artifacts[0]["path"], file);
        assert_eq!(artifacts[0]["sha256"], sha256(&bytes));
        assert_eq!(artifacts[0]["size"].as_u64(), Some(bytes.len() as u64));
        let source = fs::read_to_string(example("rate-limiter.go")).unwrap();
        assert!(String::from_utf8(bytes).unwrap().contains(source.lines().next().unwrap()), "it read the file");
        let tokens = detail["sessions"][0]["input_tokens"].as_i64();
        assert!(tokens > Some(0), "the session tells what it used: {detail:#}");
    }

    fn parent_was_closed_by_the_server(&self) {
        let parent = self.types("mi tasks get --colony <id> 1 --json").ok().json();
        let result = parent["task"]["result_summary"].as_str().unwrap_or_default();
        for id in [2, 3] {
            let detail = self.office().detail(id);
            let part = detail["task"]["result_summary"].as_str().unwrap();
            assert!(result.contains(part), "{part:?} is not in the parent's result {result:?}");
        }
        assert_eq!(parent["task"]["subtask_count"], 2);
    }

    /// Step 6.
    fn cleans_up(&self) {
        for name in ["reviewer", "analyst"] {
            self.types(&format!("mi agents fire --colony <id> {name}")).ok();
        }
        tests::until(SHORT, "the end of the fired agents' pods", || self.server.family().is_empty().then_some(()));
        assert_eq!(self.types("mi agents list --colony <id> --json").ok().json(), serde_json::json!([]));
    }

    /// The provider's key is the server's alone.
    fn key_stayed_home(&self) {
        for process in self.server.family() {
            let seen = [process.arguments(), process.environment()].concat().join("\n");
            assert!(!seen.contains(KEY), "{process:?} holds the provider's key");
        }
        for id in 1..=3 {
            assert!(!self.office().detail(id).to_string().contains(KEY));
        }
        for agent in ["reviewer", "analyst"] {
            let logs = self.types(&format!("mi agents logs <id> {agent}")).ok();
            assert!(!logs.stdout.contains(KEY) && !logs.stdout.trim().is_empty(), "{logs:#?}");
        }
        assert!(!self.server.log().contains(KEY));
        nowhere_below(&self.server.house.path(""), KEY.as_bytes());
    }
}

fn nowhere_below(folder: &Path, secret: &[u8]) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            nowhere_below(&entry.path(), secret);
        } else if kind.is_file() {
            let bytes = fs::read(entry.path()).unwrap();
            let found = bytes.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "{} holds the provider's key", entry.path().display());
        }
    }
}

fn house() -> House {
    let house = House::new();
    house.put("src/rate-limiter.go", &fs::read(example("rate-limiter.go")).unwrap());
    house
}

fn start<'h>(house: &'h House, model: &ScriptedModel) -> Server<'h> {
    let start = Start::default().with_env("OPENAI_API_KEY", KEY);
    Server::start_with(house, &start.with_env("OPENAI_BASE_URL", format!("{}/openai/v1", model.url())))
}

/// The commands follow each other at once: pods are still starting when the tasks are there.
#[test]
fn with_no_time_between_the_commands() {
    let model = ScriptedModel::start(Scenario::shipped("code-review").unwrap().with_key(KEY)).unwrap();
    let house = house();
    let tutorial = Tutorial::begin(start(&house, &model));
    tutorial.creates_the_parent();
    tutorial.creates_the_subtasks();
    tutorial.shows_the_results();
    tutorial.key_stayed_home();
    tutorial.cleans_up();
    quick_start(&tutorial.server);
    nobody_there_yet(&tutorial.server);
    for request in model.requests() {
        let credential = &request.headers["authorization"];
        assert_eq!(credential, &format!("Bearer {KEY}"), "the provider sees its own key and no credential of ours");
    }
    assert!(tutorial.server.stop().success());
}

/// Agents wait already when task 1 comes: one of them holds it before it has subtasks, and loses that claim uncounted.
#[test]
fn with_idle_agents_before_the_first_task() {
    let shipped =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/testkit/scenarios/code-review.toml"));
    let gated = shipped.unwrap().replacen(PARENT_RULE, &format!("{PARENT_RULE}\nwait = {{ gate = \"parent\" }}"), 1);
    let model = ScriptedModel::start(Scenario::parse(&gated).unwrap().with_key(KEY)).unwrap();
    let house = house();
    let tutorial = Tutorial::begin(start(&house, &model));
    for name in ["reviewer", "analyst"] {
        tutorial.office().await_idle(name, SHORT);
    }
    assert!(model.requests().is_empty(), "idling costs nothing");
    tutorial.creates_the_parent();
    tutorial.office().await_task(1, "held", SHORT, |task| !task["claimed_by"].is_null());
    tutorial.creates_the_subtasks();
    let parent = tutorial.office().detail(1);
    assert_eq!(
        (&parent["task"]["claimed_by"], &parent["task"]["attempts"]),
        (&Value::Null, &Value::from(0)),
        "{parent:#}"
    );
    model.open_gate("parent").unwrap();
    tutorial.shows_the_results();
    assert!(tutorial.server.stop().success());
    assert!(processes::that_mention(&house.path("").display().to_string()).is_empty());
}

/// The guide's quick start: one agent without a model's name, one task.
fn quick_start(server: &Server<'_>) {
    let id = server.house.shell(r#"mi colonies create --name "My Colony""#).ok().fact("id");
    let types = |line: &str| server.house.shell(&line.replace("<id>", &id)).ok();
    types("mi agents hire --colony <id> --name analyst --provider openai-codex");
    types(r#"mi tasks create --colony <id> --title "Review code" --assignedAgent analyst"#);
    let done = Office::known(server, &id).await_status(1, "done", SHORT);
    assert!(done["task"]["result_summary"].as_str().unwrap().contains("Synthesis by analyst"), "{done:#}");
    let seen = types("mi tasks get --colony <id> 1");
    assert!(seen.stdout.contains("Synthesis by analyst") && seen.stdout.contains("done"), "{seen:#?}");
}

/// Everything is in the queue before anybody is hired; an assignee must exist, so nothing is assigned.
fn nobody_there_yet(server: &Server<'_>) {
    let office = Office::create(server, "early");
    office.push("queue.go", &fs::read(example("queue.go")).unwrap());
    office.mi(&["tasks", "create", "--title", "x", "--assignedAgent", "ada"]).fails(2, &["ada"]);
    let parent = office.task("Review queue.go", &[]).to_string();
    let parts = ["Find bugs", "Analyze performance"].map(|title| office.task(title, &["--parentId", &parent]));
    let why = office.detail(parts[0])["task"]["why"]["code"].clone();
    assert_eq!(why, "no_eligible_agent");
    office.mi(&["agents", "hire", "--name", "ada", "--provider", "openai-codex", "--model", "gpt-5.5"]).ok();
    let done = office.await_status(parent.parse().unwrap(), "done", SHORT);
    assert_eq!(done["subtasks"].as_array().unwrap().len(), 2, "{done:#}");
    assert!(office.file_names().contains(&format!("performance-{}-ada.md", parts[1])));
}
