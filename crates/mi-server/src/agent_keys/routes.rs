//! Routes of agents' keys; joining brings them.

use mi_core::problem::Code;
use mi_core::wire::agents::{AgentKey, RotateCredentials, RotatedCredentials};

use super::service;
use crate::house::House;
use crate::infra::act::Answer;
use crate::infra::caller::Access;
use crate::infra::fault::{self, Fault};
use crate::infra::http::{Call, Operation, Reply, get, post};

const KEYS: &str = "…/employees/{name}/keys";
const ROTATE: &str = "…/employees/{name}/credentials/rotate";

pub fn operations() -> Vec<Operation> {
    vec![
        post("agents.rotate_credentials", ROTATE, Access::Member, "New credentials; the old ones are refused at once")
            .takes::<RotateCredentials>()
            .gives::<RotatedCredentials>(200)
            .fails(&[Code::NoSuchAgent, Code::NotYou, Code::PublicKeyTaken])
            .run(rotate),
        get("agents.keys", KEYS, Access::Viewer, "By which keys an agent is known, and when each was used")
            .lists::<AgentKey>()
            .fails(&[Code::NoSuchAgent])
            .run(keys),
    ]
}

async fn keys(house: House, call: Call) -> Result<Reply, Fault> {
    let name = call.param("name")?.to_owned();
    let found = house.look(&call, move |view, _| service::list(view, &name)).await?;
    let total = i64::try_from(found.len()).map_err(fault::internal)?;
    Ok(Answer::list(&found, total)?.into())
}

async fn rotate(house: House, call: Call) -> Result<Reply, Fault> {
    let (name, wish) = (call.param("name")?.to_owned(), call.body::<RotateCredentials>()?);
    Ok(house.act(&call, move |act, member| service::rotate(act, member, &name, &wish)).await?.into())
}
