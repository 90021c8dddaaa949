//! Any bytes as an array of Zipkin spans: serde agrees what JSON is, and what is kept is valid.

use serde::de::IgnoredAny;
use watchgate::codec::zipkin::{splice, split, walk};
use watchgate::limits::Limits;

pub fn fuzz(data: &[u8]) {
    let limits = Limits::default();
    let serde = serde_json::from_slice::<Vec<IgnoredAny>>(data);
    let ours = walk(data, &limits);
    let too_deep = ours.as_ref().is_err_and(|error| error.what.contains("deeply"));
    // serde does not look into strings that it ignores.
    let valid = serde.is_ok() && std::str::from_utf8(data).is_ok();
    assert!(valid == ours.is_ok() || too_deep, "{serde:?} {ours:?}");
    let _ = split(data);
    let mut joined = Vec::new();
    let Ok(walked) = ours else { return };
    let kept = walked.kept.as_deref().unwrap_or(data);
    assert!(kept.len() <= data.len());
    let again = walk(kept, &limits).expect("what is kept is valid");
    assert_eq!((again.items, again.rejected), (walked.items, 0));
    splice(&[kept, kept], &mut joined).expect("two arrays");
    let both = walk(&joined, &limits).expect("spliced arrays are one");
    assert_eq!((both.items, both.rejected), (walked.items * 2, 0));
    if let Some((first, second)) = split(&joined).expect("an array") {
        let [first, second] = [first, second].map(|half| walk(&half, &limits).expect("a half is an array").items);
        assert_eq!(first + second, both.items);
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let span = r#"{"traceId":"463ac35c9f6413ad48485a3953bb6124","parentId":"a2fb4a1d1a96d311","id":"a2fb4a1d1a96d312",
        "kind":"SERVER","name":"g\u00e9t \"x\"","timestamp":1700000000123456,"duration":"207000","localEndpoint":
        {"serviceName":"shop","ipv4":"192.168.99.1","port":3306},"remoteEndpoint":null,"annotations":
        [{"timestamp":1700000000123457,"value":"foo"}],"tags":{"a":"\\","b":1.5e3},"debug":true,"x":[[{}],-0]}"#;
    vec![
        format!("[{span}]").into_bytes(),
        format!(" [ {span},{{\"traceId\":\"1\",\"id\":\"2\"}} , {span}]\n").into_bytes(),
    ]
}
