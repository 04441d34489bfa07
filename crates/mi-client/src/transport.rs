//! Sending: headers, repetition, limits.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use mi_core::ids::{ClaimToken, OfficeId};
use mi_core::terminal::UPGRADE as UPGRADE_TO_TERMINAL;
use reqwest::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER, UPGRADE};
use reqwest::redirect::Policy;
use reqwest::{ClientBuilder, Request, RequestBuilder, Response, StatusCode};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::call::{Answer, Draft, Payload, Repeat};
use crate::credentials::Credential;
use crate::endpoint::Endpoint;
use crate::error::ClientError;
use crate::files::Progress;
use crate::patience::Patience;
use crate::signer::{Signable, Signer};
use crate::terminal::Terminal;
use crate::write_keys::WriteKeys;
use crate::{
    agents, audit, backups, credits, env, events, files, identity, integrations, invites, join, messages, offices,
    runner, schedules, server, sessions, tasks, tls, transfers, usage, webhooks,
};

const CONNECT_SECONDS_MAX: u64 = 10;
/// Silence in the middle of an answer or a stream; parked calls stay below it.
const SILENCE_SECONDS_MAX: u64 = 120;
/// An answer of JSON that is larger than this is not one of ours.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

const X_MI_CLAIM: HeaderName = HeaderName::from_static("x-mi-claim");
const X_AGENT_API_KEY: HeaderName = HeaderName::from_static("x-agent-api-key");
const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A caller of one server. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    endpoint: Arc<Endpoint>,
    credential: Credential,
    claim: Option<ClaimToken>,
    patience: Patience,
    write_keys: Option<WriteKeys>,
    signer: Option<Signer>,
    trust: Option<tls::Trust>,
    http: Arc<OnceLock<reqwest::Client>>,
}

impl Client {
    /// Opens no connection yet.
    pub fn new(endpoint: Endpoint, credential: Credential) -> Self {
        let http = Arc::new(OnceLock::new());
        Self {
            endpoint: Arc::new(endpoint),
            credential,
            claim: None,
            patience: Patience::BRIEF,
            write_keys: None,
            signer: None,
            trust: None,
            http,
        }
    }

    /// Writes are those of this attempt: each carries `X-Mi-Claim`.
    pub fn with_claim(mut self, claim: Option<ClaimToken>) -> Self {
        self.claim = claim;
        self
    }

    pub fn with_credential(mut self, credential: Credential) -> Self {
        self.credential = credential;
        self
    }

    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Writes carry these keys instead of random ones.
    pub fn with_write_keys(mut self, keys: Option<WriteKeys>) -> Self {
        self.write_keys = keys;
        self
    }

    /// Every try is signed by this agent, and shows no other credential.
    pub fn with_signer(mut self, signer: Option<Signer>) -> Self {
        self.signer = signer;
        self
    }

