//! The one route of agents' keys; joining brings the others.

use mi_core::problem::Code;
use mi_core::wire::agents::{RotateCredentials, RotatedCredentials};

use super::service;
use crate::house::House;
use crate::infra::caller::Access;
use crate::infra::fault::Fault;
use crate::infra::http::{Call, Operation, Reply, post};

const ROTATE: &str = "…/employees/{name}/credentials/rotate";

pub fn operations() -> Vec<Operation> {
    vec![
        post("agents.rotate_credentials", ROTATE, Access::Member, "New credentials; the old ones are refused at once")
            .takes::<RotateCredentials>()
            .gives::<RotatedCredentials>(200)
            .fails(&[Code::NoSuchAgent, Code::NotYou, Code::PublicKeyTaken])
            .run(rotate),
    ]
}

async fn rotate(house: House, call: Call) -> Result<Reply, Fault> {
    let (name, wish) = (call.param("name")?.to_owned(), call.body::<RotateCredentials>()?);
    Ok(house.act(&call, move |act, member| service::rotate(act, member, &name, &wish)).await?.into())
}
