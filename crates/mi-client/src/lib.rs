//! The HTTP client of the platform: every call of the contract, typed.
//!
//! One file per resource; a method is named as its act. A method gives a `Call`,
//! which is sent by awaiting it: `client.tasks(office).get(id).await`. A write
//! carries an `Idempotency-Key`, so that it may be repeated after a lost reply.
//!
//! Nothing here prints, reads the environment or knows a person's screen.

mod agents;
mod audit;
mod backups;
mod call;
mod credentials;
mod credits;
mod endpoint;
mod env;
mod error;
mod events;
mod files;
mod identity;
mod integrations;
mod invites;
mod join;
mod messages;
mod offices;
mod patience;
mod runner;
mod schedules;
mod server;
mod sessions;
mod signer;
mod stream;
mod tasks;
mod terminal;
mod tls;
mod transfers;
mod transport;
mod usage;
mod webhooks;
mod write_keys;

pub use agents::{ActivityFilter, Agents, LogsFilter};
pub use audit::Audit;
pub use backups::Backups;
pub use call::{Answer, Call};
pub use credentials::Credential;
pub use credits::CreditsOf;
pub use endpoint::{BadEndpoint, Endpoint};
pub use env::Env;
pub use error::ClientError;
pub use events::{EventFilter, EventStream, Events, Told};
pub use files::{Download, Files, Progress};
pub use identity::{Keys, Login, Members};
pub use integrations::Integrations;
pub use invites::Invites;
pub use join::{Claiming, Join, Joining};
pub use messages::{Messages, OFFICE_GROUP};
pub use offices::Offices;
pub use patience::Patience;
pub use reqwest::Method;
pub use runner::Runner;
pub use schedules::Schedules;
pub use server::Server;
pub use sessions::Sessions;
pub use signer::Signer;
pub use stream::{Message, Stream};
pub use tasks::{TaskFilter, Tasks};
pub use terminal::{Duplex, Hearing, Saying, Terminal};
pub use tls::{Trust, prepare_tls};
pub use transfers::Transfers;
pub use transport::Client;
pub use usage::Usage;
pub use webhooks::Webhooks;
pub use write_keys::WriteKeys;

/// Which part of a list: at most `limit` items from the `offset`th on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Paging {
    pub limit: Option<i64>,
    pub offset: Option<i64>,
}