    /// Over TLS these certificates are trusted, and no other ones. To be said before the first call.
    pub fn with_trust(mut self, trust: Option<tls::Trust>) -> Self {
        self.trust = trust;
        self
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub fn transfers(&self) -> transfers::Transfers {
        transfers::Transfers::new(self)
    }

    pub fn server(&self) -> server::Server {
        server::Server::new(self)
    }

    /// The caller's own keys.
    pub fn keys(&self) -> identity::Keys {
        identity::Keys::new(self)
    }

    /// A terminal's way to a key.
    pub fn login(&self) -> identity::Login {
        identity::Login::new(self)
    }

    pub fn members(&self, office: OfficeId) -> identity::Members {
        identity::Members::new(self, office)
    }

    pub fn offices(&self) -> offices::Offices {
        offices::Offices::new(self)
    }

    pub fn agents(&self, office: OfficeId) -> agents::Agents {
        agents::Agents::new(self, office)
    }

    pub fn tasks(&self, office: OfficeId) -> tasks::Tasks {
        tasks::Tasks::new(self, office)
    }

    pub fn sessions(&self, office: OfficeId) -> sessions::Sessions {
        sessions::Sessions::new(self, office)
    }

    pub fn schedules(&self, office: OfficeId) -> schedules::Schedules {
        schedules::Schedules::new(self, office)
    }

    pub fn files(&self, office: OfficeId) -> files::Files {
        files::Files::new(self, office)
    }

    pub fn backups(&self, office: OfficeId) -> backups::Backups {
        backups::Backups::new(self, office)
    }

    pub fn audit(&self, office: OfficeId) -> audit::Audit {
        audit::Audit::new(self, office)
    }

    pub fn webhooks(&self, office: OfficeId) -> webhooks::Webhooks {
        webhooks::Webhooks::new(self, office)
    }

    pub fn env(&self, office: OfficeId) -> env::Env {
        env::Env::new(self, office)
    }

    pub fn events(&self, office: OfficeId) -> events::Events {
        events::Events::new(self, office)
    }

    pub fn integrations(&self, office: OfficeId) -> integrations::Integrations {
        integrations::Integrations::new(self, office)
    }

    pub fn invites(&self, office: OfficeId) -> invites::Invites {
        invites::Invites::new(self, office)
    }

    /// Coming in with a code, and an agent's questions about itself.
    pub fn join(&self) -> join::Join {
        join::Join::new(self)
    }

    pub fn credits(&self, office: OfficeId) -> credits::CreditsOf {
        credits::CreditsOf::new(self, office)
    }

    pub fn usage(&self, office: OfficeId) -> usage::Usage {
        usage::Usage::new(self, office)
    }

    pub fn messages(&self, office: OfficeId) -> messages::Messages {
        messages::Messages::new(self, office)
    }

    pub fn runner(&self, office: OfficeId) -> runner::Runner {
        runner::Runner::new(self, office)
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(&self, draft: &Draft) -> Result<Answer, ClientError> {
        let draft = self.keyed(draft.clone());
        let mut repeats = 0;
        loop {
            let fault = match self.send_once(&draft).await {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            match self.wait_before_repeat(&fault, repeats) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(fault),
            }
            repeats += 1;
        }
    }

    /// One key for the call and all its repetitions.
    fn keyed(&self, mut draft: Draft) -> Draft {
        if let (Repeat::Keyed(key), Some(keys)) = (&mut draft.repeat, &self.write_keys) {
            *key = keys.next();
        }
        draft
    }

    async fn send_once(&self, draft: &Draft) -> Result<Answer, ClientError> {
        let response = self.open(draft).await?;
        let total = number_in(response.headers(), &X_TOTAL_COUNT);
        Ok(Answer { status: response.status().as_u16(), body: self.read_whole(response).await?, total })
    }

    /// Sends a request once; the body of a success is still to be read. A signer whose clock is wrong sets it by the
    /// refusal and signs again.
    pub(crate) async fn open(&self, draft: &Draft) -> Result<Response, ClientError> {
        match (self.open_once(draft).await, &self.signer) {
            (Err(fault), Some(signer)) if signer.learns_time(&fault) => self.open_once(draft).await,
            (opened, _) => opened,
        }
    }

    /// Sends a request once; its connection becomes a terminal.
    pub(crate) async fn become_terminal(&self, draft: Draft) -> Result<Terminal, ClientError> {
        let response = self.open(&Draft { upgrade: Some(UPGRADE_TO_TERMINAL), ..draft }).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(ClientError::Decode { what: "the connection did not become a terminal".to_owned() });
        }
        let connection = response.upgrade().await.map_err(|cause| self.unreachable(cause))?;
        Ok(Terminal::over(connection))
    }

    async fn open_once(&self, draft: &Draft) -> Result<Response, ClientError> {
        let request = self.signed(self.request(draft).await?, draft).await?;
        let response = self.http_for(draft)?.execute(request).await.map_err(|cause| self.unsent(cause))?;
        let switched = draft.upgrade.is_some() && response.status() == StatusCode::SWITCHING_PROTOCOLS;
        if response.status().is_success() || switched {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let retry_after = number_in(response.headers(), &RETRY_AFTER).map(Duration::from_secs);
        let body = self.read_whole(response).await?;
        Err(ClientError::refused(status, &body, retry_after))
    }

    async fn request(&self, draft: &Draft) -> Result<RequestBuilder, ClientError> {
        let url = format!("{}{}", self.endpoint, draft.path);
        let mut request = self.http()?.request(draft.method.clone(), url);
        if !draft.query.is_empty() {
            request = request.query(&draft.query);
        }
        if let Some(limit) = draft.answer_within {
            request = request.timeout(limit);
        }
        request = match &self.credential {
            _ if self.signer.is_some() => request,
            Credential::Nobody => request,
            Credential::Bearer(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
            Credential::AgentKey(key) => request.header(X_AGENT_API_KEY, key),
        };
        if let Some(claim) = self.claim {
            request = request.header(X_MI_CLAIM, claim.to_string());
        }
        if let Repeat::Keyed(key) = &draft.repeat {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        if let Some(protocol) = draft.upgrade {
            request = request.header(CONNECTION, "upgrade").header(UPGRADE, protocol);
        }
        if let Some(id) = &draft.last_event_id {
            request = request.header(LAST_EVENT_ID, id);
        }
        match &draft.payload {
            Payload::Nothing => Ok(request),
            Payload::Json(body) => Ok(request.header(CONTENT_TYPE, "application/json").body(body.clone())),
            Payload::File { path, name, progress } => {
                let digest = if self.signer.is_some() { files::Digest::Follows } else { files::Digest::None };
                files::attach(request, path, name, progress, digest).await
            }
            Payload::State { before, bundle, progress } => transfers::attach(request, before, bundle, progress).await,
        }
    }

    /// The request as it will stand on the wire, signed if there is somebody to sign it.
    async fn signed(&self, request: RequestBuilder, draft: &Draft) -> Result<Request, ClientError> {
        let mut request = request.build().map_err(|cause| self.unsent(cause))?;
        let Some(signer) = &self.signer else { return Ok(request) };
        let target = match request.url().query() {
            Some(query) => format!("{}?{query}", request.url().path()),
            None => request.url().path().to_owned(),
        };
        let body = match &draft.payload {
            Payload::Nothing => Signable::Bytes(b""),
            Payload::Json(body) => Signable::Bytes(body),
            Payload::File { .. } => Signable::Streamed,
            // Signed as it will be read once more: a state is one JSON text, which has no room for a digest behind it.
            Payload::State { before, bundle, .. } => Signable::Digest(transfers::digest(before, bundle).await?),
        };
        let headers = signer.headers(request.method().as_str(), &target, body)?;
        request.headers_mut().extend(headers);
        Ok(request)
    }

    /// Streams the body of a success to `sink`; one that breaks off is an error, and what arrived is in `sink`.
    pub(crate) async fn pour<W: AsyncWrite + Unpin + Send>(
        &self,
        draft: &Draft,
        sink: &mut W,
        progress: Progress,
    ) -> Result<u64, ClientError> {
        let unwritable = |fault| ClientError::io("the file can't be written", fault);
        let mut response = self.open(draft).await?;
        let mut bytes = 0;
        while let Some(chunk) = response.chunk().await.map_err(|cause| self.unreachable(cause))? {
            sink.write_all(&chunk).await.map_err(unwritable)?;
            bytes += chunk.len() as u64;
            progress.tell(chunk.len());
        }
        sink.flush().await.map_err(unwritable)?;
        Ok(bytes)
    }

    async fn read_whole(&self, response: Response) -> Result<Bytes, ClientError> {
        let mut body = BytesMut::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|cause| self.unreachable(cause))?;
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(ClientError::Decode { what: format!("it is longer than {ANSWER_BYTES_MAX} bytes") });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// Every draft may be repeated by its making (`Repeat`): a lost reply and a moment's refusal both count.
    fn wait_before_repeat(&self, fault: &ClientError, repeats: u32) -> Option<Duration> {
        match fault {
            // A limit that ran out would only run out again.
            ClientError::Unreachable { cause, .. } if cause.is_timeout() && !cause.is_connect() => None,
            ClientError::Unreachable { .. } => self.patience.wait_before(repeats, None),
            ClientError::Problem { status: 503, retry_after: Some(asked), .. } => {
                self.patience.wait_before(repeats, Some(*asked))
            }
            ClientError::Problem { .. }
            | ClientError::Decode { .. }
            | ClientError::Request { .. }
            | ClientError::Io { .. } => None,
        }
    }

    pub(crate) fn unreachable(&self, cause: reqwest::Error) -> ClientError {
        ClientError::Unreachable { endpoint: self.endpoint.to_string(), cause: cause.without_url() }
    }

    /// A request that never became one is the caller's fault, not the network's.
    fn unsent(&self, cause: reqwest::Error) -> ClientError {
        if cause.is_builder() {
            return ClientError::Request { what: cause.without_url().to_string() };
        }
        self.unreachable(cause)
    }

    /// An answer that may take longer than silence usually may needs a client that waits; and only a connection of
    /// HTTP/1.1 can become something else (RFC 9113 §8.6).
    fn http_for(&self, draft: &Draft) -> Result<reqwest::Client, ClientError> {
        let usual = Duration::from_secs(SILENCE_SECONDS_MAX);
        let silence = draft.answer_within.unwrap_or(usual).max(usual);
        match draft.upgrade {
            Some(_) => finish(builder(&self.endpoint, self.trust.as_ref(), silence)?.http1_only()),
            None if silence > usual => finish(builder(&self.endpoint, self.trust.as_ref(), silence)?),
            None => self.http().cloned(),
        }
    }

    fn http(&self) -> Result<&reqwest::Client, ClientError> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let usual = Duration::from_secs(SILENCE_SECONDS_MAX);
        let built = finish(builder(&self.endpoint, self.trust.as_ref(), usual)?)?;
        Ok(self.http.get_or_init(|| built))
    }
}

fn builder(endpoint: &Endpoint, trust: Option<&tls::Trust>, silence: Duration) -> Result<ClientBuilder, ClientError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("mi/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(CONNECT_SECONDS_MAX))
        .read_timeout(silence)
        // The API never redirects, and a credential must not follow somebody else's redirect.
        .redirect(Policy::none());
    if endpoint.is_loopback() {
        // A pod's proxy is for the world outside; its own loopback is the way to the server.
        builder = builder.no_proxy();
    }
    tls::prepare_tls(builder, endpoint, trust)
}

fn finish(builder: ClientBuilder) -> Result<reqwest::Client, ClientError> {
    builder.build().map_err(|fault| ClientError::Request { what: fault.to_string() })
}

fn number_in(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}
