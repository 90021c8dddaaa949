//! libFuzzer's way into [`watchgate_fuzz::bulk`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| watchgate_fuzz::bulk::fuzz(data));
