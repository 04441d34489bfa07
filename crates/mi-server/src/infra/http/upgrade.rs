//! Connections that are HTTP no more after one answer: bytes both ways until one end goes.

use axum::http::Extensions;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::infra::fault::{self, Fault};

/// Bytes both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

pub type Pipe = Box<dyn Duplex>;

/// What a connection may become.
pub struct Upgrade(Kind);

enum Kind {
    Connection(OnUpgrade),
    /// The test's own, in place of a connection.
    #[cfg(any(test, feature = "testing"))]
    Given(tokio::io::DuplexStream),
}

/// Put into a request's extensions by a test: its end of the pipe is at the other side.
#[cfg(any(test, feature = "testing"))]
#[derive(Clone)]
pub struct GivenPipe(pub std::sync::Arc<std::sync::Mutex<Option<tokio::io::DuplexStream>>>);

impl Upgrade {
    pub(super) fn of(extensions: &mut Extensions) -> Option<Self> {
        #[cfg(any(test, feature = "testing"))]
        if let Some(GivenPipe(pipe)) = extensions.remove::<GivenPipe>() {
            return pipe.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take().map(Kind::Given).map(Self);
        }
        extensions.remove::<OnUpgrade>().map(Kind::Connection).map(Self)
    }

    /// Resolves when the answer that promised it has gone out.
    pub async fn pipe(self) -> Result<Pipe, Fault> {
        match self.0 {
            Kind::Connection(upgrade) => Ok(Box::new(TokioIo::new(upgrade.await.map_err(fault::internal)?))),
            #[cfg(any(test, feature = "testing"))]
            Kind::Given(pipe) => Ok(Box::new(pipe)),
        }
    }
}
