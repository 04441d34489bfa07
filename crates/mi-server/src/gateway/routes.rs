//! Routes of the gateway: below `/llm/{provider}`, in the providers' own shapes.

use axum::body::Body;
use axum::http::Response;
use mi_core::limits::GATEWAY_BODY_BYTES_MAX;
use mi_core::problem::Code;
use mi_core::wire::integrations::{ModelPing, PingModel};

use super::ping;
use super::reach::Reach;
use super::service::{self, AnswerBody, Answered, Asked};
use crate::house::House;
use crate::infra::act::Answer;
use crate::infra::caller::Access;
use crate::infra::fault::Fault;
use crate::infra::http::operation::{Intake, head};
use crate::infra::http::{Call, Operation, Reply, get, post};

const INTAKE: Intake = Intake::Whole { bytes_max: GATEWAY_BODY_BYTES_MAX };
const FAILS: &[Code] = &[
    Code::BadRequest,
    Code::UnknownProvider,
    Code::OutOfCredits,
    Code::BudgetExhausted,
    Code::Busy,
    Code::NotYou,
    Code::NoSuchOffice,
    Code::NoSuchRoute,
    Code::StaleClaim,
    Code::TooLong,
    Code::UpstreamFailed,
    Code::EgressDenied,
    Code::NoModelKey,
    Code::ProviderQuota,
];

pub fn operations() -> Vec<Operation> {
    vec![
        post("gateway.ping", "…/llm/ping", Access::Operator, "One tiny call, to see whether a model answers")
            .takes::<PingModel>()
            .gives::<ModelPing>(200)
            .fails(&[Code::UnknownProvider, Code::NoModelKey, Code::UpstreamFailed, Code::RateLimited])
            .run(ping_model),
        post(
            "gateway.call",
            "/llm/{provider}/{*path}",
            Access::Session,
            "A model call with the office's or the server's key put in",
        )
        .intake(INTAKE)
        .unlimited()
        .fails(FAILS)
        .run(call),
        get("gateway.read", "/llm/{provider}/{*path}", Access::Session, "What the provider says of its models")
            .unlimited()
            .fails(FAILS)
            .run(call),
        head("gateway.probe", "/llm/{provider}", Access::Open, "Clients try the address before they call")
            .fails(&[Code::UnknownProvider])
            .run(probe),
    ]
}

async fn ping_model(house: House, call: Call) -> Result<Reply, Fault> {
    let (wish, providers) = (call.body::<PingModel>()?, house.providers.clone());
    let reach = house.look(&call, move |view, _| Reach::load(view.tx, view.office, &providers)).await?;
    Ok(Answer::ok(&ping::ping(&house, call.office()?, &reach, &wish).await?)?.into())
}

async fn probe(house: House, call: Call) -> Result<Reply, Fault> {
    service::probe(&house, call.param("provider")?)?;
    Ok(Answer::done().into())
}

async fn call(house: House, call: Call) -> Result<Reply, Fault> {
    let asked = Asked {
        provider: call.param("provider")?.to_owned(),
        method: call.method.clone(),
        path: call.param("path")?.to_owned(),
        query: call.uri.query().map(str::to_owned),
        headers: call.headers,
        body: call.body,
    };
    Ok(reply(service::call(&house, &call.caller, asked).await?))
}

fn reply(answered: Answered) -> Reply {
    let body = match answered.body {
        AnswerBody::Whole(bytes) => Body::from(bytes),
        AnswerBody::Pieces(pieces) => Body::from_stream(pieces),
    };
    let mut response = Response::new(body);
    *response.status_mut() = answered.status;
    *response.headers_mut() = answered.headers;
    Reply::raw(response)
}
