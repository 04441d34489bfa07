//! Routes of offices.

use mi_core::problem::Code;
use mi_core::wire::offices::{CreateOffice, Office, OfficeOverview, Settings};

use super::{closing, overview, service};
use crate::agents::service as agents;
use crate::house::House;
use crate::infra::act::Answer;
use crate::infra::caller::Access;
use crate::infra::fault::Fault;
use crate::infra::http::{Call, Operation, Reply, delete, get, patch, post};

const PAGE: &[(&str, &str)] = &[("limit", "at most so many, up to 500"), ("offset", "skip so many")];

pub fn operations() -> Vec<Operation> {
    vec![
        get("offices.list", "/api/v1/offices", Access::User, "The caller's offices")
            .query(PAGE)
            .lists::<Office>()
            .run(list),
        post("offices.create", "/api/v1/offices", Access::User, "Open an office")
            .takes::<CreateOffice>()
            .gives::<Office>(201)
            .fails(&[Code::BadName, Code::ScopedKey])
            .run(create),
        get("offices.get", "…", Access::Viewer, "One office").gives::<Office>(200).run(get_one),
        delete("offices.delete", "…", Access::Owner, "Stop an office's pods and remove everything it owned")
            .run(delete_one),
        get("offices.status", "…/status", Access::Viewer, "How an office is doing")
            .gives::<OfficeOverview>(200)
            .run(status),
        get("offices.get_settings", "…/settings", Access::Viewer, "An office's settings")
            .gives::<Settings>(200)
            .run(get_settings),
        patch("offices.update_settings", "…/settings", Access::Operator, "Merge a change into the settings")
            .takes::<Settings>()
            .gives::<Settings>(200)
            .fails(&[Code::TooLong])
            .run(update_settings),
        post("offices.suspend", "…/suspend", Access::Operator, "Stop everything in the office, and keep it")
            .gives::<Office>(200)
            .run(suspend),
        post("offices.resume", "…/resume", Access::Operator, "Let a suspended office work again")
            .gives::<Office>(200)
            .run(resume),
    ]
}

async fn list(house: House, call: Call) -> Result<Reply, Fault> {
    Ok(service::list(&house, &call).await?.into())
}

async fn create(house: House, call: Call) -> Result<Reply, Fault> {
    Ok(service::create(&house, &call).await?.into())
}

async fn get_one(house: House, call: Call) -> Result<Reply, Fault> {
    let office = house.look(&call, |view, member| Ok(service::card(view.office, &view.head, member))).await?;
    Ok(Answer::ok(&office)?.into())
}

async fn delete_one(house: House, call: Call) -> Result<Reply, Fault> {
    Ok(closing::delete(&house, &call).await?.into())
}

async fn status(house: House, call: Call) -> Result<Reply, Fault> {
    let providers = house.providers.clone();
    let look = move |view: &mut crate::house::View<'_>, _: &crate::infra::caller::Member| {
        let cards = agents::cards(view.tx, view.office, (&view.head, view.now), &providers)?;
        Ok(overview::of(&view.head, &cards))
    };
    Ok(Answer::ok(&house.look(&call, look).await?)?.into())
}

async fn get_settings(house: House, call: Call) -> Result<Reply, Fault> {
    let settings = house.look(&call, |view, _| Ok(view.head.settings.clone())).await?;
    Ok(Answer::ok(&*settings)?.into())
}

async fn update_settings(house: House, call: Call) -> Result<Reply, Fault> {
    let change = call.object()?;
    Ok(house.act(&call, move |act, member| service::update_settings(act, member, change.clone())).await?.into())
}

async fn suspend(house: House, call: Call) -> Result<Reply, Fault> {
    Ok(house.act(&call, service::suspend).await?.into())
}

async fn resume(house: House, call: Call) -> Result<Reply, Fault> {
    Ok(house.act(&call, service::resume).await?.into())
}
