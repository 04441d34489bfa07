//! Looks up what is there, as far as the file speaks of it.

use std::collections::{BTreeMap, BTreeSet};

use mi_client::{Client, ClientError, Method, TaskFilter};
use mi_core::ids::{OfficeId, TaskName};
use mi_core::limits::TASK_NAMES_ASKED_MAX;
use serde_json::{Map, Value as Json};

use super::declared::Colony;
use super::plan::Present;
use crate::fault::Fault;
use crate::gather;

/// Everything that the planner compares with.
pub async fn look(client: &Client, office: OfficeId, colony: &Colony) -> Result<Present, Fault> {
    let mut present = Present { colony: Some(office), ..Present::default() };
    if !colony.settings.is_empty() {
        let answer = client.offices().settings(office).answer().await?;
        present.settings = answer.json()?;
    }
    present.agents = gather::agents(client, office).await?;
    look_at_agents(client, office, colony, &mut present).await?;
    for file in &colony.files {
        let (found, _) = client.files(office).list(Some(file.name.as_str()), mi_client::Paging::default()).await?;
        let found = found.into_iter().find(|found| found.name.as_str() == file.name.as_str());
        present.files.extend(found.map(|found| (found.name.to_string(), found.sha256)));
    }
    look_at_tasks(client, office, colony, &mut present).await?;
    if !colony.schedules.is_empty() {
        present.schedules = schedules(client, office).await?;
    }
    Ok(present)
}

async fn look_at_agents(
    client: &Client,
    office: OfficeId,
    colony: &Colony,
    present: &mut Present,
) -> Result<(), Fault> {
    for agent in &colony.agents {
        if !present.agents.iter().any(|there| there.name == agent.name) {
            continue;
        }
        if !agent.env.is_empty() {
            let (variables, _) = client.env(office).of_agent(&agent.name).await?;
            let own = variables.into_iter().filter(|variable| variable.scope == "agent");
            let values = own.filter_map(|variable| Some((variable.key, variable.value?)));
            present.env.insert(agent.name.clone(), values.collect());
        }
        if !agent.integrations.is_empty() {
            let path = format!("/api/v1/offices/{office}/employees/{}/integrations", agent.name);
            let answer = client.server().raw(Method::GET, &path, None).await?;
            present.integrations.insert(agent.name.clone(), enabled(&answer.json()?));
        }
    }
    Ok(())
}

/// The ids and aliases of what is on for an agent.
fn enabled(answer: &Json) -> BTreeSet<String> {
    let Some(items) = answer["integrations"].as_array() else { return BTreeSet::new() };
    let on = items.iter().filter(|item| item["enabled"] != Json::Bool(false));
    on.flat_map(|item| {
        let aliases = item["aliases"].as_array().into_iter().flatten();
        std::iter::once(&item["id"]).chain(aliases).filter_map(|word| word.as_str().map(str::to_owned))
    })
    .collect()
}

async fn look_at_tasks(client: &Client, office: OfficeId, colony: &Colony, present: &mut Present) -> Result<(), Fault> {
    let names: Vec<TaskName> = colony.tasks.iter().map(|task| task.name.clone()).collect();
    for names in names.chunks(TASK_NAMES_ASKED_MAX) {
        let filter = TaskFilter { names: names.to_vec(), ..TaskFilter::default() };
        let (tasks, _) = client.tasks(office).list(&filter).await?;
        present.tasks.extend(tasks.into_iter().filter_map(|task| Some((task.name.clone()?, task))));
    }
    for task in colony.tasks.iter().filter(|task| !task.passed_on.is_empty() || task.budget.is_some()) {
        let Some(there) = present.tasks.get(&task.name) else { continue };
        let answer = client.tasks(office).get(there.id).answer().await?;
        present.raw_tasks.insert(task.name.clone(), flat(answer.json()?));
    }
    Ok(())
}

/// The fields of the task itself and of what hangs on it, side by side.
fn flat(mut detail: Map<String, Json>) -> Json {
    if let Some(Json::Object(task)) = detail.remove("task") {
        detail.extend(task);
    }
    Json::Object(detail)
}

async fn schedules(client: &Client, office: OfficeId) -> Result<BTreeMap<String, Json>, Fault> {
    let path = format!("/api/v1/offices/{office}/schedules?limit=500");
    let answer = client.server().raw(Method::GET, &path, None).await?;
    let schedules: Vec<Json> = answer.json()?;
    Ok(schedules.into_iter().filter_map(|item| Some((item["name"].as_str()?.to_owned(), item))).collect())
}

/// What the file asks for and the server doesn't know, before anything is sent.
pub async fn refuse_unknown(client: &Client, colony: &Colony) -> Result<(), Fault> {
    let toggles = colony.agents.iter().any(|agent| !agent.integrations.is_empty());
    let passed_on: BTreeSet<&String> = colony.tasks.iter().flat_map(|task| task.passed_on.keys()).collect();
    if !toggles && passed_on.is_empty() && colony.schedules.is_empty() {
        return Ok(());
    }
    let answer = client.server().raw(Method::GET, "/openapi.json", None).await?;
    let api: Json = answer.json::<Json>().map_err(|fault: ClientError| Fault::from(fault))?;
    let knows_path = |part: &str, end: &str| {
        let paths = api["paths"].as_object();
        paths.is_some_and(|paths| paths.keys().any(|path| path.contains(part) && path.ends_with(end)))
    };
    let fields = &api["components"]["schemas"]["CreateTask"]["properties"];
    let mut missing: Vec<String> = passed_on
        .into_iter()
        .filter(|key| fields.get(key.as_str()).is_none())
        .map(|key| format!("tasks' {key}"))
        .collect();
    missing.extend((toggles && !knows_path("/integrations/", "/agents/{agent}")).then(|| "integrations".to_owned()));
    missing.extend(
        (!colony.schedules.is_empty() && !knows_path("/offices/", "/schedules")).then(|| "schedules".to_owned()),
    );
    match missing.as_slice() {
        [] => Ok(()),
        missing => Err(Fault::failed(
            format!("this server doesn't know {}; nothing was changed", missing.join(", ")),
            "take them out of the file, or update the server",
        )),
    }
}
