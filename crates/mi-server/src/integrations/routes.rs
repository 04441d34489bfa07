//! Routes of integrations.

use mi_core::problem::Code;
use mi_core::wire::integrations::{
    AgentCredentials, AgentIntegrations, AskIntegration, Integration, IntegrationCredentials, IntegrationRequest,
    IntegrationToggled, ProviderModel, SetSecret, ToggleIntegration, UpdateIntegration,
};
use serde::Deserialize;

use super::service::{self, Desk};
use super::{credentials, faults, requests, wishes};
use crate::gateway::reach::Reach;
use crate::gateway::{check, listing};
use crate::house::House;
use crate::infra::act::{Act, Answer};
use crate::infra::caller::{Access, Member};
use crate::infra::fault::Fault;
use crate::infra::http::{Call, Operation, Reply, delete, get, patch, post};

const ONE: &str = "…/integrations/{integration}";
const SECRET: &str = "…/integrations/{integration}/secret";
const TOGGLE: &str = "…/integrations/{integration}/agents/{agent}";
const CREDENTIALS: &str = "…/integrations/{integration}/agents/{name}/credentials";
const OF_AGENT: &str = "…/employees/{name}/integrations";
const CREDENTIALS_OF_AGENT: &str = "…/employees/{name}/integration-credentials";
const REQUESTS: &str = "…/integration-requests";
const NEITHER: &[Code] = &[Code::NoSuchIntegration, Code::NoSuchAgent, Code::NotYou];

pub fn operations() -> Vec<Operation> {
    let mut all = of_offices();
    all.extend(of_agents());
    all
}

fn of_offices() -> Vec<Operation> {
    vec![
        get("integrations.list", "…/integrations", Access::Member, "The catalogue, with its status in this office")
            .lists::<Integration>()
            .run(list),
        get("integrations.get", ONE, Access::Member, "One integration, by id or alias")
            .gives::<Integration>(200)
            .fails(&[Code::NoSuchIntegration])
            .run(get_one),
        patch("integrations.update", ONE, Access::Operator, "Say whether hosted agents get the real values: {rawKeys}")
            .takes::<UpdateIntegration>()
            .gives::<Integration>(200)
            .fails(&[Code::NoSuchIntegration])
            .run(update),
        post("integrations.set_secret", SECRET, Access::Operator, "Set secrets: {key}, {NAME: value}, or {data: {…}}")
            .takes::<SetSecret>()
            .gives::<Integration>(200)
            .fails(&[Code::NoSuchIntegration, Code::TooLong, Code::KeyRefused])
            .run(set_secret),
        delete("integrations.delete_secret", SECRET, Access::Operator, "Forget the secrets of an integration")
            .fails(&[Code::NoSuchIntegration])
            .run(delete_secret),
        get("integrations.models", "…/provider-models", Access::Member, "The models that tiers stand for")
            .query(&[("provider", "of this provider only, with what it lists itself if there is a key for it")])
            .lists::<ProviderModel>()
            .fails(&[Code::UnknownProvider])
            .run(models),
    ]
}

fn of_agents() -> Vec<Operation> {
    vec![
        post("integrations.toggle", TOGGLE, Access::Operator, "Turn an integration on or off for an agent")
            .takes::<ToggleIntegration>()
            .gives::<IntegrationToggled>(200)
            .fails(&[Code::NoSuchIntegration, Code::NoSuchAgent])
            .run(toggle),
        get("integrations.of_agent", OF_AGENT, Access::Member, "What is on for an agent; If-None-Match: rev gives 304")
            .gives::<AgentIntegrations>(200)
            .fails(&[Code::NoSuchAgent])
            .run(of_agent),
        get("integrations.credentials_of_agent", CREDENTIALS_OF_AGENT, Access::Session, "An agent's own credentials")
            .gives::<AgentCredentials>(200)
            .fails(NEITHER)
            .run(credentials_of_agent),
        get("integrations.credentials", CREDENTIALS, Access::Session, "An agent's own credentials for one integration")
            .gives::<IntegrationCredentials>(200)
            .fails(NEITHER)
            .run(credentials_of_one),
        post("integrations.request", REQUESTS, Access::Member, "Ask the owner for an integration")
            .takes::<AskIntegration>()
            .gives::<IntegrationRequest>(201)
            .fails(&[Code::NoSuchIntegration, Code::NoSuchAgent, Code::NotYou, Code::TooLong])
            .run(request),
        get("integrations.requests", REQUESTS, Access::Member, "What agents asked for")
            .query(&[
                ("status", "pending or granted"),
                ("limit", "at most so many, up to 500"),
                ("offset", "leave out so many first"),
            ])
            .lists::<IntegrationRequest>()
            .run(list_requests),
    ]
}

fn desk(house: &House) -> Desk {
    Desk { keys: house.keys.clone(), providers: house.providers.clone() }
}

