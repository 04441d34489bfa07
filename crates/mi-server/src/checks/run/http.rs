//! An address asked once, through the server's one way out and within the office's `egress`.

use bytes::Bytes;
use http::{HeaderMap, Method};
use mi_core::checks::HttpCheck;
use mi_core::checks::judge::{self, Judgement};
use mi_core::egress::{self, Target};
use mi_core::time::Millis;

use super::{Found, Unable};
use crate::checks::service::Job;
use crate::house::House;
use crate::infra::outbound::{Failure, Outgoing};

/// Of an answer that isn't the one expected, as much as helps to see why.
const ANSWER_BYTES_MAX: usize = 2 * 1024;

pub async fn run(house: &House, job: &Job, check: &HttpCheck) -> Result<Found, Unable> {
    let address = house.outbound.read(&check.url).map_err(|bad| Unable(bad.to_string()))?;
    let method: Method = check.method.parse().map_err(|_| Unable(format!("{} is no method", check.method)))?;
    // As it is called, not as it was written.
    let target = Target::of_url(address.as_str()).map_err(Unable)?;
    if !egress::allows(&job.egress, &target, method.as_str()) {
        return Err(Unable(format!("the office's egress doesn't allow {method} to {target}")));
    }
    let outgoing = Outgoing {
        method,
        address,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        time_max: Millis::seconds(check.timeout_seconds),
        answer_bytes_max: ANSWER_BYTES_MAX,
    };
    match house.outbound.send(&house.clock, outgoing).await {
        Ok(answered) => {
            let judgement = judge::http(check, i64::from(answered.status));
            let output = String::from_utf8_lossy(&answered.body).into_owned();
            let output = matches!(judgement, Judgement::Failed(_)).then_some(output);
            Ok(Found { judgement, exit_code: None, output })
        }
        Err(failure @ (Failure::Private | Failure::Unready)) => Err(Unable(failure.to_string())),
        Err(
            failure @ (Failure::UnknownHost
            | Failure::Refused
            | Failure::Unreachable
            | Failure::TimedOut { .. }
            | Failure::Broken),
        ) => Ok(Judgement::Failed(failure.to_string()).into()),
    }
}
