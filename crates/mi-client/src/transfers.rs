//! Cloning an agent, and sending its state: the bundle is streamed from a file, never held in memory.

use std::io;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use mi_core::ids::OfficeId;
use mi_core::wire::transfers::{CloneAgent, Cloned, Manifest, Transfer};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Body, Method, RequestBuilder};
use sha2::{Digest as _, Sha256};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::call::{Call, Draft, Payload, Repeat, segment};
use crate::error::ClientError;
use crate::files::Progress;
use crate::offices::path_of;
use crate::transport::Client;

/// Read at once. Three bytes are four characters, so that pieces can be put behind each other.
const PIECE_BYTES: usize = 3 * 64 * 1024;
const AFTER: &[u8] = b"\"}";

#[derive(Debug, Clone)]
pub struct Transfers {
    client: Client,
}

impl Transfers {
    pub(crate) fn new(client: &Client) -> Self {
        Self { client: client.clone() }
    }

    /// A clone of the agent that calls.
    pub fn clone_self(&self, wish: &CloneAgent) -> Call<Cloned> {
        Call::json(&self.client, Draft::write(Method::POST, "/api/agents/clone".to_owned()).json(wish))
    }

    /// A clone of an agent of this office.
    pub fn clone_agent(&self, office: OfficeId, agent: &str, wish: &CloneAgent) -> Call<Cloned> {
        let path = format!("{}/employees/{}/clone", path_of(office), segment(agent));
        Call::json(&self.client, Draft::write(Method::POST, path).json(wish))
    }

    pub fn get(&self, transfer: &str) -> Call<Transfer> {
        Call::json(&self.client, Draft::read(format!("/api/agents/join/status/{}", segment(transfer))))
    }

    /// The state of a clone: a bundle's file, with what it holds. `progress` counts bytes of the file.
    pub fn send(&self, transfer: &str, manifest: &Manifest, bundle: &Path, progress: Progress) -> Call<Transfer> {
        Call::json(&self.client, draft(transfer, manifest, bundle, progress))
    }
}

fn draft(transfer: &str, manifest: &Manifest, bundle: &Path, progress: Progress) -> Result<Draft, ClientError> {
    let unwritable = |fault: serde_json::Error| ClientError::Request { what: fault.to_string() };
    let (id, manifest) = (serde_json::to_string(transfer), serde_json::to_string(manifest));
    let (id, manifest) = (id.map_err(unwritable)?, manifest.map_err(unwritable)?);
    let before = format!("{{\"transfer_id\":{id},\"manifest\":{manifest},\"bundle_base64\":\"");
    let payload = Payload::State { before: Bytes::from(before), bundle: bundle.to_owned(), progress };
    let draft = Draft::write(Method::POST, "/api/agents/clone/transfer".to_owned());
    // A transfer is completed once, whoever sends it how often.
    Ok(Draft { payload, repeat: Repeat::Safe, answer_within: None, ..draft })
}

/// The body of `send`, read from the file piece by piece.
pub(crate) async fn attach(
    request: RequestBuilder,
    before: &Bytes,
    bundle: &Path,
    progress: &Progress,
) -> Result<RequestBuilder, ClientError> {
    let start = Stage::first(before, bundle).await?;
    let progress = progress.clone();
    let pieces = stream::try_unfold(start, move |stage| {
        let progress = progress.clone();
        async move { stage.next(&progress).await }
    });
    Ok(request.header(CONTENT_TYPE, "application/json").body(Body::wrap_stream(pieces)))
}

/// SHA-256 of that body, for whoever signs it.
pub(crate) async fn digest(before: &Bytes, bundle: &Path) -> Result<String, ClientError> {
    let (mut stage, mut hasher, untold) = (Stage::first(before, bundle).await?, Sha256::new(), Progress::default());
    while let Some((piece, next)) = stage.next(&untold).await.map_err(unreadable(bundle))? {
        hasher.update(&piece);
        stage = next;
    }
    Ok(hex::encode(hasher.finalize()))
}

fn unreadable(bundle: &Path) -> impl Fn(io::Error) -> ClientError {
    move |fault| ClientError::io(format!("{} can't be read", bundle.display()), fault)
}

enum Stage {
    Before(Bytes, File),
    Bundle(File),
    Over,
}

impl Stage {
    async fn first(before: &Bytes, bundle: &Path) -> Result<Self, ClientError> {
        let file = File::open(bundle).await.map_err(unreadable(bundle))?;
        Ok(Stage::Before(before.clone(), file))
    }

    async fn next(self, progress: &Progress) -> io::Result<Option<(Bytes, Self)>> {
        match self {
            Stage::Before(text, file) => Ok(Some((text, Stage::Bundle(file)))),
            Stage::Bundle(mut file) => {
                let piece = full_piece(&mut file).await?;
                progress.tell(piece.len());
                if piece.len() == PIECE_BYTES {
                    return Ok(Some((Bytes::from(STANDARD.encode(piece)), Stage::Bundle(file))));
                }
                let mut last = STANDARD.encode(piece).into_bytes();
                last.extend_from_slice(AFTER);
                Ok(Some((Bytes::from(last), Stage::Over)))
            }
            Stage::Over => Ok(None),
        }
    }
}

/// Shorter only at the file's end.
async fn full_piece(file: &mut File) -> io::Result<Vec<u8>> {
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    file.take(PIECE_BYTES as u64).read_to_end(&mut piece).await?;
    Ok(piece)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::TryStreamExt;

    #[tokio::test]
    async fn the_body_is_one_object_whatever_the_bundle_s_length() {
        for length in [0, 1, 2, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1] {
            let file = tempfile::NamedTempFile::new().unwrap();
            let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            std::fs::write(file.path(), &bytes).unwrap();
            let sent = draft("t\"1", &Manifest::default(), file.path(), Progress::default()).unwrap();
            let Payload::State { before, .. } = sent.payload else { panic!("another payload") };
            let digest = digest(&before, file.path()).await.unwrap();
            let start = Stage::Before(before, File::open(file.path()).await.unwrap());
            let pieces = stream::try_unfold(start, |stage| async { stage.next(&Progress::default()).await });
            let body: Vec<Bytes> = pieces.try_collect().await.unwrap();
            assert_eq!(digest, mi_core::signing::payload::sha256_hex(&body.concat()));
            let body: serde_json::Value = serde_json::from_slice(&body.concat()).unwrap();
            assert_eq!(body["transfer_id"], "t\"1");
            assert_eq!(STANDARD.decode(body["bundle_base64"].as_str().unwrap()).unwrap(), bytes, "{length}");
        }
    }
}
