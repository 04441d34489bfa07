//! Routes of cloning and transfers.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use futures_util::StreamExt;
use mi_core::casing::camel_keys;
use mi_core::ids::OfficeId;
use mi_core::problem::Code;
use mi_core::wire::transfers::{CloneAgent, Cloned, Manifest, SendState, Transfer};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::envelope::Envelope;
use super::{faults, service};
use crate::agents::hire::Desk;
use crate::house::House;
use crate::infra::act::{Act, Answer};
use crate::infra::caller::{Access, Member};
use crate::infra::fault::{self, Fault};
use crate::infra::http::body::{AnotherBody, BoxError};
use crate::infra::http::operation::Intake;
use crate::infra::http::{Call, Operation, Reply, get, post};

/// Decoded bytes that are gathered before they go to the disk.
const PIECE_BYTES: usize = 1024 * 1024;
const CLONING: &[Code] = &[
    Code::NoSuchAgent,
    Code::NotYours,
    Code::BadName,
    Code::ReservedName,
    Code::AgentExists,
    Code::OutOfCredits,
    Code::AgentHiringDisabled,
    Code::HireLimitReached,
    Code::HireRateLimited,
    Code::UnknownProvider,
    Code::OperatorOnly,
    Code::InvalidCode,
    Code::WrongInviteType,
    Code::NoOffice,
    Code::RateLimited,
    Code::NotFromAPod,
];

pub fn operations() -> Vec<Operation> {
    vec![
        post(
            "agents.clone",
            "…/employees/{name}/clone",
            Access::Member,
            "Hire a clone of an agent; it waits for its state",
        )
        .takes::<CloneAgent>()
        .gives::<Cloned>(201)
        .fails(CLONING)
        .run(clone),
        post("agents.clone_self", "/api/agents/clone", Access::Agent, "An agent clones itself into a hosted pod")
            .takes::<CloneAgent>()
            .gives::<Cloned>(201)
            .fails(CLONING)
            .run(clone_self),
        post(
            "transfers.send",
            "/api/agents/clone/transfer",
            Access::Known,
            "The state of a clone, as a bundle; it starts with it",
        )
        .takes::<SendState>()
        .gives::<Transfer>(200)
        .fails(&[
            Code::NoSuchTransfer,
            Code::TransferOver,
            Code::BadBundle,
            Code::DigestMismatch,
            Code::Busy,
            Code::DriveFull,
        ])
        .intake(Intake::Stream)
        .unlimited()
        .run(send),
        get("transfers.get", "/api/agents/join/status/{transfer_id}", Access::Known, "How far a transfer is")
            .gives::<Transfer>(200)
            .fails(&[Code::NoSuchTransfer])
            .run(status),
    ]
}

async fn clone(house: House, call: Call) -> Result<Reply, Fault> {
    let (office, name) = (call.office()?, call.param("name")?.to_owned());
    clone_named(house, call, office, name).await
}

async fn clone_self(house: House, call: Call) -> Result<Reply, Fault> {
    let (office, agent) = service::of_caller(&call.caller)?;
    clone_named(house, call, office, agent.to_string()).await
}

async fn clone_named(house: House, call: Call, office: OfficeId, name: String) -> Result<Reply, Fault> {
    let mut wish: CloneAgent = call.body()?;
    let desk = Desk { keys: house.keys.clone(), providers: house.providers.clone() };
    let answer = match wish.code.take() {
        Some(code) => service::clone_into(&house, &call, (office, name), (wish, code), desk).await?,
        None => {
            let act = move |act: &mut Act<'_>, member: &Member| service::clone(act, member, &name, &wish, &desk);
            house.act_in(office, call.ask(), act).await?
        }
    };
    Ok(answer.into())
}

async fn status(house: House, call: Call) -> Result<Reply, Fault> {
    let (id, caller, now) = (call.param("transfer_id")?.to_owned(), call.caller.clone(), house.clock.now());
    let transfer = house.db.read(move |tx| service::seen(tx, &caller, &id, now)).await?;
    Ok(Answer::ok(&transfer)?.into())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    transfer_id: String,
    manifest: Manifest,
}

async fn send(house: House, call: Call) -> Result<Reply, Fault> {
    let place = house.transfers.place()?;
    let (sent, bundle) = receive(&house, &call).await?;
    let transfer = service::complete(&house, call.ask(), sent.transfer_id, sent.manifest, bundle).await?;
    drop(place);
    Ok(Answer::ok(&transfer)?.into())
}

/// Writes the bundle to a file without a name, while it arrives.
async fn receive(house: &House, call: &Call) -> Result<(Sent, (File, u64)), Fault> {
    let (mut body, mut envelope) = (call.take_stream(), Envelope::new());
    let folder = house.data_dir().to_owned();
    let mut file = blocking(move || tempfile_in(&folder)).await?;
    let (mut piece, mut packed) = (Vec::with_capacity(PIECE_BYTES), 0_u64);
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| broken_off(&error))?;
        envelope.push(&chunk, &mut piece).map_err(faults::bad_envelope)?;
        if piece.len() >= PIECE_BYTES {
            packed += piece.len() as u64;
            file = write(file, std::mem::take(&mut piece)).await?;
        }
    }
    packed += piece.len() as u64;
    let mut file = write(file, piece).await?;
    file.seek(SeekFrom::Start(0)).map_err(|error| fault::io("read the bundle", &error))?;
    let small = envelope.finish().map_err(faults::bad_envelope)?;
    Ok((read(&small)?, (file, packed)))
}

fn broken_off(error: &BoxError) -> Fault {
    if error.is::<AnotherBody>() {
        AnotherBody::fault()
    } else {
        fault::bad_request("the body broke off; nothing was kept")
    }
}

fn read(small: &[u8]) -> Result<Sent, Fault> {
    let unreadable = |error: serde_json::Error| fault::bad_request(format!("the body can't be read: {error}"));
    let object: Map<String, Value> = serde_json::from_slice(small).map_err(unreadable)?;
    serde_json::from_value(Value::Object(camel_keys(object))).map_err(unreadable)
}

async fn write(mut file: File, piece: Vec<u8>) -> Result<File, Fault> {
    blocking(move || {
        file.write_all(&piece)?;
        Ok(file)
    })
    .await
}

/// Gone with its last descriptor, also when the server dies.
fn tempfile_in(folder: &std::path::Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let path = folder.join(format!(".bundle-{}", uuid::Uuid::new_v4().simple()));
    let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work).await.map_err(fault::internal)?;
    done.map_err(|error| fault::io("keep the bundle", &error))
}