async fn list(house: House, call: Call) -> Result<Reply, Fault> {
    let providers = house.providers.clone();
    Ok(house.look(&call, move |view, _| service::list(view, &providers)).await?.into())
}

async fn get_one(house: House, call: Call) -> Result<Reply, Fault> {
    let (manifest, providers) = (service::find(call.param("integration")?)?, house.providers.clone());
    Ok(house.look(&call, move |view, _| service::get(view, manifest, &providers)).await?.into())
}

async fn update(house: House, call: Call) -> Result<Reply, Fault> {
    let manifest = service::find(call.param("integration")?)?;
    let raw = wishes::read_raw_keys(manifest, &mut call.object()?)?.ok_or_else(faults::nothing_to_change)?;
    let providers = house.providers.clone();
    Ok(house.act(&call, move |act, member| service::update(act, member, manifest, raw, &providers)).await?.into())
}

async fn set_secret(house: House, call: Call) -> Result<Reply, Fault> {
    let manifest = service::find(call.param("integration")?)?;
    let (wish, desk) = (wishes::read(manifest, call.object()?)?, desk(&house));
    // Who may not set it has nothing checked either, and no check sends a key where it may not go.
    let wish = std::sync::Arc::new(wish);
    let wanted = std::sync::Arc::clone(&wish);
    house.look(&call, move |view, _| service::check_address(view.tx, view.office, manifest, &wanted)).await?;
    let warning = match manifest.kind_of_provider() {
        Some(kind) => check::key(&house, call.office()?, (kind, &manifest.id), &wish).await?,
        None => None,
    };
    let set = move |act: &mut Act<'_>, member: &Member| {
        service::set_secret(act, member, manifest, &wish, (&desk, warning.as_deref()))
    };
    Ok(house.act(&call, set).await?.into())
}

async fn delete_secret(house: House, call: Call) -> Result<Reply, Fault> {
    let manifest = service::find(call.param("integration")?)?;
    Ok(house.act(&call, move |act, member| service::delete_secret(act, member, manifest)).await?.into())
}

async fn toggle(house: House, call: Call) -> Result<Reply, Fault> {
    let (manifest, name) = (service::find(call.param("integration")?)?, call.param("agent")?.to_owned());
    let (enabled, providers) = (call.body::<ToggleIntegration>()?.enabled, house.providers.clone());
    let answer = house
        .act(&call, move |act, member| service::toggle(act, member, manifest, (&name, enabled), &providers))
        .await?;
    Ok(answer.into())
}

async fn of_agent(house: House, call: Call) -> Result<Reply, Fault> {
    let (name, providers) = (call.param("name")?.to_owned(), house.providers.clone());
    let found = house.look(&call, move |view, _| service::of_agent(view, &name, &providers)).await?;
    Ok(Reply::tagged(Answer::ok(&found)?, &found.rev, call.header("if-none-match")))
}

async fn credentials_of_agent(house: House, call: Call) -> Result<Reply, Fault> {
    let (name, desk) = (call.param("name")?.to_owned(), desk(&house));
    let found = house.look(&call, move |view, member| credentials::of_agent(view, member, &name, &desk)).await?;
    Ok(Reply::private(Answer::ok(&found)?))
}

async fn credentials_of_one(house: House, call: Call) -> Result<Reply, Fault> {
    let (manifest, desk) = (service::find(call.param("integration")?)?, desk(&house));
    let name = call.param("name")?.to_owned();
    let found =
        house.look(&call, move |view, member| credentials::of_one(view, member, &name, manifest, &desk)).await?;
    Ok(Reply::private(Answer::ok(&found)?))
}

async fn request(house: House, call: Call) -> Result<Reply, Fault> {
    let (wish, desk) = (call.body::<AskIntegration>()?, desk(&house));
    Ok(house.act(&call, move |act, member| requests::ask(act, member, &wish, &desk)).await?.into())
}

#[derive(Deserialize)]
struct RequestsQuery {
    status: Option<String>,
}

async fn list_requests(house: House, call: Call) -> Result<Reply, Fault> {
    let (page, query) = (call.page()?, call.query::<RequestsQuery>()?);
    Ok(house.look(&call, move |view, _| requests::list(view, query.status.as_deref(), page)).await?.into())
}

#[derive(Deserialize)]
struct ModelsQuery {
    provider: Option<String>,
}

async fn models(house: House, call: Call) -> Result<Reply, Fault> {
    let query: ModelsQuery = call.query()?;
    // Who may not enter the office learns nothing here either.
    let providers = house.providers.clone();
    let reach = house.look(&call, move |view, _| Reach::load(view.tx, view.office, &providers)).await?;
    let found = listing::models(&house, call.office()?, &reach, query.provider.as_deref()).await?;
    Ok(Answer::list(&found, found.len() as i64)?.into())
}
