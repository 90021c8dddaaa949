//! Where a document goes: names of data streams, and how attributes choose one.

/// Most bytes of a dataset or namespace.
const PART_BYTES_MAX: usize = 100;

/// Whether `index` has the form of a data stream, `type-dataset-namespace` with one of the types that
/// Elasticsearch has built-in templates for: such a target takes `create` only, and needs `@timestamp`.
#[must_use]
pub fn is_data_stream(index: &str) -> bool {
    let mut parts = index.splitn(3, '-');
    let is_type = matches!(parts.next(), Some("logs" | "metrics" | "traces" | "synthetics"));
    is_type && parts.next().is_some_and(|part| !part.is_empty()) && parts.next().is_some_and(|part| !part.is_empty())
}

/// Appends the name of the data stream that `dataset` and `namespace` choose in place of `index`'s own.
pub(super) fn write(index: &str, dataset: Option<&str>, namespace: Option<&str>, out: &mut Vec<u8>) {
    let mut parts = index.splitn(3, '-');
    let (Some(kind), Some(own_dataset), Some(own_namespace)) = (parts.next(), parts.next(), parts.next()) else {
        return out.extend_from_slice(index.as_bytes());
    };
    out.extend_from_slice(kind.as_bytes());
    out.push(b'-');
    write_part(dataset.unwrap_or(own_dataset), own_dataset, true, out);
    out.push(b'-');
    write_part(namespace.unwrap_or(own_namespace), own_namespace, false, out);
}

/// Appends a name's part in lower case, what no name may hold replaced by `_`.
fn write_part(part: &str, otherwise: &str, is_dataset: bool, out: &mut Vec<u8>) {
    let start = out.len();
    for character in part.chars().flat_map(char::to_lowercase) {
        let is_forbidden = matches!(character, '\\' | '/' | '*' | '?' | '"' | '<' | '>' | '|' | ' ' | ',' | '#' | ':')
            || character.is_control()
            || (is_dataset && character == '-');
        let character = if is_forbidden { '_' } else { character };
        if out.len() - start + character.len_utf8() > PART_BYTES_MAX {
            break;
        }
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    if out.len() == start {
        out.extend_from_slice(otherwise.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_choose_a_data_stream_and_never_an_invalid_one() {
        for (dataset, namespace, wanted) in [
            (None, None, "logs-generic-default"),
            (Some("nginx.access"), None, "logs-nginx.access-default"),
            (Some("A-b c"), Some("Prod-EU"), "logs-a_b_c-prod-eu"),
            (Some(""), Some("a:b/ü"), "logs-generic-a_b_ü"),
        ] {
            let mut out = Vec::new();
            write("logs-generic-default", dataset, namespace, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), wanted);
        }
    }

    #[test]
    fn data_streams_are_known_by_their_names() {
        for (name, wanted) in [
            ("logs-generic-default", true),
            ("logs-a-b-c", true),
            ("logs", false),
            ("logs-a", false),
            ("my-a-b", false),
        ] {
            assert_eq!(is_data_stream(name), wanted, "{name}");
        }
    }
}
