//! `mi apply` with the example that comes along: five agents and twelve tasks in three waves, without a model.

use serde_json::Value;
use tests::{House, Server, example};

const LOOKS: [&str; 5] = ["look-locks", "look-errors", "look-memory", "look-time", "look-text"];
const CHECKS: [&str; 5] = ["check-locks", "check-errors", "check-memory", "check-time", "check-text"];
const LAST: [&str; 2] = ["report", "hotspots"];

fn task<'a>(export: &'a Value, name: &str) -> &'a Value {
    export.as_array().unwrap().iter().map(|detail| &detail["task"]).find(|task| task["name"] == name).unwrap()
}

/// RFC 3339 in UTC sorts as text.
fn times<'a>(export: &'a Value, names: &[&str], field: &str) -> Vec<&'a str> {
    names.iter().map(|name| task(export, name)[field].as_str().unwrap()).collect()
}

/// No task of a wave starts before all of the wave before are done.
fn comes_after(export: &Value, later: &[&str], earlier: &[&str]) {
    let (started, done) = (times(export, later, "started_at"), times(export, earlier, "completed_at"));
    assert!(started.iter().min() >= done.iter().max(), "{started:?} after {done:?}");
}

#[test]
fn the_example_runs_by_itself_in_three_waves_and_only_once() {
    let house = House::new();
    let server = Server::start(&house);
    let file = example("../colony.yaml");
    let file = file.to_str().unwrap();
    let said = server.mi(&["apply", "-f", file, "--wait", "--timeout", "120"]).ok();
    assert_eq!(said.stdout.lines().filter(|line| line.starts_with('+')).count(), 20, "{said:#?}");

    let again = server.mi(&["apply", "-f", file, "--json"]).ok().json();
    let steps = again["steps"].as_array().unwrap();
    assert!(steps.len() == 21 && steps.iter().all(|step| step["action"] == "none"), "{again:#}");

    let export = server.mi(&["tasks", "export", "-c", "review"]).ok().json();
    assert_eq!(export.as_array().unwrap().len(), 12);
    comes_after(&export, &CHECKS, &LOOKS);
    comes_after(&export, &LAST, &CHECKS);
    for detail in export.as_array().unwrap() {
        assert_eq!((&detail["task"]["status"], &detail["task"]["attempts"]), (&"done".into(), &1.into()), "{detail:#}");
        assert!(detail["artifacts"][0]["size"].as_i64().is_some(), "{detail:#}");
    }
    let report = server.mi(&["files", "pull", "-c", "review", "reviews/report.md", "-o", "-"]).ok().stdout;
    assert!(report.starts_with("# Review of rate-limiter.go\n") && report.contains("delete(l.buckets"), "{report}");
    server.mi(&["colony", "watch", "-c", "review", "--until-idle", "--timeout", "30"]).ok();
}
