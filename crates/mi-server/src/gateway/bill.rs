//! A call's bill: open from its reservation until it is settled, whatever happens between.
//!
//! A bill that is dropped unsettled (the caller went away, the answer broke off) settles
//! itself with what was seen.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::stream::{Stream, StreamExt, unfold};
use mi_core::time::Time;
use mi_core::wire::runner::Wire;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::account::{Outcome, Reserved};
use super::meter::{Finish, Form, Meter, Seen};
use super::settling;
use crate::house::House;

/// An answer's bytes as they come.
pub type Pieces = Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>;

pub struct Bill {
    house: House,
    /// What has to be settled yet.
    open: Option<(Reserved, Wire)>,
    sent: Sent,
    status: Option<u16>,
    /// When the first of a good answer came.
    first_at: Option<Time>,
    meter: Option<Meter>,
}

/// Whether the provider may have got the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    No,
    Perhaps,
}

impl Bill {
    pub fn new(house: House, open: Option<(Reserved, Wire)>) -> Self {
        Self { house, open, sent: Sent::No, status: None, first_at: None, meter: None }
    }

    /// It goes out now: from here on a caller that leaves may leave a model at work.
    pub fn goes_out(&mut self) {
        self.sent = Sent::Perhaps;
    }

    /// The provider began to answer.
    pub fn answered(&mut self, status: u16, content_type: Option<&str>) {
        self.status = Some(status);
        self.meter = self.open.as_ref().map(|(_, wire)| Meter::new(*wire, Form::of(content_type)));
    }

    pub fn passed(&mut self, bytes: &[u8]) {
        self.first_at = self.first_at.or_else(|| Some(self.house.clock.now()));
        if let Some(meter) = &mut self.meter {
            meter.feed(bytes);
        }
    }

    /// Settles, and returns when that is on disk.
    pub async fn close(mut self, how: Finish) {
        if let Some(settling) = self.begin_to_settle(how)
            && let Err(error) = settling.await
        {
            tracing::error!(%error, "a model call's settlement was cut off");
        }
    }

    /// In a task of its own, which goes on when the caller is gone.
    fn begin_to_settle(&mut self, how: Finish) -> Option<JoinHandle<()>> {
        let (reserved, _) = self.open.take()?;
        let unseen = Seen { is_cut: how == Finish::Cut && self.sent == Sent::Perhaps, ..Seen::default() };
        let seen = self.meter.take().map_or(unseen, |meter| meter.finish(how));
        let outcome = Outcome { status: self.status, seen, first_at: self.first_at };
        let Ok(runtime) = Handle::try_current() else {
            tracing::error!(call = reserved.call, "a model call was left unsettled: the server has ended");
            return None;
        };
        Some(settling::begin(&self.house, &runtime, reserved, outcome))
    }
}

impl Drop for Bill {
    fn drop(&mut self) {
        if self.begin_to_settle(Finish::Cut).is_some() {
            tracing::debug!("a model call ended before its answer did");
        }
    }
}

/// The provider's bytes, metered on their way; the bill is settled before the last of it ends.
pub fn metered(response: reqwest::Response, bill: Bill) -> Pieces {
    let state = Some((Box::pin(response.bytes_stream()), bill));
    Box::pin(unfold(state, |state| async move {
        let (mut pieces, mut bill) = state?;
        match pieces.next().await {
            Some(Ok(bytes)) => {
                bill.passed(&bytes);
                Some((Ok(bytes), Some((pieces, bill))))
            }
            Some(Err(error)) => {
                bill.close(Finish::Cut).await;
                Some((Err(std::io::Error::other(error.without_url())), None))
            }
            None => {
                bill.close(Finish::Whole).await;
                None
            }
        }
    }))
}
