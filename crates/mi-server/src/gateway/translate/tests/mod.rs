//! Recorded shapes of streams, properties of all streams, and requests.

mod properties;
mod reader;
mod requests;
mod streams;
mod whole;
