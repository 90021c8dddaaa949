//! libFuzzer's way into [`watchgate_fuzz::otlp_json`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| watchgate_fuzz::otlp_json::fuzz(data));
