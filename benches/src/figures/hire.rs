//! From the wish for an agent to its pod that runs and waits for work.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Plan;
use crate::floor::{self, Disk};
use crate::http::{Connection, find};
use crate::office::Office;
use crate::procfs;
use crate::sample::Sample;
use crate::server::Server;

const RUNNING_LIMIT: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(2);

pub struct Hires {
    pub running: Sample,
    /// The program started, and a page on disk, in turn with the hires.
    pub floor: Sample,
    /// Of the server, from the first hire to the last farewell.
    pub cpu: Duration,
}

/// One after another; each is fired and gone before the next.
pub async fn measure(plan: &Plan, server: &Server, office: &Office) -> Result<Hires> {
    let mut connection = Connection::open(server.address()).await?;
    let (mut running, mut floor, mut disk) = (Sample::default(), Sample::default(), Disk::new()?);
    let before = procfs::cpu_time(server.pid())?;
    for number in 0..plan.hires {
        running.add(one(&mut connection, office, &format!("pod-{number}")).await?);
        floor.add(floor::start_program(&plan.manner.program)? + disk.write_page()?);
    }
    Ok(Hires { running, floor, cpu: procfs::cpu_time(server.pid())? - before })
}

async fn one(connection: &mut Connection, office: &Office, name: &str) -> Result<Duration> {
    let body = format!(r#"{{"name":"{name}","harness":"command","command":"true"}}"#);
    let hire = office.pen.request("POST", "/employees", None, &body);
    let began = Instant::now();
    connection.send(&hire).await?.ok().with_context(|| format!("{name} can't be hired"))?;
    wait_running(connection, &office.pen.request("GET", &format!("/employees/{name}"), None, "")).await?;
    let took = began.elapsed();
    let fire = office.pen.request("DELETE", &format!("/employees/{name}"), None, "");
    connection.send(&fire).await?.ok().with_context(|| format!("{name} can't be fired"))?;
    office.wait_no_pods().await?;
    Ok(took)
}

async fn wait_running(connection: &mut Connection, look: &[u8]) -> Result<()> {
    let until = Instant::now() + RUNNING_LIMIT;
    loop {
        let agent = connection.send(look).await?.ok()?;
        if find(agent, br#""phase":"Idle""#).or(find(agent, br#""phase":"Running""#)).is_some() {
            return Ok(());
        }
        if Instant::now() >= until {
            bail!("the pod doesn't run after {RUNNING_LIMIT:?}: {}", String::from_utf8_lossy(agent));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
