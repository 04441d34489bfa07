//! Every operation, asked by every kind of caller.
//!
//! What must come of it follows from the operation's access row alone. Three places are
//! tried: what is there, the same in an office that isn't the caller's, and things of that
//! other office in the caller's own. The table is kept beside this file, so that a new
//! operation, or one that opens up, is a visible change.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use expect_test::expect_file;
use http::HeaderMap;
use mi_core::identity::Role;
use mi_core::problem::Code;
use serde_json::Value;

use super::samples::{Place, Sample, sample};
use super::world::{CANARY_HERE, CANARY_THERE, Who, World};
use crate::house::operations;
use crate::infra::caller::Access;
use crate::infra::http::Operation;
use crate::infra::http::openapi::codes;
use crate::testing::{Speaker, TestHouse, TestReply};

/// A model provider that nobody reaches.
pub const MODELS: [(&str, &str); 2] = [("OPENAI_API_KEY", "none"), ("OPENAI_BASE_URL", "http://127.0.0.1:1")];
/// A caller that came through the door, whatever the act then said.
const IN: &str = "in";
/// Fewer answers with a text of the caller's own office would mean that the offices are empty.
const SUNG_MIN: usize = 60;
/// What only the door says.
const DOOR: [Code; 13] = [
    Code::Unauthenticated,
    Code::BadSignature,
    Code::Replayed,
    Code::KeyExpired,
    Code::KeyRevoked,
    Code::WrongPod,
    Code::NoAccess,
    Code::NoSuchOffice,
    Code::OperatorOnly,
    Code::OwnerOnly,
    Code::NotYou,
    Code::StaleClaim,
    Code::Superseded,
];

#[derive(Default)]
struct Findings {
    cells: usize,
    /// Answers that showed their callers the texts of their own office: the canaries do sing.
    sung: usize,
    wrong: Vec<String>,
}

#[tokio::test]
async fn every_operation_lets_in_whom_it_names_and_nobody_else() {
    let mut waiting = operations();
    waiting.reverse();
    let (mut table, mut findings) = (BTreeMap::new(), Findings::default());
    while !waiting.is_empty() {
        let house = TestHouse::with_environment(&MODELS).await;
        let world = World::make(&house).await;
        while let Some(operation) = waiting.pop() {
            table.insert(operation.id, ask_everybody(&house, &world, &operation, &mut findings).await);
            if operation.is_mutating() && !world.is_whole().await {
                break;
            }
        }
        world.unmake().await;
        house.close().await;
    }
    println!("{} operations, {} cells, {} with a canary", table.len(), findings.cells, findings.sung);
    assert!(findings.sung >= SUNG_MIN, "only {} answers show anything of an office", findings.sung);
    assert!(findings.wrong.is_empty(), "{} cells are wrong:\n{}", findings.wrong.len(), findings.wrong.join("\n"));
    expect_file!["access.txt"].assert_eq(&render(&table));
}

/// The row of one operation, in the first place; the other places only have to be right.
async fn ask_everybody(
    house: &TestHouse,
    world: &World<'_>,
    operation: &Operation,
    findings: &mut Findings,
) -> (Access, Vec<String>) {
    if is_in_an_office(operation) {
        for who in Who::ALL.into_iter().filter(|who| who.canary() == Some(CANARY_HERE)) {
            let outcome = ask(house, world, operation, who, &world.there(), findings).await;
            let expected = expected_elsewhere(operation.access, who);
            findings.compare(operation, who, "in the other office", expected, &outcome);
        }
        for who in [Who::Session, Who::Runner, Who::Owner] {
            if !takes_the_whole_office(operation) {
                ask(house, world, operation, who, &world.astray(), findings).await;
            }
        }
    }
    let mut row = Vec::new();
    for who in Who::ALL {
        let outcome = ask(house, world, operation, who, &world.here(), findings).await;
        findings.compare(operation, who, "here", expected(operation, who), &outcome);
        row.push(outcome);
    }
    (operation.access, row)
}

fn is_in_an_office(operation: &Operation) -> bool {
    operation.paths()[0].contains("{office}")
}

/// With nothing but the office in its path and a change: things of others can't be named in it.
fn takes_the_whole_office(operation: &Operation) -> bool {
    operation.is_mutating() && operation.paths()[0].matches('{').count() == 1
}

impl Findings {
    fn compare(&mut self, operation: &Operation, who: Who, place: &str, expected: &str, outcome: &str) {
        if expected != outcome {
            self.wrong.push(format!("{} by {who:?} {place}: {outcome}, expected {expected}", operation.id));
        }
    }
}

