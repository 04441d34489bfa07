//! Routes of the environment.

use mi_core::problem::Code;
use mi_core::wire::env::EnvVar;

use super::service::{self, Show};
use super::wishes::{self, Address};
use crate::house::House;
use crate::infra::caller::Access;
use crate::infra::fault::Fault;
use crate::infra::http::{Call, Operation, Reply, delete, get, put};

const SETTING: &[Code] = &[Code::ReservedKey, Code::TooLong, Code::NoSuchAgent];

pub fn operations() -> Vec<Operation> {
    vec![
        get("env.list", "…/env", Access::Operator, "Names of the variables of the office and its agents")
            .lists::<EnvVar>()
            .run(list),
        get("env.values", "…/env/values", Access::Operator, "The variables with their values")
            .lists::<EnvVar>()
            .run(values),
        put("env.set", "…/env", Access::Operator, "Set variables: one as {key, value, …}, or a map for the office")
            .takes::<EnvVar>()
            .fails(SETTING)
            .run(set),
        delete("env.delete", "…/env/{key}", Access::Operator, "Delete a variable of the office, or of an agent")
            .query(&[("scope", "office or agent"), ("agentName", "whose variable it is, if an agent's")])
            .fails(&[Code::NoSuchKey, Code::NoSuchAgent])
            .run(remove),
        get("env.of_agent", "…/employees/{name}/env", Access::Member, "What an agent finds in its environment")
            .lists::<EnvVar>()
            .fails(&[Code::OperatorOnly, Code::NoSuchAgent])
            .run(of_agent),
        put(
            "env.set_for_agent",
            "…/employees/{name}/env/{key}",
            Access::Operator,
            "Set a variable of an agent: {value}",
        )
        .fails(SETTING)
        .run(set_for_agent),
    ]
}

async fn list(house: House, call: Call) -> Result<Reply, Fault> {
    show(house, call, Show::Keys).await
}

async fn values(house: House, call: Call) -> Result<Reply, Fault> {
    show(house, call, Show::Values).await
}

async fn show(house: House, call: Call, show: Show) -> Result<Reply, Fault> {
    let keys = house.keys.clone();
    Ok(house.look(&call, move |view, _| service::list(view, &keys, show)).await?.into())
}

async fn set(house: House, call: Call) -> Result<Reply, Fault> {
    let (wish, keys) = (wishes::read(call.object()?)?, house.keys.clone());
    Ok(house.act(&call, move |act, member| service::set(act, member, &keys, &wish)).await?.into())
}

async fn remove(house: House, call: Call) -> Result<Reply, Fault> {
    let (key, whose) = (call.param("key")?.to_owned(), call.query::<Address>()?.whose()?);
    Ok(house.act(&call, move |act, member| service::delete(act, member, &whose, &key)).await?.into())
}

async fn of_agent(house: House, call: Call) -> Result<Reply, Fault> {
    let (name, keys) = (call.param("name")?.to_owned(), house.keys.clone());
    Ok(house.look(&call, move |view, member| service::list_of_agent(view, member, &keys, &name)).await?.into())
}

async fn set_for_agent(house: House, call: Call) -> Result<Reply, Fault> {
    let (wish, keys) = (wishes::read_one(call.param("name")?, call.param("key")?, call.object()?)?, house.keys.clone());
    Ok(house.act(&call, move |act, member| service::set(act, member, &keys, &wish)).await?.into())
}
