//! A file of the drive, looked at by the server itself.

use mi_core::checks::FileCheck;
use mi_core::checks::judge::{self, Judgement};

use super::{Found, Unable};
use crate::checks::service::Job;
use crate::files::examine::{self, Reading, Unfit};
use crate::house::House;

pub async fn run(house: &House, job: &Job, check: &FileCheck) -> Result<Found, Unable> {
    let reading = if judge::must_read(check) { Reading::Whole } else { Reading::Size };
    match examine::facts(house, job.office, &check.path, reading).await {
        Ok(facts) => Ok(judge::file(check, &facts).into()),
        Err(Unfit::File(why)) => Ok(Judgement::Failed(why).into()),
        Err(Unfit::Drive(why)) => Err(Unable(why)),
    }
}
