//! Routes of webhooks.

use mi_core::problem::Code;
use mi_core::wire::webhooks::{CreateWebhook, Delivery, Webhook};

use super::service;
use crate::house::House;
use crate::infra::caller::Access;
use crate::infra::fault::Fault;
use crate::infra::http::{Call, Operation, Reply, delete, get, post};

const OF_ONE: &[Code] = &[Code::NoSuchWebhook];
const OF_A_DELIVERY: &[Code] = &[Code::NoSuchWebhook, Code::NoSuchDelivery];

pub fn operations() -> Vec<Operation> {
    vec![
        get("webhooks.list", "…/webhooks", Access::Operator, "Who is told of this office's events")
            .lists::<Webhook>()
            .run(list),
        post("webhooks.create", "…/webhooks", Access::Operator, "Tell an address of events; shows its secret once")
            .takes::<CreateWebhook>()
            .gives::<Webhook>(201)
            .fails(&[Code::TooLong, Code::TooManyWebhooks])
            .run(create),
        delete("webhooks.delete", "…/webhooks/{id}", Access::Operator, "Tell it nothing any more")
            .fails(OF_ONE)
            .run(remove),
        post(
            "webhooks.enable",
            "…/webhooks/{id}/enable",
            Access::Operator,
            "Go on with a disabled webhook where it stopped",
        )
        .gives::<Webhook>(200)
        .fails(OF_ONE)
        .run(enable),
        post("webhooks.test", "…/webhooks/{id}/test", Access::Operator, "Send a delivery without an event, once")
            .gives::<Delivery>(201)
            .fails(OF_ONE)
            .run(test),
        get(
            "webhooks.deliveries",
            "…/webhooks/{id}/deliveries",
            Access::Operator,
            "What became of its deliveries, newest first",
        )
        .query(&[("limit", "at most so many, up to 500"), ("offset", "skip so many")])
        .lists::<Delivery>()
        .fails(OF_ONE)
        .run(deliveries),
        post(
            "webhooks.redeliver",
            "…/webhooks/{id}/deliveries/{n}/redeliver",
            Access::Operator,
            "Send a delivery that has ended once more, under its old name",
        )
        .gives::<Delivery>(200)
        .fails(OF_A_DELIVERY)
        .run(redeliver),
    ]
}

async fn list(house: House, call: Call) -> Result<Reply, Fault> {
    Ok(house.look(&call, |view, _| service::list(view)).await?.into())
}

async fn create(house: House, call: Call) -> Result<Reply, Fault> {
    let (wish, keys): (CreateWebhook, _) = (call.body()?, house.keys.clone());
    let address = house.outbound.read(&wish.url)?;
    Ok(house.act(&call, move |act, member| service::create(act, member, &keys, &address, &wish)).await?.into())
}

async fn remove(house: House, call: Call) -> Result<Reply, Fault> {
    let id = call.param("id")?.to_owned();
    Ok(house.act(&call, move |act, member| service::delete(act, member, &id)).await?.into())
}

async fn enable(house: House, call: Call) -> Result<Reply, Fault> {
    let id = call.param("id")?.to_owned();
    Ok(house.act(&call, move |act, member| service::enable(act, member, &id)).await?.into())
}

async fn test(house: House, call: Call) -> Result<Reply, Fault> {
    let (id, keys) = (call.param("id")?.to_owned(), house.keys.clone());
    Ok(house.act(&call, move |act, _| service::test(act, &keys, &id)).await?.into())
}

async fn deliveries(house: House, call: Call) -> Result<Reply, Fault> {
    let (id, page, keys) = (call.param("id")?.to_owned(), call.page()?, house.keys.clone());
    Ok(house.look(&call, move |view, _| service::deliveries(view, &keys, &id, page)).await?.into())
}

async fn redeliver(house: House, call: Call) -> Result<Reply, Fault> {
    let (id, n, keys) = (call.param("id")?.to_owned(), call.param("n")?.to_owned(), house.keys.clone());
    Ok(house.act(&call, move |act, _| service::redeliver(act, &keys, &id, &n)).await?.into())
}
