//! The target `date` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dime_fuzz::run_named(env!("CARGO_BIN_NAME"), input));