/// Sends one request and judges what holds for all: nothing of the other office, and only codes that are described.
async fn ask(
    house: &TestHouse,
    world: &World<'_>,
    operation: &Operation,
    who: Who,
    place: &Place,
    findings: &mut Findings,
) -> String {
    findings.cells += 1;
    let Sample { path, content_type, mut body } = sample(operation, place);
    let mut speaker = world.speaker(who);
    if let Some(kind) = &content_type {
        speaker = speaker.with_header("content-type", kind);
    }
    if matches!(who, Who::SwappedBody | Who::Replay) {
        speaker = speaker.sealed(operation.method.as_str(), &path, &body);
    }
    if who == Who::Replay {
        answer(house, operation, &speaker, &path, body.clone()).await;
        world.give_pair_back().await;
    }
    if who == Who::SwappedBody {
        body.push(b' ');
    }
    let (status, headers, text) = answer(house, operation, &speaker, &path, body).await;
    if operation.id == "agents.rotate_credentials" {
        world.give_pair_back().await;
    }
    findings.sung += usize::from(who.canary().is_some_and(|own| text.contains(own)));
    for canary in [CANARY_HERE, CANARY_THERE].into_iter().filter(|canary| who.canary() != Some(canary)) {
        if text.contains(canary) || headers.values().any(|v| String::from_utf8_lossy(v.as_bytes()).contains(canary)) {
            findings.wrong.push(format!("{} by {who:?} at {path} shows {canary}: {text}", operation.id));
        }
    }
    if status < 400 {
        return IN.to_owned();
    }
    let problem: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    let Some(code) = problem["code"].as_str().and_then(Code::parse) else {
        // HEAD has no body to say it in, and a page says it to a person.
        let is_page = headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        if operation.method != http::Method::HEAD && !is_page {
            findings.wrong.push(format!("{} by {who:?}: {status} without a code: {text}", operation.id));
        }
        return IN.to_owned();
    };
    if code == Code::Internal || code.status() != status {
        findings.wrong.push(format!("{} by {who:?} at {path}: {status} {text}", operation.id));
    }
    if !codes(operation).contains(&code) {
        findings.wrong.push(format!("{} answers {} and doesn't say so", operation.id, code.as_str()));
    }
    if DOOR.contains(&code) { code.as_str().to_owned() } else { IN.to_owned() }
}

async fn answer(
    house: &TestHouse,
    operation: &Operation,
    speaker: &Speaker<'_>,
    path: &str,
    body: Vec<u8>,
) -> (u16, HeaderMap, String) {
    let method = operation.method.as_str();
    let endless = operation.id.ends_with(".stream");
    let reply = if endless {
        let response = speaker.begin(method, path, body).await;
        if response.status().is_success() {
            return (response.status().as_u16(), response.headers().clone(), String::new());
        }
        TestReply::whole(response, format!("{method} {path}")).await
    } else if ["offices.delete", "terminals.debug", "gateway.call", "gateway.read"].contains(&operation.id) {
        // The last pod has to go; nobody's runner comes for the command; no provider can be reached.
        while_time_passes(house, speaker.send(method, path, body)).await
    } else {
        speaker.send(method, path, body).await
    };
    (reply.status, reply.headers, String::from_utf8_lossy(&reply.bytes).into_owned())
}

/// An office closes when its pods are gone, and those go with the sweeps.
pub async fn while_time_passes<T>(house: &TestHouse, work: impl Future<Output = T>) -> T {
    let time = async {
        loop {
            house.advance(100).await;
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        done = work => done,
        () = time => unreachable!("time ended"),
    }
}

/// What becomes of a caller in its own office (or, for the others, in this one).
fn expected(operation: &Operation, who: Who) -> &'static str {
    let access = operation.access;
    // The gateway knows its office by the session alone, and is for sessions only.
    let is_gateway = operation.path.starts_with("/llm");
    // Others know it by whichever credential of an agent comes.
    let of_credential = is_gateway || (access == Access::Agent && !is_in_an_office(operation));
    if access == Access::Open {
        return IN;
    }
    // MCP lets in whoever has a credential; each call of a tool is then judged at the door of its own request.
    let strange = matches!(
        who,
        Who::OtherOwner
            | Who::OtherSession
            | Who::OtherRunner
            | Who::OtherAgent
            | Who::OutOfScope
            | Who::FiredAgent
            | Who::Viewer
            | Who::Stale
            | Who::Superseded
    );
    if operation.id == "mcp.answer" && strange {
        return IN;
    }
    match who {
        Who::Runner | Who::OtherRunner | Who::Superseded if is_gateway => "not_you",
        Who::OtherAgent if of_credential && !is_gateway => IN,
        Who::Nobody | Who::Malformed | Who::Unknown => "unauthenticated",
        Who::Expired => "key_expired",
        Who::Revoked => "key_revoked",
        Who::WrongDoor => "wrong_pod",
        Who::Ticket if access == Access::Ticket => IN,
        Who::Ticket => "unauthenticated",
        Who::Owner | Who::OtherOwner | Who::OutOfScope | Who::Viewer | Who::Colleague => of_user(operation, who),
        Who::Agent | Who::OtherAgent | Who::FiredAgent | Who::Signed => of_agent_alone(access, who),
        Who::WrongKey => "bad_signature",
        // A signature counts once, whatever it is under.
        Who::Replay => "replayed",
        // The body is looked at when its sender may come in at all.
        Who::SwappedBody => match of_agent_alone(access, who) {
            IN => "bad_signature",
            refused => refused,
        },
        Who::LostLease => match of_agent_alone(access, who) {
            IN if is_fenced(operation) => "stale_claim",
            otherwise => otherwise,
        },
        Who::Session | Who::OtherSession | Who::Stale | Who::Runner | Who::OtherRunner | Who::Superseded => {
            of_agent(access, who, if of_credential { Where::Own } else { Where::Named })
        }
    }
}

