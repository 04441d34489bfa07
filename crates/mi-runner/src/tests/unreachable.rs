//! The vendors' real programs, and a gateway that isn't there: each gives up by itself, under a name.

use std::sync::Arc;
use std::time::Duration;

use mi_core::wire::agents::HarnessKind;
use mi_core::wire::runner::{EndCause, ModelChoice, SessionGrant, Wire};
use testkit::programs::VendorPrograms;

use super::fake::*;
use crate::clock::within;
use crate::harness::vendor::Programs;
use crate::life::run_in_place;

/// Three tries of a program that starts a runtime of its own, on a busy machine.
const GIVES_UP_IN: Duration = Duration::from_secs(90);

/// Nobody listens at the address that the sessions of these tests are given.
async fn gives_up(kind: HarnessKind, wire: Wire, base_path: &str) {
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    let workspace = folder.path().join("workspace");
    std::fs::create_dir_all(workspace.join("drive")).unwrap();
    let fake = Fake::new();
    let mut parts = parts(&fake, &workspace, Scripted::new([]));
    let found = VendorPrograms::find().unwrap();
    let mut place = (*parts.place).clone();
    place.programs = Arc::new(Programs::new(found.places(), found.node()));
    place.silence_max = GIVES_UP_IN;
    place.environment.insert("HOME".into(), folder.path().display().to_string());
    parts.place = Arc::new(place);
    let model = ModelChoice { provider: "any".into(), model: "scripted".into(), wire, base_path: base_path.into() };
    fake.grant(SessionGrant { model: Some(model), ..grant(kind) });
    within(GIVES_UP_IN, run_in_place(parts)).await.expect("it gives up in time").unwrap();
    let end = fake.only_end();
    assert_eq!((end.cause, end.harness), (EndCause::ProviderFailed, None), "{}", end.summary);
}

#[tokio::test]
async fn claude_code_gives_up() {
    gives_up(HarnessKind::ClaudeCode, Wire::Anthropic, "/llm/anthropic/v1").await;
}

/// By itself it would wait for ever.
#[tokio::test]
async fn codex_gives_up() {
    gives_up(HarnessKind::OpenaiCodex, Wire::OpenaiResponses, "/llm/openai/v1").await;
}

#[tokio::test]
async fn gemini_cli_gives_up() {
    gives_up(HarnessKind::GeminiCli, Wire::Gemini, "/llm/gemini/v1beta").await;
}
