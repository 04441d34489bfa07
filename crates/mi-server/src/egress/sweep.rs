//! What connections of a kind add up to, once their minute is over.

use mi_core::problem::Code;
use mi_core::time::Time;

use super::service::tell_all;
use crate::house::House;
use crate::infra::fault::Fault;

pub const TELL_MS: i64 = 5_000;

pub async fn tell(house: &House) -> Result<(), Fault> {
    tell_what_began_before(house, house.clock.now()).await
}

/// At the server's end, whatever is left.
pub async fn tell_the_rest(house: &House) -> Result<(), Fault> {
    tell_what_began_before(house, Time(i64::MAX)).await
}

/// One office's trouble keeps no other's record from being written.
async fn tell_what_began_before(house: &House, now: Time) -> Result<(), Fault> {
    let mut result = Ok(());
    for (office, told) in house.egress.due(now) {
        let count = told.len();
        match house.act_as_server(office, move |act| tell_all(act, &told)).await {
            Ok(()) => {}
            // It was deleted meanwhile, and its record with it.
            Err(fault) if fault.code == Code::NoSuchOffice => {}
            Err(fault) => {
                tracing::error!(%office, "{count} kinds of connections could not be recorded");
                result = Err(fault);
            }
        }
    }
    result
}
