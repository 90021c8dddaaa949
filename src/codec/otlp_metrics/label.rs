//! Label names: what of an attribute's key Prometheus' classic names cannot hold becomes underscores.

use super::settings::Settings;

/// Appends the label name of attribute `key` to `out`.
///
/// # Errors
/// If `key` is empty, or nothing but underscores is left of it; `out` is unspecified then.
pub(super) fn write(key: &str, settings: &Settings, out: &mut Vec<u8>) -> Result<(), String> {
    if key.is_empty() {
        return Err("an attribute has an empty key".to_owned());
    }
    if !settings.strategy.escapes() {
        out.extend_from_slice(key.as_bytes());
        return Ok(());
    }
    let start = out.len();
    if settings.label_name_preserve_multiple_underscores {
        escape(key, false, out);
    } else if let Some(inner) = reserved(key) {
        out.extend_from_slice(b"__");
        escape(inner, true, out);
        out.extend_from_slice(b"__");
    } else {
        escape(key, true, out);
    }
    let name = &out[start..];
    if name.iter().all(|byte| *byte == b'_') {
        return Err(format!("attribute key {key:?} leaves no label name: it needs a letter or a digit"));
    }
    let single = name[0] == b'_' && name.get(1) != Some(&b'_');
    if name[0].is_ascii_digit() {
        out.splice(start..start, *b"key_");
    } else if single && settings.label_name_underscore_sanitization {
        out.splice(start..start, *b"key");
    }
    Ok(())
}

/// What stands between two underscores on either side.
fn reserved(key: &str) -> Option<&str> {
    key.strip_prefix("__")?.strip_suffix("__")
}

/// Appends `text`, an underscore for each character, or for each run of them, that is no ASCII letter or digit.
fn escape(text: &str, collapse: bool, out: &mut Vec<u8>) {
    let mut in_run = false;
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            out.push(byte);
            in_run = false;
        } else if byte & 0xc0 != 0x80 {
            // not a continuation byte: one character is one underscore, however many bytes it has
            if !(collapse && in_run) {
                out.push(b'_');
            }
            in_run = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::otlp_metrics::Strategy;

    #[test]
    fn keys_become_names_as_prometheus_has_them() {
        let settings = Settings::default();
        let collapsing = Settings { label_name_preserve_multiple_underscores: false, ..Settings::default() };
        let plain = Settings { label_name_underscore_sanitization: false, ..Settings::default() };
        let utf8 = Settings { strategy: Strategy::NoTranslation, ..Settings::default() };
        for (settings, key, name) in [
            (&settings, "http.request.method", "http_request_method"),
            (&settings, "a..b", "a__b"),
            (&settings, "_a", "key_a"),
            (&settings, ".a", "key_a"),
            (&settings, "__a", "__a"),
            (&settings, "1a", "key_1a"),
            (&settings, "城市x", "__x"),
            (&settings, "é", ""),
            (&settings, "", ""),
            (&settings, "___", ""),
            (&collapsing, "a..b__c", "a_b_c"),
            (&collapsing, "__a..b__", "__a_b__"),
            (&collapsing, "____", ""),
            (&collapsing, "__a", "key_a"),
            (&plain, ".a", "_a"),
            (&utf8, "城.市", "城.市"),
        ] {
            let mut out = b"before".to_vec();
            let found = write(key, settings, &mut out).map_or(String::new(), |()| String::from_utf8(out).unwrap());
            let wanted = if name.is_empty() { String::new() } else { format!("before{name}") };
            assert_eq!(found, wanted, "{key}");
        }
    }
}
