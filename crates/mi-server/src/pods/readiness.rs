//! Whether pods can start here, and which limits hold.

use std::sync::Arc;

use mi_core::time::Millis;
use mi_pods::{Finding, FindingKind, FindingState, Readiness};

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
            vec![Part { name: "pods".into(), ok: false, detail: "the walls could not be looked at".to_owned() }]
        }
    };
    house.pods.keep_readiness(now, &parts);
    parts
}

/// Walls are mandatory; limits that don't hold are said and only degrade. Each has a line of its own.
fn parts(found: &Readiness) -> Vec<Part> {
    let open: Vec<String> = found.of(FindingKind::Wall).filter(|wall| wall.is_missing_wall()).map(with_fix).collect();
    let detail = if open.is_empty() { format!("sandbox by {}", found.backend) } else { open.join("; ") };
    let pods = Part { name: "pods".into(), ok: found.can_start(), detail };
    std::iter::once(pods).chain(found.findings.iter().map(part)).collect()
}

fn part(finding: &Finding) -> Part {
    let (kind, ok) = match finding.kind {
        FindingKind::Wall => ("wall", !finding.is_missing_wall()),
        FindingKind::Limit => ("limit", true),
    };
    let detail = match finding.state {
        FindingState::Raised => finding.why.clone(),
        FindingState::Degraded => format!("degraded: {}", with_fix(finding)),
        FindingState::Missing => format!("missing: {}", with_fix(finding)),
    };
    Part { name: format!("{kind} {}", finding.name).into(), ok, detail }
}

fn with_fix(finding: &Finding) -> String {
    match finding.fix.as_str() {
        "" => finding.why.clone(),
        fix => format!("{} ({fix})", finding.why),
    }
}
