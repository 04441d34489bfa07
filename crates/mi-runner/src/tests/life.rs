//! From hello to the end: repeated questions, orders, refusals.

use std::sync::Arc;

use mi_core::wire::runner::{Control, EndCause, NextAnswer};

use super::fake::*;
use crate::RunnerError;
use crate::control::ControlError;
use crate::life::{ExitReason, Parts};

fn idle(fake: &Arc<Fake>) -> Parts {
    parts(fake, std::path::Path::new("/"), Scripted::new([]))
}

fn ordered(control: Control) -> Result<Option<NextAnswer>, ControlError> {
    Ok(Some(NextAnswer { control: Some(control), reason: None, session: None, terminals: Vec::new() }))
}

#[tokio::test]
async fn hello_is_repeated_with_the_same_boot_id() {
    let fake = Fake::new();
    fake.state().hellos.push_back(Err(lost()));
    live(idle(&fake)).await.unwrap();
    let ids = fake.state().boot_ids.clone();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_refused_ticket_is_the_end() {
    let fake = Fake::new();
    fake.state().hellos.push_back(Err(ControlError::refused(401, "unauthenticated", "the ticket is spent")));
    let error = live(idle(&fake)).await.unwrap_err();
    assert!(matches!(error, RunnerError::Unauthenticated(_)), "{error}");
}

#[tokio::test]
async fn a_question_keeps_its_number_until_it_is_answered() {
    let fake = Fake::new();
    fake.state().nexts.extend([Err(lost()), Ok(None), Err(ControlError::refused(503, "busy", "busy"))]);
    live(idle(&fake)).await.unwrap();
    assert_eq!(fake.state().polls, [1, 1, 2, 2]);
}

#[tokio::test]
async fn orders_say_how_the_runner_goes() {
    for (control, expected) in [
        (Control::Hibernate, ExitReason::Hibernate),
        (Control::Restart, ExitReason::Restart),
        (Control::Drain, ExitReason::Drained),
        (Control::Suspend, ExitReason::Suspend),
    ] {
        let fake = Fake::new();
        fake.state().nexts.push_back(ordered(control));
        assert_eq!(live(idle(&fake)).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_newer_runner_and_a_dead_token_end_it() {
    let fake = Fake::new();
    fake.state().nexts.push_back(Err(ControlError::refused(409, "superseded", "a newer runner is there")));
    assert_eq!(live(idle(&fake)).await.unwrap(), ExitReason::Superseded);
    let fake = Fake::new();
    fake.state().nexts.push_back(Err(ControlError::refused(401, "key_revoked", "revoked")));
    assert!(matches!(live(idle(&fake)).await.unwrap_err(), RunnerError::Unauthenticated(_)));
}

#[tokio::test]
async fn a_runner_that_drains_before_hello_asks_nothing() {
    let fake = Fake::new();
    let parts = idle(&fake);
    parts.drain.cancel();
    assert_eq!(live(parts).await.unwrap(), ExitReason::Drained);
    let state = fake.state();
    assert!(state.boot_ids.is_empty() && state.polls.is_empty());
}

#[tokio::test]
async fn a_session_granted_while_draining_is_handed_back() {
    let fake = Fake::new();
    fake.state().nexts.push_back(Err(lost()));
    fake.grant(command("exit 0"));
    let parts = idle(&fake);
    let running = tokio::spawn(live(parts.clone()));
    let asked = async {
        while fake.state().polls.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    crate::clock::within(std::time::Duration::from_secs(5), asked).await.unwrap();
    parts.drain.cancel();
    assert_eq!(running.await.unwrap().unwrap(), ExitReason::Drained);
    assert_eq!(fake.only_end().cause, EndCause::Drain);
    assert_eq!(fake.state().polls, [1, 1]);
}
