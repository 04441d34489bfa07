//! Refusals about offices, in words.

use mi_core::egress::BadList;

use crate::infra::fault::{self, Fault};

pub fn bad_egress(bad: BadList) -> Fault {
    fault::bad_request(bad.to_string())
        .hint("an entry is \"example.com\", \"*.example.com:8443\" or {\"host\": …, \"ports\": […], \"methods\": […]}")
}
