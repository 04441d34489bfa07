//! Pods without processes: a test sees what was asked for and decides how it goes.

use std::time::Duration;

use mi_pods::{Driver, FakeDriver, PodError, PodStatus};

use crate::house::{House, LIMIT, TICKET};

#[test]
fn a_start_shows_its_spec_and_the_test_decides_the_end() {
    let (house, driver) = (House::new(), FakeDriver::new());
    let pod = driver.start(house.spec("ada", "")).unwrap();
    let started = driver.next_started(LIMIT).unwrap();
    assert_eq!((started.spec.agent.as_str(), started.spec.ticket.as_str()), ("ada", TICKET));
    assert!(!format!("{:?}", started.spec).contains(TICKET));
    pod.terminate();
    assert_eq!((started.pod.terminations(), pod.status(), driver.running()), (1, PodStatus::Running, 1));
    started.pod.exit(3);
    assert_eq!(pod.wait_timeout(LIMIT), PodStatus::Exited { code: Some(3), signal: None });
    pod.kill();
    assert_eq!(pod.status(), PodStatus::Exited { code: Some(3), signal: None });
    assert_eq!((driver.running(), driver.drain().len()), (0, 0));
}

#[test]
fn a_start_fails_when_the_test_says_so() {
    let (house, driver) = (House::new(), FakeDriver::new());
    driver.fail_next(PodError::Wall { wall: "network".into(), detail: "no".into() });
    assert!(matches!(driver.start(house.spec("ada", "")), Err(PodError::Wall { .. })));
    assert!(driver.next_started(Duration::ZERO).is_none());
}
