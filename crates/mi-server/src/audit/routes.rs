//! Routes of the audit.

use mi_core::problem::Code;
use mi_core::wire::audit::{AuditReport, CheckExport, CheckReport};
use serde::Deserialize;

use super::{check, export, service};
use crate::house::House;
use crate::infra::act::Answer;
use crate::infra::caller::Access;
use crate::infra::fault::{self, Fault};
use crate::infra::http::{Call, Operation, Reply, get, post};

const LINES_OF_JSON: &str = "application/x-ndjson";

pub fn operations() -> Vec<Operation> {
    vec![
        get("audit.verify", "…/audit/verify", Access::Operator, "Whether the record of events is as it was written")
            .query(&[
                ("after", "begin after this `seq`, where an earlier answer's `next` left off; else at the beginning"),
                ("most", "look at so many events and say in `next` where to go on; else at all of them"),
            ])
            .gives::<AuditReport>(200)
            .unlimited()
            .run(verify),
        get("audit.export", "…/audit/export", Access::Operator, "Every event with its links, one JSON object a line")
            .query(&[("after", "only events after this `seq`")])
            .unlimited()
            .run(export_all),
        post("audit.check", "…/audit/check", Access::Operator, "Whether a part of an export is what this server wrote")
            .takes::<CheckExport>()
            .gives::<CheckReport>(200)
            .fails(&[Code::TooLong])
            .run(check_part),
    ]
}

#[derive(Deserialize)]
struct Part {
    after: Option<String>,
    most: Option<String>,
}

async fn verify(house: House, call: Call) -> Result<Reply, Fault> {
    let part: Part = call.query()?;
    let (after, most) = (number(part.after, "after")?, number(part.most, "most")?);
    Ok(Answer::ok(&service::verify(&house, &call, after.unwrap_or(0), most).await?)?.into())
}

async fn export_all(house: House, call: Call) -> Result<Reply, Fault> {
    let after = number(call.query::<Part>()?.after, "after")?.unwrap_or(0);
    Ok(Reply::flow(LINES_OF_JSON, export::open(house, call, after).await?))
}

async fn check_part(house: House, call: Call) -> Result<Reply, Fault> {
    let (part, keys): (CheckExport, _) = (call.body()?, house.keys.clone());
    check::may(&part)?;
    let report = house.look(&call, move |view, _| check::check(view, &keys, &part)).await?;
    Ok(Answer::ok(&report)?.into())
}

fn number(text: Option<String>, name: &str) -> Result<Option<i64>, Fault> {
    let read = |text: String| text.trim().parse::<i64>().ok().filter(|number| *number >= 0);
    text.map(|text| read(text).ok_or_else(|| fault::bad_request(format!("{name} is a whole number, 0 or more"))))
        .transpose()
}
