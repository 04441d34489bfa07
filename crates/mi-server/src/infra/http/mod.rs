//! The one way in: every route is an operation with an id, an access row and shapes.
//!
//! `operation` declares, `dispatch` carries out (request id, credential, body,
//! limits, problems), `call` is what a handler gets, `reply` what it gives,
//! `openapi` describes it all. `tls` encrypts, `certificate` is what it shows. `upgrade` is for connections that become a
//! terminal. `standing` lets out who may no longer stay. Handlers see no framework.

pub mod body;
pub mod call;
pub mod certificate;
pub mod connections;
pub mod dispatch;
pub mod openapi;
pub mod operation;
pub mod reply;
pub mod serve;
pub mod standing;
pub mod tls;
pub mod upgrade;

pub use call::{Call, Via};
pub use operation::{Operation, delete, get, patch, post, put};
pub use reply::Reply;
pub use serve::{Door, Front, Peer, Wire};
pub use standing::Standing;
pub use upgrade::{Pipe, Upgrade};
