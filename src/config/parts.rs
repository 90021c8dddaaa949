//! The sections whose settings belong to modules that do not read YAML: journal, OTLP's translation, limits.

use crate::codec::otlp_metrics::{Settings as Translation, Strategy};
use crate::journal::{Config as Journal, Durability, MinFree, OnFull};
use crate::limits::Limits;
use crate::yaml::{Node, Problems, scalar};

/// Reads `journal:`; what is absent keeps its default.
pub(super) fn journal(node: Option<&Node>, problems: &mut Problems) -> Journal {
    let mut journal = Journal::default();
    let Some(mut map) = node.and_then(|node| node.map("journal", problems)) else { return journal };
    map.set("bytes_max", &mut journal.bytes_max, Node::bytes_above_zero, problems);
    map.set("retention", &mut journal.retention, Node::duration, problems);
    let durability = |node: &Node, path: &str, problems: &mut Problems| {
        node.choice(path, &[("write", Durability::Write), ("fsync", Durability::Fsync)], problems)
    };
    map.set("durability", &mut journal.durability, durability, problems);
    map.set("min_free", &mut journal.min_free, min_free, problems);
    let on_full = |node: &Node, path: &str, problems: &mut Problems| {
        node.choice(path, &[("reject", OnFull::Reject), ("drop_oldest", OnFull::DropOldest)], problems)
    };
    map.set("on_full", &mut journal.on_full, on_full, problems);
    map.finish(problems);
    journal
}

fn min_free(node: &Node, path: &str, problems: &mut Problems) -> Option<MinFree> {
    let read = |text: &str| match text.strip_suffix('%') {
        Some(percent) => {
            scalar::parse_float(percent.trim()).filter(|share| (0.0..100.0).contains(share)).map(MinFree::Percent)
        }
        None => scalar::parse_bytes(text).map(MinFree::Bytes),
    };
    node.scalar(path, "a share below 100% or a size", "one such as 5% or 1GiB", read, problems)
}

/// Reads `otlp:`; what is absent keeps its default.
pub(super) fn otlp(node: Option<&Node>, problems: &mut Problems) -> Translation {
    let mut otlp = Translation::default();
    let Some(mut map) = node.and_then(|node| node.map("otlp", problems)) else { return otlp };
    let strategy = |node: &Node, path: &str, problems: &mut Problems| node.choice(path, &Strategy::ALL, problems);
    map.set("translation_strategy", &mut otlp.strategy, strategy, problems);
    let texts = |node: &Node, path: &str, problems: &mut Problems| {
        node.texts(path, problems).map(|texts| texts.into_iter().map(str::to_owned).collect())
    };
    map.set("promote_resource_attributes", &mut otlp.promote_resource_attributes, texts, problems);
    for (key, target) in [
        ("keep_identifying_resource_attributes", &mut otlp.keep_identifying_resource_attributes),
        ("promote_scope_metadata", &mut otlp.promote_scope_metadata),
        ("label_name_underscore_sanitization", &mut otlp.label_name_underscore_sanitization),
        ("label_name_preserve_multiple_underscores", &mut otlp.label_name_preserve_multiple_underscores),
    ] {
        map.set(key, target, Node::bool, problems);
    }
    for key in ["promote_all_resource_attributes", "convert_histograms_to_nhcb"] {
        map.later(key, problems);
    }
    map.finish(problems);
    otlp
}

/// Reads `limits:`; what is absent keeps its default.
pub(super) fn limits(node: Option<&Node>, problems: &mut Problems) -> Limits {
    let mut limits = Limits::default();
    let Some(mut map) = node.and_then(|node| node.map("limits", problems)) else { return limits };
    map.set("request_bytes_max", &mut limits.request_bytes_max, Node::bytes_above_zero, problems);
    map.set("memory_bytes", &mut limits.memory_bytes, Node::bytes_above_zero, problems);
    let series = |node: &Node, path: &str, problems: &mut Problems| node.uint_within(path, 1..=1 << 32, problems);
    map.set("series_max", &mut limits.series_max, series, problems);
    let labels = |node: &Node, path: &str, problems: &mut Problems| {
        node.uint_within(path, 1..=1 << 16, problems).and_then(|count| usize::try_from(count).ok())
    };
    map.set("labels_max", &mut limits.labels_max, labels, problems);
    let size = |node: &Node, path: &str, problems: &mut Problems| {
        node.bytes_above_zero(path, problems).and_then(|bytes| usize::try_from(bytes).ok())
    };
    map.set("label_name_bytes_max", &mut limits.label_name_bytes_max, size, problems);
    map.set("label_value_bytes_max", &mut limits.label_value_bytes_max, size, problems);
    let levels = |node: &Node, path: &str, problems: &mut Problems| {
        node.uint_within(path, 1..=128, problems).and_then(|count| usize::try_from(count).ok())
    };
    map.set("nesting_max", &mut limits.nesting_max, levels, problems);
    map.finish(problems);
    limits
}
