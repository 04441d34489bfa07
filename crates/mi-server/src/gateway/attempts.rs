//! Sending again what certainly never left, and noting what a provider says of the key.
//!
//! A call that reached the provider is sent once, whatever becomes of it: whether to ask again is for the program that
//! asked, which knows how often it has. So retries don't multiply.

use http::HeaderMap;
use mi_core::ids::{ClaimToken, OfficeId};
use mi_core::problem::Code;
use mi_core::time::Millis;

use super::choice::Choice;
use super::kinds::Kind;
use super::marks;
use super::providers::Provider;
use super::quota::{self, Refusal};
use super::service::Answered;
use super::upstream::{self, Outgoing, WasSent};
use crate::house::House;
use crate::infra::fault::{self, Fault};

/// Before another try to connect: at least the one and at most twice that, so that many callers don't come back together.
const PAUSES_MS: [i64; 2] = [200, 800];
/// Whoever couldn't be reached for so long is not tried again: the caller has waited enough.
const RETRY_WITHIN_MS: i64 = 15_000;

/// The provider's answer, its headers read, its body still to come.
pub async fn send(house: &House, provider: &Provider, outgoing: Outgoing) -> Result<reqwest::Response, Fault> {
    let until = house.clock.now() + Millis(RETRY_WITHIN_MS);
    for pause in PAUSES_MS {
        match upstream::send(provider, outgoing.clone()).await {
            Err(failed) if failed.was_sent == WasSent::No && house.clock.now() <= until => {}
            outcome => return outcome.map_err(|failed| failed.fault),
        }
        house.clock.sleep(jittered(pause)?).await;
    }
    upstream::send(provider, outgoing).await.map_err(|failed| failed.fault)
}

fn jittered(pause: i64) -> Result<Millis, Fault> {
    let mut byte = [0];
    getrandom::fill(&mut byte).map_err(fault::internal)?;
    Ok(Millis(pause + pause * i64::from(byte[0]) / 256))
}

/// Keeps what a refusal says of later calls.
pub async fn refused(
    house: &House,
    office: OfficeId,
    kind: Kind,
    (status, headers, body): (u16, &HeaderMap, &[u8]),
) -> Result<(), Fault> {
    match quota::read(kind.dialect(), (status, headers, body), house.clock.now()) {
        Refusal::Other => Ok(()),
        Refusal::NotNow(named) => house.act_as_server(office, move |act| marks::park(act, kind, named)).await,
        Refusal::BadKey => house.act_as_server(office, move |act| marks::refuse(act, kind)).await,
    }
}

/// Takes back what earlier refusals said.
pub async fn went_well(house: &House, office: OfficeId, choice: &Choice) -> Result<(), Fault> {
    if !choice.mark.is_in_doubt() {
        return Ok(());
    }
    let kind = choice.provider.kind;
    house.act_as_server(office, move |act| marks::clear(act, kind)).await
}

/// Whether another model may answer instead.
pub fn is_no_answer(outcome: &Result<Answered, Fault>) -> bool {
    match outcome {
        Ok(answered) => matches!(answered.status.as_u16(), 401 | 429 | 500..),
        Err(fault) => matches!(fault.code, Code::UpstreamFailed | Code::ProviderQuota | Code::NoModelKey),
    }
}

/// The office could not pay this one; its other models may be cheaper.
pub fn is_too_dear(fault: &Fault) -> bool {
    matches!(fault.code, Code::OutOfCredits | Code::BudgetExhausted)
}

/// Nothing answered this session.
pub async fn in_vain(house: &House, office: OfficeId, session: ClaimToken, kind: Kind) -> Result<(), Fault> {
    house.act_as_server(office, move |act| marks::interrupt(act, kind, session)).await
}
