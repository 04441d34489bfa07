//! Full lives, as many as the server bears: each connection creates a task, claims the next one and finishes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::task::JoinSet;

use crate::http::Connection;
use crate::lives::{self, Pen};
use crate::office::Office;
use crate::procfs;
use crate::sample::Sample;
use crate::server::Server;

/// Until caches are filled and connections stand.
const WARM_UP: Duration = Duration::from_secs(2);

pub struct Load {
    pub lives: u64,
    pub time: Duration,
    /// With what came before and after.
    pub whole_time: Duration,
    pub life: Sample,
    pub server_cpu: Duration,
    pub client_cpu: Duration,
}

/// Whether lives are counted now, and whether there are to be more.
#[derive(Default)]
struct Phase {
    counting: AtomicBool,
    over: AtomicBool,
}

struct Used {
    at: Instant,
    server: Duration,
    client: Duration,
}

impl Used {
    fn now(server: &Server) -> Result<Self> {
        let (server, client) = (procfs::cpu_time(server.pid())?, procfs::cpu_time(std::process::id())?);
        Ok(Self { at: Instant::now(), server, client })
    }
}

pub async fn run(time: Duration, server: &Server, office: &Office, agents: &[String]) -> Result<Load> {
    let began = Instant::now();
    let phase = Arc::new(Phase::default());
    let mut clients = JoinSet::new();
    for agent in agents {
        let connection = Connection::open(server.address()).await?;
        clients.spawn(live(connection, office.pen.clone(), agent.clone(), Arc::clone(&phase)));
    }
    tokio::time::sleep(WARM_UP).await;
    let before = Used::now(server)?;
    phase.counting.store(true, Ordering::Relaxed);
    tokio::time::sleep(time).await;
    phase.counting.store(false, Ordering::Relaxed);
    let after = Used::now(server)?;
    phase.over.store(true, Ordering::Relaxed);
    let mut life = Sample::default();
    while let Some(ended) = clients.join_next().await {
        life.append(ended??);
    }
    Ok(Load {
        lives: life.count() as u64,
        time: after.at - before.at,
        whole_time: began.elapsed(),
        life,
        server_cpu: after.server - before.server,
        client_cpu: after.client - before.client,
    })
}

/// There is always a task to claim: each client has created one more than it has claimed.
async fn live(mut connection: Connection, pen: Pen, agent: String, phase: Arc<Phase>) -> Result<Sample> {
    let (create, claim) = (pen.create("a full life"), pen.claim(&agent, 0));
    let mut lives = Sample::default();
    while !phase.over.load(Ordering::Relaxed) {
        let began = Instant::now();
        lives::created(&mut connection, &create).await?;
        let held = lives::claimed(&mut connection, &claim).await?.context("no task though there is one")?;
        lives::finished(&mut connection, &pen.finish(held, "lived")).await?;
        if phase.counting.load(Ordering::Relaxed) {
            lives.add(began.elapsed());
        }
    }
    Ok(lives)
}
