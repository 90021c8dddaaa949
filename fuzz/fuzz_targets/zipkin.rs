//! libFuzzer's way into [`watchgate_fuzz::zipkin`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| watchgate_fuzz::zipkin::fuzz(data));
