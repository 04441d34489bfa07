//! What can go wrong with webhooks, in words.

use mi_core::ids::excerpt;
use mi_core::problem::Code;

use super::patterns::CATEGORIES;
use crate::infra::fault::{self, Fault};

pub fn no_such_webhook(id: &str) -> Fault {
    Fault::new(Code::NoSuchWebhook, format!("there is no webhook {} in this office", excerpt(id)))
        .hint("mi webhooks list shows them")
}

pub fn no_such_delivery(webhook: i64, n: &str) -> Fault {
    Fault::new(Code::NoSuchDelivery, format!("webhook {webhook} has no delivery {}", excerpt(n)))
        .hint(format!("mi webhooks deliveries {webhook} shows them"))
}

pub fn too_many(max: i64) -> Fault {
    Fault::new(Code::TooManyWebhooks, format!("an office has at most {max} webhooks"))
        .hint("mi webhooks rm removes one")
}

pub fn too_many_patterns(max: usize) -> Fault {
    fault::too_long("events", max, "entries")
}

pub fn bad_pattern(text: &str) -> Fault {
    fault::bad_request(format!("{:?} names no events", excerpt(text))).hint(format!(
        "a category ({}), a type such as tasks.update, its beginning such as tasks.*, or * for everything",
        CATEGORIES.join(", ")
    ))
}

pub fn bad_secret(least: usize, most: usize) -> Fault {
    fault::bad_request(format!("a secret is {least} to {most} visible ASCII characters"))
        .hint("leave it out and one is made")
}

pub fn under_way(n: i64) -> Fault {
    fault::bad_request(format!("delivery {n} is still under way")).hint("it is repeated by itself until it is given up")
}
