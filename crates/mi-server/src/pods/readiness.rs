//! Whether pods can start here, and which limits hold.

use std::sync::Arc;

use mi_core::time::Millis;
use mi_pods::{Check, Readiness};

use crate::house::House;
use crate::identity::service::Part;

/// Finding out raises a small pod; nobody's question makes that happen more often.
const KNOWN_FOR_SECONDS: i64 = 60;

pub async fn readiness(house: &House) -> Vec<Part> {
    let now = house.clock.now();
    if let Some(known) = house.pods.known_readiness(now + Millis::seconds(-KNOWN_FOR_SECONDS)) {
        return known;
    }
    let driver = Arc::clone(&house.driver);
    let parts = match tokio::task::spawn_blocking(move || driver.readiness()).await {
        Ok(found) => parts(&found),
        Err(error) => {
            tracing::error!(%error, "looking at the pods' walls broke off");
            vec![Part { name: "pods", ok: false, detail: "the walls could not be looked at".to_owned() }]
        }
    };
    house.pods.keep_readiness(now, &parts);
    parts
}

/// Walls are mandatory; limits that don't hold are said and only degrade.
fn parts(found: &Readiness) -> Vec<Part> {
    let open: Vec<String> = found.walls.iter().filter(|wall| !wall.ok).map(with_fix).collect();
    let walls = match open.as_slice() {
        [] => match found.walls.iter().find(|wall| !wall.fix.is_empty()) {
            // A driver without walls says so.
            Some(note) => note.detail.clone(),
            None => format!("sandbox by {}", found.backend),
        },
        open => open.join("; "),
    };
    let missing: Vec<String> = found.limits.iter().filter(|limit| !limit.ok).map(with_fix).collect();
    let limits = if missing.is_empty() { "hold".to_owned() } else { format!("degraded: {}", missing.join("; ")) };
    vec![Part { name: "pods", ok: found.can_start(), detail: walls }, Part { name: "limits", ok: true, detail: limits }]
}

fn with_fix(check: &Check) -> String {
    format!("{}: {} ({})", check.name, check.detail, check.fix)
}
