//! A provider of models for proofs: it answers chat completions as it was told to, and counts them. One thread's worth of
//! work, so that what is measured is the server between.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::http::{find, number_after};

const BUFFER_BYTES: usize = 16 * 1024;
const HEAD_END: &[u8] = b"\r\n\r\n";

/// How it answers.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// Whole, after a while; every call used as many tokens.
    Whole { after: Duration, input: u32, output: u32 },
    /// Pieces of about a token, one each so often.
    Stream { pieces: u32, every: Duration },
}

#[derive(Debug, Clone)]
pub struct Provider {
    pub address: SocketAddr,
    calls: Arc<AtomicU64>,
}

impl Provider {
    pub async fn start(answer: Answer) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("the provider can't listen")?;
        let provider = Self { address: listener.local_addr()?, calls: Arc::default() };
        let calls = Arc::clone(&provider.calls);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let calls = Arc::clone(&calls);
                tokio::spawn(async move {
                    // A caller that goes away in the middle is a caller's business.
                    drop(serve(stream, answer, &calls).await);
                });
            }
        });
        Ok(provider)
    }

    /// What the server's environment says of it.
    pub fn environment(&self) -> Vec<(String, String)> {
        let base = format!("http://{}/v1", self.address);
        vec![("OPENAI_BASE_URL".to_owned(), base), ("OPENAI_API_KEY".to_owned(), "sk-proof".to_owned())]
    }

    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Acquire)
    }
}

async fn serve(mut stream: TcpStream, answer: Answer, calls: &AtomicU64) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(BUFFER_BYTES);
    while read_request(&mut stream, &mut buffer).await? {
        calls.fetch_add(1, Ordering::AcqRel);
        match answer {
            Answer::Whole { after, input, output } => {
                tokio::time::sleep(after).await;
                let usage = format!(r#"{{"prompt_tokens":{input},"completion_tokens":{output}}}"#);
                let body = format!(r#"{{"choices":[{{"message":{{"content":"done"}}}}],"usage":{usage}}}"#);
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length:";
                stream.write_all(format!("{head} {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
            }
            Answer::Stream { pieces, every } => send_pieces(&mut stream, pieces, every).await?,
        }
    }
    Ok(())
}

async fn send_pieces(stream: &mut TcpStream, pieces: u32, every: Duration) -> Result<()> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    let piece = r#"{"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":" word"}}]}"#;
    for number in 0..pieces {
        if number > 0 {
            tokio::time::sleep(every).await;
        }
        send_event(stream, piece).await?;
    }
    send_event(stream, &format!(r#"{{"choices":[],"usage":{{"prompt_tokens":9,"completion_tokens":{pieces}}}}}"#))
        .await?;
    send_event(stream, "[DONE]").await?;
    Ok(stream.write_all(b"0\r\n\r\n").await?)
}

async fn send_event(stream: &mut TcpStream, data: &str) -> Result<()> {
    let event = format!("data: {data}\n\n");
    Ok(stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await?)
}

/// False if the caller closed the connection between two requests.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<bool> {
    buffer.clear();
    loop {
        if let Some(end) = find(buffer, HEAD_END) {
            let head =
                String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase().replace("content-length: ", "\"length\":");
            let length = usize::try_from(number_after(head.as_bytes(), "length").unwrap_or(0))?;
            if buffer.len() >= end + HEAD_END.len() + length {
                return Ok(true);
            }
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(false);
        }
    }
}
