//! What can go wrong with schedules, in words.

use mi_core::ids::excerpt;
use mi_core::limits::{SCHEDULE_DEADLINE_SECONDS_MAX, SCHEDULES_PER_OFFICE_MAX};
use mi_core::problem::Code;
use mi_core::schedules::cron::BadCron;
use mi_core::schedules::name::ScheduleName;
use mi_core::schedules::zone::BadZone;

use crate::infra::fault::{self, Fault};

pub fn bad_cron(bad: BadCron) -> Fault {
    let hint = format!("for example {}", bad.example);
    Fault::new(Code::BadSchedule, bad.problem).hint(hint)
}

pub fn bad_zone(bad: BadZone) -> Fault {
    Fault::new(Code::BadSchedule, bad.to_string()).hint("leave timezone out for the office's own, a setting")
}

pub fn never_due(cron: &str) -> Fault {
    Fault::new(Code::BadSchedule, format!("{:?} is a date that never comes", excerpt(cron)))
        .hint("for example \"0 9 28 2 *\" is 9:00 on 28 February")
}

pub fn no_such_schedule(key: &str) -> Fault {
    Fault::new(Code::NoSuchSchedule, format!("there is no schedule {} in this office", excerpt(key)))
        .hint("mi schedules list shows them")
}

pub fn schedule_exists(name: &ScheduleName) -> Fault {
    Fault::new(Code::ScheduleExists, format!("there is a schedule {name} already"))
        .hint(format!("mi schedules edit {name} changes it, another name makes a second one"))
}

pub fn too_many() -> Fault {
    Fault::new(Code::TooManySchedules, format!("this office has {SCHEDULES_PER_OFFICE_MAX} schedules, its limit"))
        .hint("mi schedules rm removes one")
}

pub fn fixed_times() -> Fault {
    fault::bad_request("a task that comes again and again has no fixed notBefore or deadline")
        .hint("send deadlineSeconds: each task's deadline, counted from the moment at which it was due")
}

pub fn fixed_name() -> Fault {
    fault::bad_request("a task that comes again and again has no name: a name belongs to one task for ever")
        .hint("leave name out; the title may hold {date}, {time} and {n}")
}

pub fn bad_deadline() -> Fault {
    fault::bad_request(format!("deadlineSeconds lies between 60 and {SCHEDULE_DEADLINE_SECONDS_MAX}"))
}

pub fn bad_task(error: &serde_json::Error) -> Fault {
    fault::bad_request(format!("the task can't be read: {error}"))
}
