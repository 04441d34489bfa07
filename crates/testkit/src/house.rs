//! The test house: a whole server in the test's process, with a clock that tests move and pods that are no processes.
//!
//! It is part of `mi-server`, whose own tests use it too, and is reached from here by everybody else's.

pub use mi_server::testing::{
    BEGINNING, DATABASE_VARIABLE, FakeRunner, Manners, Speaker, TestHouse, TestOffice, TestReply,
};
