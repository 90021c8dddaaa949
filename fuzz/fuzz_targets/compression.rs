//! libFuzzer's way into [`watchgate_fuzz::compression`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| watchgate_fuzz::compression::fuzz(data));