/// Whether a claim that came along must be the live one.
fn is_fenced(operation: &Operation) -> bool {
    match operation.id {
        // What is read here counts as read from then on.
        "chat.read_inbox" => true,
        // A runner has no claim yet; a state is no attempt's; each call of a tool is fenced as its own request.
        "runners.hello" | "transfers.send" | "mcp.answer" => false,
        _ => operation.is_mutating(),
    }
}

/// Whether the office is the credential's own or the one in the path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    Own,
    Named,
}

fn of_user(operation: &Operation, who: Who) -> &'static str {
    let role = match who {
        Who::Owner => Some(Role::Owner),
        Who::Colleague => Some(Role::Operator),
        Who::Viewer => Some(Role::Viewer),
        _ => None,
    };
    let changes = operation.is_mutating();
    match (operation.access, role) {
        (Access::Open | Access::Known | Access::User, _) => IN,
        (Access::Ticket | Access::Runner | Access::Session | Access::Agent, _) => "not_you",
        (_, None) => "no_access",
        (_, Some(Role::Owner)) | (Access::Viewer, Some(_)) => IN,
        (Access::Owner, Some(_)) => "owner_only",
        (_, Some(Role::Operator)) => IN,
        (Access::Member, Some(Role::Viewer)) if !changes => IN,
        (_, Some(Role::Viewer)) => "operator_only",
    }
}

/// An agent with a key of its own, and no runner.
fn of_agent_alone(access: Access, who: Who) -> &'static str {
    match (access, who) {
        (Access::Open, _) => IN,
        (Access::User | Access::Viewer | Access::Operator, _) => "operator_only",
        (Access::Owner, _) => "owner_only",
        (Access::Runner | Access::Session, _) => "not_you",
        (Access::Known | Access::Member | Access::Agent | Access::Ticket, Who::FiredAgent) => "key_revoked",
        (Access::Member | Access::Agent | Access::Ticket, Who::OtherAgent) => "no_access",
        (Access::Known | Access::Member | Access::Agent | Access::Ticket, _) => IN,
    }
}

fn of_agent(access: Access, who: Who, place: Where) -> &'static str {
    let is_session = matches!(who, Who::Session | Who::OtherSession | Who::Stale);
    match access {
        Access::Open => return IN,
        Access::User | Access::Viewer | Access::Operator => return "operator_only",
        Access::Owner => return "owner_only",
        Access::Ticket => return "not_you",
        Access::Runner if is_session => return "not_you",
        Access::Known | Access::Member | Access::Runner | Access::Session | Access::Agent => {}
    }
    match who {
        Who::Stale => "stale_claim",
        Who::Superseded => "superseded",
        Who::OtherSession | Who::OtherRunner if place == Where::Named && access != Access::Known => "no_access",
        _ => IN,
    }
}

/// The same caller in an office that isn't its own.
fn expected_elsewhere(access: Access, who: Who) -> &'static str {
    match (access, who) {
        (Access::Ticket, Who::Ticket | Who::Agent | Who::Signed | Who::LostLease) => "no_access",
        (_, Who::Ticket) => "unauthenticated",
        (
            Access::Ticket | Access::Runner | Access::Session | Access::Agent,
            Who::Owner | Who::Colleague | Who::Viewer,
        ) => "not_you",
        (_, Who::Owner | Who::Colleague | Who::Viewer) => "no_access",
        (Access::Runner | Access::Session, Who::Agent | Who::Signed | Who::LostLease) => "not_you",
        (Access::Viewer | Access::Operator, _) => "operator_only",
        (Access::Owner, _) => "owner_only",
        (Access::Ticket, _) | (Access::Runner, Who::Session | Who::Stale) => "not_you",
        (_, _) => "no_access",
    }
}

fn render(table: &BTreeMap<&'static str, (Access, Vec<String>)>) -> String {
    let mut out = format!("{:<26}| {:<9}|", "operation", "access");
    for who in Who::ALL {
        write!(out, " {:<15}|", format!("{who:?}")).unwrap();
    }
    out.push('\n');
    for (id, (access, row)) in table {
        write!(out, "{id:<26}| {:<9}|", access.as_str()).unwrap();
        for cell in row {
            write!(out, " {cell:<15}|").unwrap();
        }
        out.push('\n');
    }
    out
}
