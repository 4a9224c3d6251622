//! One program for all targets: the variable `FUZZ_TARGET` names the one to run. `fuzz/run` builds and runs it.

#![no_main]

use std::env;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

static CHECK: OnceLock<fn(&[u8])> = OnceLock::new();

fn check_of(name: &str) -> fn(&[u8]) {
    let mut targets = acs_push::fuzzing::TARGETS.into_iter().chain(notification_hubs_emulator::fuzzing::TARGETS);
    targets.find(|(target, _)| *target == name).expect("FUZZ_TARGET names no target").1
}

fuzz_target!(
    init: {
        let name = env::var("FUZZ_TARGET").expect("FUZZ_TARGET names the target");
        CHECK.set(check_of(&name)).expect("it is set once");
    },
    |data: &[u8]| CHECK.get().expect("it was set at the start")(data)
);
