//! `config/reference.yaml`: every key with its default, unit and meaning, made from the table.

use super::key::{Key, Kind};
use super::table::KEYS;
use crate::exporter::config::Kind as Store;

const HEAD: &str = "\
# Every key of Watchgate's configuration with its default. Generated from src/config/table.rs: do not
# edit, run `UPDATE_REFERENCE=1 cargo test --test it reference`.
#
# A file needs only what differs. In the environment a key is WATCHGATE_ and its path joined by __,
# such as WATCHGATE_JOURNAL__BYTES_MAX=4GiB.
#
# listener: IP:PORT, a list of them, or { address: … }
# duration: whole numbers with units, 500ms, 15s, 1h30m; ms, s, m, h, d, w, y
# bytes:    a number, or one with B, KB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB (of 1024)
";

/// The text of the reference. It is a configuration itself: the default one.
#[must_use]
pub fn print() -> String {
    let mut text = HEAD.to_owned();
    for key in KEYS.iter().filter(|key| !key.path.starts_with("exporters.")) {
        if !key.path.contains('.') {
            text.push('\n');
        }
        match key.path {
            "exporters" => {
                text.push_str(&format!("# {}\nexporters: {{}}\n", sentence(key)));
                for kind in Store::NAMES {
                    exporter(kind, "# ", &mut text);
                }
            }
            path => line(key, path, "", &mut text),
        }
    }
    text
}

/// The lines of an exporter of `kind`, each after `start`: in the reference they are comments.
pub fn exporter(kind: &str, start: &str, text: &mut String) {
    let head = format!("exporters.{kind}");
    for key in KEYS.iter().filter(|key| key.path == head || key.belongs_to(kind)) {
        let path = key.path.replacen('*', kind, 1);
        line(key, &path, start, text);
    }
}

fn line(key: &Key, path: &str, start: &str, text: &mut String) {
    let indent = "  ".repeat(path.matches('.').count());
    let name = path.rsplit('.').next().unwrap_or(path);
    let comment = format!("{start}{indent}# {}\n", sentence(key));
    match key.kind {
        Kind::Section => text.push_str(&format!("{comment}{start}{indent}{name}:\n")),
        Kind::Later => text.push_str(&format!("{start}{indent}# {name}: not yet supported; {}\n", key.meaning)),
        _ => text.push_str(&format!("{comment}{start}{indent}{name}: {}\n", key.default)),
    }
}

/// The meaning, and the unit or the words to choose from unless the meaning names them all.
fn sentence(key: &Key) -> String {
    let named = matches!(key.kind, Kind::Choice(words) if words.iter().all(|word| key.meaning.contains(word)));
    match key.kind.unit() {
        unit if unit.is_empty() || named => key.meaning.to_owned(),
        unit => format!("{} ({unit})", key.meaning),
    }
}
