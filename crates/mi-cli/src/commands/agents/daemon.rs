//! `mi agent heartbeat-daemon`: says every half minute that an agent is there, until it is told that it isn't any more.

use std::time::Duration;

use mi_client::{ClientError, Patience};

use crate::beats::{Beat, Next, chance, next};
use crate::desk::Desk;
use crate::exit::Exit;
use crate::fault::Fault;

/// Whoever starts this as a service needn't start it again then.
pub const ENDED_FOR_GOOD: Exit = Exit::Denied;
const MILLIS_PER_PACE: u32 = 1_000;

pub async fn run(desk: &mut Desk) -> Result<(), Fault> {
    let (client, _) = desk.as_agent()?;
    let client = client.with_patience(Patience::NONE);
    let name = desk.settings.agent.as_ref().map_or_else(|| "the agent".to_owned(), |agent| agent.agent.to_string());
    desk.out.note(&format!("{name} is kept online at {}", desk.settings.endpoint))?;
    let (mut missed, mut beats) = (0, 0);
    loop {
        let result = client.join().heartbeat().await;
        let beat = judge(&result);
        match &result {
            Ok(()) if missed > 0 => desk.out.note(&format!("{name} is heard again"))?,
            Ok(()) => {}
            Err(fault) if beat == Beat::Refused => return Err(refused(&name, fault)),
            // One line when it begins, not one for every try.
            Err(fault) if missed == 0 => desk.out.warn(&format!("{fault}; trying on"))?,
            Err(_) => {}
        }
        let Next::InMillis(wait) = next(beat, missed, chance(&name, beats)) else {
            return Err(Fault::failed(format!("{name} is not heard any more"), "mi agent self says why"));
        };
        missed = if beat == Beat::Heard { 0 } else { missed.saturating_add(1) };
        beats += 1;
        tokio::time::sleep(paced(desk.pace, wait)).await;
    }
}

/// A pace is a second, except in tests.
fn paced(pace: Duration, millis: u64) -> Duration {
    pace.saturating_mul(u32::try_from(millis).unwrap_or(u32::MAX)) / MILLIS_PER_PACE
}

fn judge(result: &Result<(), ClientError>) -> Beat {
    match result {
        Ok(()) => Beat::Heard,
        Err(ClientError::Problem { status: 401 | 403 | 404, .. }) => Beat::Refused,
        Err(ClientError::Problem { retry_after, .. }) => {
            Beat::Missed { retry_after_seconds: retry_after.map(|wait| wait.as_secs()) }
        }
        Err(
            ClientError::Unreachable { .. }
            | ClientError::Decode { .. }
            | ClientError::Request { .. }
            | ClientError::Io { .. },
        ) => Beat::Missed { retry_after_seconds: None },
    }
}

fn refused(name: &str, fault: &ClientError) -> Fault {
    Fault::Said {
        exit: ENDED_FOR_GOOD,
        message: format!("{name} is not an agent there any more: {fault}"),
        hint: Some("its owner fired it or revoked its key; another invite lets it join again".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_of_a_second_is_real_time() {
        assert_eq!(paced(Duration::from_secs(1), 33_000), Duration::from_secs(33));
        assert_eq!(paced(Duration::from_millis(1), 30_000), Duration::from_millis(30));
    }
}
