//! The target `store` under libFuzzer.
#![no_main]

use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    dime_fuzz::run_named(env!("CARGO_BIN_NAME"), input, &ALLOCATOR);
});
