//! Routes of invites, joining and applications.

use mi_core::problem::Code;
use mi_core::wire::invites::{
    Application, ApplicationStatus, Applied, ClaimCode, Claimed, CreateInvite, Decision, Invite, JoinOffice, Joined,
    NewInvite,
};

use super::service::{self, NewCode};
use super::{admission, applications, codes, page, people};
use crate::house::{House, View};
use crate::infra::act::Act;
use crate::infra::caller::{Access, Member};
use crate::infra::fault::{self, Fault};
use crate::infra::http::{Call, Operation, Reply, delete, get, post};
use crate::infra::keys::new_code;

const PAGE: &[(&str, &str)] = &[("limit", "at most so many, up to 500"), ("offset", "skip so many")];
const CLAIMING: &[Code] = &[
    Code::InvalidCode,
    Code::WrongInviteType,
    Code::NoOffice,
    Code::RateLimited,
    Code::NotFromAPod,
    Code::BadName,
    Code::ReservedName,
    Code::UserExists,
    Code::MemberExists,
    Code::TooManyApiKeys,
    Code::TooManyInvites,
];
const JOINING: &[Code] = &[
    Code::InvalidCode,
    Code::WrongInviteType,
    Code::NoOffice,
    Code::RateLimited,
    Code::NotFromAPod,
    Code::BadName,
    Code::ReservedName,
    Code::AgentExists,
    Code::HireLimitReached,
    Code::PublicKeyTaken,
    Code::TooManyInvites,
    Code::TooLong,
];
const DECIDING: &[Code] = &[
    Code::NoSuchApplication,
    Code::AlreadyDecided,
    Code::AgentExists,
    Code::HireLimitReached,
    Code::BadName,
    Code::ReservedName,
    Code::UserExists,
    Code::MemberExists,
    Code::TooManyApiKeys,
    Code::TooLong,
];

pub fn operations() -> Vec<Operation> {
    let mut all = for_the_office();
    all.extend(for_newcomers());
    all
}

fn for_the_office() -> Vec<Operation> {
    vec![
        post("invites.create", "…/invites", Access::Operator, "Invite an agent or a person; shows the code once")
            .takes::<CreateInvite>()
            .gives::<NewInvite>(201)
            .fails(&[Code::TooManyInvites, Code::TooLong, Code::OwnerOnly])
            .run(create),
        get("invites.list", "…/invites", Access::Operator, "Who was invited and what became of it, newest first")
            .query(PAGE)
            .lists::<Invite>()
            .run(list),
        delete("invites.revoke", "…/invites/{code}", Access::Operator, "Take an invite back, by number or code")
            .fails(&[Code::NoSuchInvite, Code::OwnerOnly])
            .run(revoke),
        get("invites.applications", "…/applications", Access::Operator, "Who asks to be let in, newest first")
            .query(PAGE)
            .lists::<Application>()
            .run(list_applications),
        post("invites.approve", "…/applications/{application}/approve", Access::Owner, "Let an applicant in")
            .gives::<Application>(200)
            .fails(DECIDING)
            .run(approve),
        post("invites.refuse", "…/applications/{application}/refuse", Access::Owner, "Don't let an applicant in")
            .takes::<Decision>()
            .gives::<Application>(200)
            .fails(DECIDING)
            .run(refuse),
    ]
}

fn for_newcomers() -> Vec<Operation> {
    vec![
        post("invites.join", "/api/agents/join", Access::Open, "An agent from elsewhere comes in with a code")
            .takes::<JoinOffice>()
            .gives::<Joined>(201)
            .fails(JOINING)
            .run(join),
        post("invites.apply", "/api/agents/join/apply", Access::Open, "It applies where the owner wants to be asked")
            .takes::<JoinOffice>()
            .gives::<Applied>(202)
            .fails(JOINING)
            .run(apply),
        get(
            "invites.poll",
            "/api/agents/join/apply",
            Access::Open,
            "How an application stands, by its poll token as Bearer",
        )
        .gives::<ApplicationStatus>(200)
        .fails(&[Code::NoSuchApplication, Code::KeyRevoked, Code::PublicKeyTaken])
        .run(poll),
        post("invites.claim", "/auth/claim", Access::Open, "A person comes in with a code")
            .takes::<ClaimCode>()
            .gives::<Claimed>(201)
            .fails(CLAIMING)
            .run(claim),
        get("invites.page", "/r/{code}", Access::Open, "The page of an invite: what to run")
            .fails(&[Code::InvalidCode])
            .run(show),
        get("invites.page_in_full", "/invite/{code}", Access::Open, "The same as /r/{code}")
            .fails(&[Code::InvalidCode])
            .run(show),
    ]
}

async fn create(house: House, call: Call) -> Result<Reply, Fault> {
    let wish: CreateInvite = call.body()?;
    let code = new_code().map_err(fault::internal)?;
    let claim = page::address(&call, &house.settings.endpoint, &code);
    let code = NewCode { hash: house.keys.hash_of_code(&code), code, claim };
    Ok(house.act(&call, move |act, member| service::create(act, member, &wish, &code)).await?.into())
}

async fn list(house: House, call: Call) -> Result<Reply, Fault> {
    let page = call.page()?;
    Ok(house.look(&call, move |view, _| service::list(view, page)).await?.into())
}

async fn revoke(house: House, call: Call) -> Result<Reply, Fault> {
    let named = call.param("code")?.to_owned();
    let hash = codes::hash(&house, &named);
    Ok(house.act(&call, move |act, member| service::revoke(act, member, &named, &hash)).await?.into())
}

async fn list_applications(house: House, call: Call) -> Result<Reply, Fault> {
    let page = call.page()?;
    Ok(house.look(&call, move |view: &mut View<'_>, _| applications::list(view, page)).await?.into())
}

async fn approve(house: House, call: Call) -> Result<Reply, Fault> {
    let id = call.param("application")?.to_owned();
    Ok(house
        .act(&call, move |act: &mut Act<'_>, member: &Member| applications::approve(act, member, &id))
        .await?
        .into())
}

async fn refuse(house: House, call: Call) -> Result<Reply, Fault> {
    let (wish, id): (Decision, _) = (call.body()?, call.param("application")?.to_owned());
    Ok(house.act(&call, move |act, member| applications::refuse(act, member, &id, &wish)).await?.into())
}

async fn join(house: House, call: Call) -> Result<Reply, Fault> {
    Ok(Reply::private(admission::join(&house, &call).await?))
}

async fn apply(house: House, call: Call) -> Result<Reply, Fault> {
    Ok(Reply::private(applications::apply(&house, &call).await?))
}

async fn poll(house: House, call: Call) -> Result<Reply, Fault> {
    Ok(Reply::private(applications::poll(&house, call.bearer()).await?))
}

async fn claim(house: House, call: Call) -> Result<Reply, Fault> {
    Ok(Reply::private(people::claim(&house, &call).await?))
}

async fn show(house: House, call: Call) -> Result<Reply, Fault> {
    page::show(&call, &house.settings.endpoint)
}
