//! `mi doctor`: what this machine can do for agents, what is wrong with it, and what to do about that.
//!
//! It looks and tries, and changes nothing: walls are raised around a tiny pod, a port is bound and let go, the store is
//! opened to be read. No server is needed; one that answers is asked how it is.
//!
//! Rooms: `finding` (what is told of one thing), `configuration`, `place` (data directory, disk, store), `service` (address,
//! server, clock), `pods` (walls, limits), `machine` (what the system allows), `programs`, `models` (keys that the server would find), `report` (for people).

mod configuration;
mod finding;
mod machine;
mod models;
mod place;
mod pods;
mod programs;
mod report;
mod service;

use mi_cli::exit::Exit;
use mi_cli::programs::DoctorArgs;
use mi_cli::variables::NO_COLOR;
use mi_cli::{Format, Global, Paint, World};
use serde_json::json;

use crate::failure::Failure;
use crate::{settings, voice};
use finding::{Finding, State};

pub fn run(args: &DoctorArgs, global: &Global, world: &World) -> Result<Exit, Failure> {
    let config = settings::load(&args.up, world)?;
    let clock = machine::ClockWatch::start();
    let mut findings = configuration::look(&config, world);
    findings.push(models::look(world));
    findings.extend(place::look(&config));
    findings.extend(service::look(&config, global, world)?);
    findings.extend(pods::look(&config, world)?);
    findings.extend(machine::look(&clock));
    findings.extend(programs::look(world));
    tell(&findings, global.format(), world)?;
    let is_well = findings.iter().all(|finding| finding.state != State::Wrong);
    Ok(if is_well { Exit::Done } else { Exit::Failed })
}

fn tell(findings: &[Finding], format: Format, world: &World) -> Result<(), Failure> {
    let text = match format {
        Format::Json => {
            let ok = findings.iter().all(|finding| finding.state != State::Wrong);
            json!({"ok": ok, "version": env!("CARGO_PKG_VERSION"), "findings": findings}).to_string()
        }
        Format::People => {
            let coloured = world.stdout_is_terminal && world.variable(NO_COLOR).is_none();
            report::render(findings, if coloured { Paint::Colour } else { Paint::Plain })
        }
    };
    voice::tell(&text).map_err(Failure::io("write to stdout"))?;
    if format == Format::People {
        voice::say(&report::verdict(findings));
    }
    Ok(())
}
