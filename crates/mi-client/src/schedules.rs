//! Schedules: tasks that come again and again. A schedule is named by its name or its id.

use mi_core::ids::OfficeId;
use mi_core::wire::schedules::{CreateSchedule, Schedule, ScheduleMoment, UpdateSchedule};
use mi_core::wire::tasks::Task;
use reqwest::Method;

use crate::Paging;
use crate::call::{Call, Draft, segment};
use crate::offices::path_of;
use crate::transport::Client;

#[derive(Debug, Clone)]
pub struct Schedules {
    client: Client,
    office: OfficeId,
}

impl Schedules {
    pub(crate) fn new(client: &Client, office: OfficeId) -> Self {
        Self { client: client.clone(), office }
    }

    fn all(&self) -> String {
        format!("{}/schedules", path_of(self.office))
    }

    fn one(&self, key: &str) -> String {
        format!("{}/{}", self.all(), segment(key))
    }

    pub fn list(&self, paging: Paging) -> Call<(Vec<Schedule>, u64)> {
        let draft = Draft::read(self.all()).query("limit", paging.limit).query("offset", paging.offset);
        Call::list(&self.client, draft)
    }

    pub fn create(&self, schedule: &CreateSchedule) -> Call<Schedule> {
        Call::json(&self.client, Draft::write(Method::POST, self.all()).json(schedule))
    }

    pub fn get(&self, key: &str) -> Call<Schedule> {
        Call::json(&self.client, Draft::read(self.one(key)))
    }

    /// What `changes` leaves out stays as it is.
    pub fn update(&self, key: &str, changes: &UpdateSchedule) -> Call<Schedule> {
        Call::json(&self.client, Draft::write(Method::PATCH, self.one(key)).json(changes))
    }

    /// Its tasks stay.
    pub fn delete(&self, key: &str) -> Call<()> {
        Call::done(&self.client, Draft::write(Method::DELETE, self.one(key)))
    }

    /// Creates its task now, out of turn.
    pub fn run(&self, key: &str) -> Call<Task> {
        Call::json(&self.client, Draft::write(Method::POST, format!("{}/run", self.one(key))))
    }

    /// When it is due next, `n` times.
    pub fn next(&self, key: &str, n: Option<i64>) -> Call<(Vec<ScheduleMoment>, u64)> {
        Call::list(&self.client, Draft::read(format!("{}/next", self.one(key))).query("n", n))
    }
}
